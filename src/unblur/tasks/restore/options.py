"""How to restore: the options of every surface."""

import os
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Final, TypeAlias, TypedDict, Unpack

from unblur import checks
from unblur.choices import (
    CLASSICAL,
    ENGINES,
    FINDS_BLUR,
    NETWORK_METHODS,
    PRECISIONS,
    REFERENCES,
)
from unblur.engines import parse_device
from unblur.errors import OptionError

__all__ = ["FINDS_BLUR", "JUDGED_MODEL", "NETWORK_METHODS", "RestoreOptions"]

JUDGED_MODEL: Final = "fast"
"""The judge says whether a kernel gains more than this one."""

PathLike: TypeAlias = str | os.PathLike[str]
_PATHS: Final = ("kernel", "mask", "reference")


class OtherKeywords(TypedDict, total=False):
    """The options of :class:`RestoreOptions` as keywords, all but the method."""

    model: str
    kernel: PathLike | None
    reference: PathLike | None
    reference_is: str
    engine: str
    precision: str
    device: str
    threads: int
    tile: str | int
    strength: float
    guard: bool
    crop: tuple[int, int, int, int] | None
    mask: PathLike | None
    max_megapixels: float


class RestoreKeywords(OtherKeywords, total=False):
    """The options of :class:`RestoreOptions` as keywords; files by any path."""

    method: str


@dataclass(frozen=True, kw_only=True)
class RestoreOptions:
    """How to restore: the same for every photo of a call.

    Examples:
        >>> import numpy as np
        >>> from unblur import RestoreOptions, restore
        >>> grey = np.full((64, 80, 3), 0.5, np.float32)
        >>> restore(grey, options=RestoreOptions(strength=0.5)).shape
        (64, 80, 3)
    """

    model: str = "fast"
    """A name from ``unblur models``, or the path of an ``.onnx`` file: one of unblur's own, or any
    network that maps a picture to one of its size."""
    method: str = "auto"
    """``auto``: find the shake and undo it, where a judge trusts that, else the network;
    ``network``; ``blind``: undo what was found in any case; or one of the classical methods of
    :mod:`unblur.imaging.deblur.classical`. The judge knows ``fast`` alone, and a second shot that
    fits shows the blur better: with another model, or such a reference, it is ``network``."""
    kernel: Path | None = None
    """The blur kernel that a classical method undoes: a picture of it, or ``.npy``."""
    reference: Path | None = None
    """A second shot of the scene, to take detail from and to find the blur with."""
    reference_is: str = "sharp"
    """``sharp``, or ``noisy``: a short exposure."""
    engine: str = "auto"
    """``auto``, ``onnx``, ``openvino`` or ``torch``."""
    precision: str = "auto"
    """``fp32``, ``bf16``, or ``auto``: bf16 where the engine and the processor have it."""
    device: str = "auto"
    """``auto``: a GPU where ONNX Runtime, or the engine torch, has one, else the CPU; ``cpu``; or
    a name of :data:`unblur.engines.DEVICES` or a number. What does not start is warned of."""
    threads: int = 0
    """Threads of one inference; 0 takes one per core."""
    tile: str | int = "auto"
    """Side of the tiles in px, ``off``, or ``auto``: as large as pays and memory allows."""
    strength: float = 1.0
    """Share of the restored picture in the result, 0 to 1; the rest is the original."""
    guard: bool = True
    """Keep the original where it was sharp already."""
    crop: tuple[int, int, int, int] | None = None
    """Left, top, width and height, in px of the upright photo: restore and return this part."""
    mask: Path | None = None
    """A picture of the photo's size: restore where it is white only."""
    max_megapixels: float = 200.0
    """Larger photos are refused before they are decoded."""

    def __repr__(self) -> str:
        """What differs from the defaults, as it would be written."""
        given = ((field, getattr(self, field.name)) for field in fields(self))
        said = [f"{field.name}={value!r}" for field, value in given if value != field.default]
        return f"RestoreOptions({', '.join(said)})"

    @property
    def finds_blur(self) -> bool:
        """Whether the kernel is looked for in the photo itself."""
        alone = self.model == JUDGED_MODEL and self.reference is None
        return self.method == "blind" or (self.method == "auto" and alone)

    def __post_init__(self) -> None:
        """Check values."""
        known = (*NETWORK_METHODS, *CLASSICAL)
        checks.known(self, engine=ENGINES, precision=PRECISIONS, method=known)
        checks.known(self, reference_is=REFERENCES)
        if self.kernel is not None and self.method in NETWORK_METHODS:
            taker = "the network" if self.method == "network" else self.method
            raise OptionError(f"a kernel needs method={' or '.join(CLASSICAL)}; {taker} takes none")
        if self.reference is not None and self.method not in {"auto", "network"}:
            raise OptionError(
                f"a reference goes with method=auto or network, got {self.method!r}; it finds the "
                "blur itself, and takes no kernel"
            )
        parse_device(self.device)
        checks.not_negative(self, "threads")
        checks.positive(self, "max_megapixels")
        checks.share(self, "strength")
        side = self.tile
        if side not in {"auto", "off"} and not (isinstance(side, int) and side > 0):
            raise OptionError(f"tile must be auto, off or a side in px, got {side!r}")
        if self.crop is not None and (min(self.crop[:2]) < 0 or min(self.crop[2:]) < 1):
            got = ",".join(map(str, self.crop))
            raise OptionError(f"crop must be X,Y,WIDTH,HEIGHT with a size above 0, got {got}")


def options_with(
    options: RestoreOptions | None, **keywords: Unpack[RestoreKeywords]
) -> RestoreOptions:
    """Options with some of them changed.

    Args:
        options: What is to be changed; not given: the defaults.
        keywords: What changes.

    Raises:
        TypeError: If there is no such option.
        OptionError: If a value is not one of an option.
    """
    options = options or RestoreOptions()
    values: dict[str, object] = dict(keywords)
    known = [field.name for field in fields(RestoreOptions)]
    for name, value in values.items():
        if name not in known:
            raise TypeError(f"unknown option {name!r}; known: {', '.join(known)}")
        if name in _PATHS and isinstance(value, str | os.PathLike):
            values[name] = Path(value)
    return replace(options, **values)  # type: ignore[arg-type]  # the names are checked, and types by the caller
