"""A fitted pyramid of GANs, whole or in the making, in one file."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from unblur.errors import NetworkError, OptionError
from unblur.imaging.files import replace_file
from unblur.imaging.pyramid import step_factor
from unblur.models.singan import ScaleCritic, SinGAN, channels_at
from unblur.tasks.singan.options import LEAST_SIZE_PX, SinGANOptions

_VERSION: Final = "1"
_KIND: Final = "unblur-singan"


@dataclass(kw_only=True)
class Scene:
    """What is known of one scene."""

    gan: SinGAN
    options: SinGANOptions
    photo_sha256: str
    """Hash of the training photo's pixels at the finest scale, in 8 bits."""
    fitted: int = 0
    """Scales that are done, from the coarsest."""
    critic: ScaleCritic | None = None
    """The critic of the last of them."""
    progress: dict[str, Tensor] = field(default_factory=dict)
    """How far the scale after them is; empty if it has not been begun."""

    @property
    def factor(self) -> float:
        """Size of a scale relative to the next finer one."""
        finest = self.gan.sizes[-1]
        return step_factor(finest, scales=len(self.gan.sizes), min_size_px=LEAST_SIZE_PX)

    @property
    def done(self) -> bool:
        """Whether all scales are fitted."""
        return self.fitted == len(self.gan.sizes)


def write_scene(scene: Scene, path: Path, *, overwrite: bool = False) -> None:
    """Write a ``.singan`` file (safetensors, with a few lines of JSON in its header).

    Raises:
        TargetError: If it exists and ``overwrite`` is False, or it cannot be written.
    """
    tensors = {f"gan.{key}": value for key, value in scene.gan.state_dict().items()}
    if not scene.done:  # what is needed to go on only
        tensors |= {f"progress.{key}": value for key, value in scene.progress.items()}
        if scene.critic is not None:
            tensors |= {f"critic.{k}": value for k, value in scene.critic.state_dict().items()}
    tensors = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    facts = {
        "version": _VERSION,
        "sizes": scene.gan.sizes,
        "fitted": scene.fitted,
        "options": scene.options.as_dict(),
        "photo_sha256": scene.photo_sha256,
    }
    with replace_file(path, overwrite=overwrite) as temporary:
        # One entry: the order of several is another each time, and so would be the bytes.
        save_file(tensors, temporary, metadata={_KIND: json.dumps(facts)})


def read_scene(path: Path) -> Scene:
    """Read a ``.singan`` file; nothing that it may contain is run.

    Raises:
        NetworkError: If there is no such file, or it is cut, foreign, damaged or of another
            version.
    """
    if not path.is_file():
        raise NetworkError(f"{path}: no such file; `unblur singan fit PHOTO -o {path}` makes it")
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no dict
    except (OSError, SafetensorError, ValueError) as error:
        raise NetworkError(f"{path} is not a .singan file, or only a part of one") from error
    if _KIND not in header:
        raise NetworkError(f"{path} is not a .singan file, but another safetensors file")
    facts = json.loads(header[_KIND])
    if facts.get("version") != _VERSION:
        raise NetworkError(
            f"{path} is of version {facts.get('version')}, this unblur reads version {_VERSION}; "
            "fit it again, or use the unblur that wrote it"
        )
    try:
        return _scene(facts, tensors)
    except (KeyError, RuntimeError, TypeError, ValueError, OptionError) as error:
        raise NetworkError(f"{path} is damaged; fit it again") from error


def _scene(facts: dict[str, Any], tensors: dict[str, Tensor]) -> Scene:
    sizes = [(int(height), int(width)) for height, width in facts["sizes"]]
    scene = Scene(
        gan=SinGAN(sizes),
        options=SinGANOptions.from_dict(facts["options"]),
        photo_sha256=facts["photo_sha256"],
        fitted=int(facts["fitted"]),
        progress=_part(tensors, "progress."),
    )
    if not 0 <= scene.fitted <= len(sizes) == scene.options.scales:
        raise ValueError("the number of scales is wrong")
    with torch.no_grad():
        scene.gan.load_state_dict(_part(tensors, "gan."))
    critic: dict[str, Any] = _part(tensors, "critic.")
    if critic:
        scene.critic = ScaleCritic(channels_at(scene.fitted - 1))
        scene.critic.load_state_dict(critic)
    scene.gan.eval()
    return scene


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
