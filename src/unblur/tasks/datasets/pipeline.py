"""What pipelines of albumentations ask of their parts, without importing it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from unblur.errors import OptionError

_PICTURES: Final = ("image", "images")
_UNMOVED: Final = ("mask", "masks", "bboxes", "keypoints")


@dataclass(frozen=True, kw_only=True)
class PipelineStep:
    """A part of albumentations' ``Compose``, ``OneOf`` and the like: what they call, no more."""

    more: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Further names, and what kind of thing comes under each, from :meth:`add_targets`."""

    @property
    def available_keys(self) -> set[str]:
        """Names under which pictures, and what belongs to them, may come."""
        return {*_PICTURES, *_UNMOVED, *self.more}

    def add_targets(self, additional_targets: Mapping[str, str]) -> None:
        """Name more pictures, as ``{"right": "image"}``; other kinds of things pass as they are."""
        self.more.update(additional_targets)

    def set_deterministic(self, flag: bool, save_key: str = "replay") -> None:
        """Nothing to do: what a step does to a picture depends on its options alone."""

    def pictures_in(self, data: Mapping[str, object]) -> list[str]:
        """Names of the pictures among keyword arguments, the main one first.

        Raises:
            OptionError: If there are none.
        """
        names = [
            name
            for name in (*_PICTURES, *self.more)
            if self.more.get(name, name) in _PICTURES and data.get(name) is not None
        ]
        if not names:
            raise OptionError(f"give a picture, or image=...; got {', '.join(data) or 'nothing'}")
        return names
