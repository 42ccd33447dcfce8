"""VGG19 up to its layer conv3_3: the features in which perceptual losses compare photos."""

import hashlib
import http.client
import os
import shutil
import tempfile
import urllib.request
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812 - as everywhere
from torch import Tensor, nn

from unblur.errors import NetworkError

_LAYERS: Final = ("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3")
_WIDTHS: Final = (3, 64, 64, 128, 128, 256, 256, 256)
_POOLED: Final = {"conv2_1", "conv3_1"}
"""Layers that see the map at half the size of the one before."""
_PUBLISHED_INDICES: Final = (0, 2, 5, 7, 10, 12, 14)
"""Where these layers stand in the published file: ``features.N``."""

_PUBLISHED: Final = "vgg19-dcbb9e9d.pth"
_PUBLISHED_SHA256: Final = "dcbb9e9d"
"""The first digits, which is what its publisher states."""
_URL: Final = f"https://download.pytorch.org/models/{_PUBLISHED}"
_CHUNK: Final = 1 << 20
_ORIGINAL_UNIT: Final = 58.0
"""What a deviation of 1 in the published kind of input is in the original: 255 times 0.226."""

_ADVICE: Final = (
    f"give --vgg FILE: {_PUBLISHED} from {_URL}, "
    f"or a .safetensors file of {_LAYERS[0]} to {_LAYERS[-1]} in the original scaling"
)


class VggFeatures(nn.Module):
    """Frozen features; to be had from :func:`load_vgg`, never with random weights.

    Args:
        weights: ``conv1_1.weight``, ``conv1_1.bias`` and so on up to ``conv3_3``, OIHW.
        original: The weights are scaled for photos of 0 to 255 with the mean taken off, as
            first published. Otherwise for photos of [0, 1] with mean and deviation normalised.
        before_relu: Stop before the last activation.
        normalise: Give the first layer what the network was trained with. Otherwise photos of
            [-1, 1] stand in its place, as DeblurGAN's authors feed it.
    """

    gain: Tensor
    offset: Tensor

    def __init__(
        self,
        weights: Mapping[str, Tensor],
        *,
        original: bool,
        before_relu: bool,
        normalise: bool = True,
    ) -> None:
        super().__init__()
        self.before_relu = before_relu
        with torch.device("meta"):  # no first weights: they would take random numbers
            self.layers = nn.ModuleDict(
                {
                    name: nn.Conv2d(before, after, 3, padding=1)
                    for name, (before, after) in zip(_LAYERS, pairwise(_WIDTHS), strict=True)
                }
            )
        self.layers.load_state_dict(weights, assign=True)
        self.requires_grad_(False)
        if original:
            gain, offset = torch.full((3,), 255.0), torch.tensor([123.68, 116.779, 103.939])
        else:
            deviation = torch.tensor([0.229, 0.224, 0.225])
            gain, offset = 1 / deviation, torch.tensor([0.485, 0.456, 0.406]) / deviation
        if not normalise:
            # 2 p - 1 where (p - mean) / deviation belongs; the original's are 58 times as large.
            unit = _ORIGINAL_UNIT if original else 1.0
            gain, offset = torch.full((3,), 2 * unit), torch.full((3,), unit)
        # Without normalisation the input is about 58 times larger, and so are the features.
        self.divisor = _ORIGINAL_UNIT if original else 1.0
        self.register_buffer("gain", gain.view(3, 1, 1), persistent=False)
        self.register_buffer("offset", offset.view(3, 1, 1), persistent=False)

    def forward(self, photos: Tensor) -> Tensor:
        """Features of a batch.

        Args:
            photos: (B, 3, H, W), sRGB-encoded in [0, 1]; H and W at least 4.

        Returns:
            (B, 256, H // 4, W // 4), in the units of the normalised kind of weights.
        """
        x = photos * self.gain - self.offset
        for name, layer in self.layers.items():
            if name in _POOLED:
                x = F.max_pool2d(x, 2)
            x = layer(x)
            if name != _LAYERS[-1] or not self.before_relu:
                x = F.relu(x)
        return x / self.divisor


def load_vgg(
    path: Path | None = None, *, before_relu: bool = False, normalise: bool = True
) -> VggFeatures:
    """Load VGG19 up to conv3_3, frozen.

    Args:
        path: ``vgg19-dcbb9e9d.pth`` as torchvision publishes it, or a ``.safetensors`` file
            that holds conv1_1 to conv3_3 in the original scaling of Simonyan & Zisserman. None
            takes the published file from the folder ``unblur`` of the user's cache, and fetches
            it there first if needed: 575 MB.
        before_relu: Take conv3_3 before its activation, as the code of DeblurGAN's authors does;
            the paper takes it after.
        normalise: Normalise the input as the network was trained. The authors' code feeds it
            photos of [-1, 1] instead.

    Raises:
        NetworkError: If there is no such file, it cannot be fetched, is damaged, or holds
            something else. There is no fallback.

    References:
        Simonyan & Zisserman, *Very deep convolutional networks for large-scale image
        recognition*, 2015, table 1, column E.
    """
    if path is None:
        path = _cached()
    if not path.is_file():
        raise NetworkError(f"{path}: no such file with the weights of VGG19; {_ADVICE}")
    if path.suffix == ".safetensors":
        weights = _read_original(path)
    elif path.suffix == ".pth":
        weights = _read_published(path)
    else:
        raise NetworkError(f"{path} is neither a .pth nor a .safetensors file; {_ADVICE}")
    return VggFeatures(
        _checked(weights, path),
        original=path.suffix == ".safetensors",
        before_relu=before_relu,
        normalise=normalise,
    )


def _read_original(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise NetworkError(f"{path} is not a safetensors file ({error}); {_ADVICE}") from error


def _read_published(path: Path) -> dict[str, Tensor]:
    _check_hash(path, str(path))
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling fails in many ways
        raise NetworkError(f"{path} is not a file of weights; {_ADVICE}") from error
    return {
        f"{name}.{part}": state[f"features.{index}.{part}"]
        for name, index in zip(_LAYERS, _PUBLISHED_INDICES, strict=True)
        for part in ("weight", "bias")
        if f"features.{index}.{part}" in state
    }


def _checked(weights: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The weights that are needed, in single precision; all there, in shape and finite."""
    checked = {}
    for name, (before, after) in zip(_LAYERS, pairwise(_WIDTHS), strict=True):
        for key, shape in ((f"{name}.weight", (after, before, 3, 3)), (f"{name}.bias", (after,))):
            if key not in weights:
                known = ", ".join(sorted(weights)[:4]) or "nothing"
                raise NetworkError(f"{path} has no {key} (it has {known}, ...); {_ADVICE}")
            got = weights[key]
            if got.shape != shape:
                wanted = list(shape)
                raise NetworkError(
                    f"{path}: {key} must be {wanted}, got {list(got.shape)}; {_ADVICE}"
                )
            if not torch.isfinite(got).all():
                raise NetworkError(f"{path}: {key} is not finite, the file is damaged; {_ADVICE}")
            checked[key] = got.float()
    return checked


def _check_hash(path: Path, name: str) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not found.startswith(_PUBLISHED_SHA256):
        raise NetworkError(
            f"{name} is damaged or another file: its SHA-256 is {found}, expected one that "
            f"begins with {_PUBLISHED_SHA256}; fetch it again, or {_ADVICE}"
        )


def _cached() -> Path:
    """The published file in the cache, fetched if it is not there."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    target = Path(home) / "unblur" / _PUBLISHED
    if target.is_file():
        return target
    part: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            urllib.request.urlopen(_URL, timeout=60) as response,
            tempfile.NamedTemporaryFile(
                dir=target.parent, prefix=f"{_PUBLISHED}.", suffix=".part", delete=False
            ) as file,
        ):
            part = Path(file.name)
            shutil.copyfileobj(response, file, _CHUNK)
        _check_hash(part, f"what {_URL} sent")
        part.replace(target)
    except (OSError, http.client.HTTPException) as error:
        reason = " ".join(str(error).split())
        raise NetworkError(
            f"cannot fetch {_PUBLISHED} ({reason}); copy it to {target}, or {_ADVICE}"
        ) from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)
    return target
