"""Crops of photos beside what deconvolution made of them, for the network that knows kernels."""

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.data.crops import Float32, as_floats, check_index, sorted_paths, turned, wrong_draws
from unblur.errors import DataError, OptionError
from unblur.imaging.deblur.known.guide import beside_guide

_CACHE_BYTES: Final = 4 << 30
_REDRAWS: Final = 1000
_LEFT_OUT: Final = "out of focus"


@dataclass(frozen=True, kw_only=True)
class TriedOptions:
    """Which crops are seen how often; the table ``[data]`` of a recipe."""

    crop_px: int = 128
    """Side of the square crops."""
    second: bool = False
    """Learn from tries that were made with ``--second``, and from no others."""
    without_share: float = 0.12
    """Crops of tries with kernels that are shown without one, as where none is found."""
    unguided_share: float = 0.35
    """Of the tries without any kernel, so many are used when they are drawn."""
    harmful_db: float = 1.5
    """A guide that loses more, against the blurred photo, is harmful ..."""
    harmful_share: float = 0.12
    """... and seen so much less often: the judge keeps most of them away, and a network that sees
    many of them trusts no guide."""

    def __post_init__(self) -> None:
        """Check ranges."""
        if wrong := wrong_draws(self.crop_px, 0, 0):
            raise OptionError(wrong)
        for name in ("without_share", "unguided_share", "harmful_share"):
            if not 0 < getattr(self, name) <= 1:
                raise OptionError(f"{name} must be in (0, 1], got {getattr(self, name)}")
        if not self.harmful_db >= 0:
            raise OptionError(f"harmful_db must not be negative, got {self.harmful_db}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Try:
    """A file of ``unblur data kernels``.

    Attributes:
        path: The file.
        photo: Name of the photo that was blurred.
        size: Height and width.
        found: How many of the guides are of kernels that a search found; the others are of the
            true one, exact or disturbed.
        gains: Of each guide over the blurred photo, dB.
        alike: How like the true kernel each of those is that were found, 0 to 1.
        lights: Of each kernel: it blurred light.
        second: The guides are what the photo and the first network said together.
    """

    path: Path
    photo: str
    size: tuple[int, int]
    found: int
    gains: NDArray[np.float64]
    alike: tuple[float, ...] = ()
    lights: tuple[bool, ...] = ()
    second: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class TriedPixels:
    """The pictures of a try, as codes of 8 bits.

    Attributes:
        blurred: (h, w, 3).
        sharp: (h, w, 3).
        guides: (n, h, w, 4).
    """

    blurred: NDArray[np.uint8]
    sharp: NDArray[np.uint8]
    guides: NDArray[np.uint8]


def list_tries(folder: Path, *, second: bool = False) -> list[Try]:
    """The tries in a folder, in natural order of their names.

    Those of photos out of focus are left out: nothing shook them, and a network that has learned
    to sharpen them does so to the soft background of photos that were shaken.

    Args:
        folder: What ``unblur data kernels`` wrote.
        second: They are to be what that wrote with ``--second``.

    Raises:
        DataError: If the folder cannot be listed, has none, or one is damaged or of the other kind.
    """
    paths = [path for path in sorted_paths(folder) if path.suffix == ".npz"]
    if not paths:
        raise DataError(f"{folder} holds no tries (.npz); `unblur data kernels` makes them")
    tries = [facts for facts in map(_read_facts, paths) if facts is not None]
    if not tries:
        raise DataError(f"{folder} holds only tries of photos out of focus, which teach nothing")
    other = next((each.path for each in tries if each.second != second), None)
    if other is not None:
        made, wanted = ("without", "with") if second else ("with", "without")
        raise DataError(
            f"{other} was made {made} --second, and this recipe learns from tries made {wanted} it"
        )
    return tries


def split_tries(tries: Sequence[Try], *, held_out: int) -> tuple[list[Try], list[Try]]:
    """Those to train on, and those of so many photos that are kept out of training.

    Raises:
        DataError: If no photo would be left to train on.
    """
    photos = sorted({each.photo for each in tries})
    if not 0 <= held_out < len(photos):
        raise DataError(f"tries of {len(photos)} photos are too few to keep {held_out} out")
    order = np.random.default_rng(0).permutation(len(photos))
    kept_out = {photos[i] for i in order[:held_out]}
    return (
        [each for each in tries if each.photo not in kept_out],
        [each for each in tries if each.photo in kept_out],
    )


def read_try(path: Path) -> TriedPixels:
    """The pictures of a try.

    Raises:
        DataError: If the file is missing or damaged.
    """
    parts = read_arrays(path, ("blurred", "sharp", "guides"))
    return TriedPixels(**parts)


class TryCache:
    """Pictures of tries, kept until a limit is reached; a copy for another process starts empty."""

    def __init__(self) -> None:
        self._held: dict[Path, TriedPixels] = {}
        self._bytes = 0

    def __getstate__(self) -> dict[str, object]:
        """All but the pictures: they would be copied into every process that loads data."""
        return self.__dict__ | {"_held": {}, "_bytes": 0}

    def __getitem__(self, path: Path) -> TriedPixels:
        """As :func:`read_try` gives them."""
        held = self._held.get(path)
        if held is None:
            held = read_try(path)
            size = held.blurred.nbytes + held.sharp.nbytes + held.guides.nbytes
            if self._bytes + size <= _CACHE_BYTES:
                self._held[path] = held
                self._bytes += size
        return held


class TriedCrops:
    """An endless, indexable set of what the network sees, (7, c, c), and the truth, (3, c, c).

    Args:
        tries: From :func:`list_tries`; those smaller than a crop are left out.
        options: How often what is seen.
        seed: Pair ``i`` depends on the seed, ``i`` and the files alone.
        count: Length to report; any index below it is valid.

    Raises:
        DataError: If there is nothing to cut crops from.
        OptionError: If a number is out of range.
    """

    def __init__(
        self, tries: Sequence[Try], options: TriedOptions, *, seed: int, count: int
    ) -> None:
        if wrong := wrong_draws(options.crop_px, seed, count):
            raise OptionError(wrong)
        self.tries = [each for each in tries if min(each.size) >= options.crop_px]
        if not self.tries:
            raise DataError(f"no tries of at least {options.crop_px} px a side to learn from")
        self.options = options
        self.seed = seed
        self.count = count
        self._pixels = TryCache()

    def __len__(self) -> int:
        """The number of crops."""
        return self.count

    def __getitem__(self, index: int) -> tuple[Float32, Float32]:
        """Crop ``index``: what :func:`beside_guide` gives, and the sharp photo, as planes.

        Raises:
            IndexError: If the index is outside [0, count).
            DataError: If a file is damaged.
        """
        drawn, rng = self._draw(index)
        pixels = self._pixels[drawn.path]
        side = self.options.crop_px
        rows, columns = (
            slice(at, at + side)
            for at in (int(rng.integers(0, whole - side + 1)) for whole in drawn.size)
        )

        def cut(codes: NDArray[np.uint8]) -> Float32:
            return as_floats(codes[rows, columns])

        guide = None
        if len(drawn.gains) and rng.uniform() >= self.options.without_share:
            weights = self._weights(drawn)
            guide = cut(pixels.guides[rng.choice(len(weights), p=weights / weights.sum())])
        seen, truth = beside_guide(cut(pixels.blurred), guide), cut(pixels.sharp)
        colours = rng.permutation(3)
        order = [*colours, *(3 + colours), 6]
        return turned(rng, seen[..., order], truth[..., colours])

    def describe(self, index: int) -> str:
        """The file behind crop ``index``."""
        return str(self._draw(index)[0].path)

    def _draw(self, index: int) -> tuple[Try, np.random.Generator]:
        check_index(index, self.count)
        rng = np.random.default_rng([self.seed, index])
        drawn = self.tries[0]
        for _ in range(_REDRAWS):
            drawn = self.tries[rng.integers(len(self.tries))]
            if rng.uniform() < self._share(drawn):
                break
        return drawn, rng

    def _share(self, drawn: Try) -> float:
        """How often a try is used when it is drawn."""
        if not len(drawn.gains):
            return self.options.unguided_share
        helpful = self._weights(drawn).max() == 1
        return 1.0 if helpful else 0.5

    def _weights(self, drawn: Try) -> NDArray[np.float64]:
        harmful = drawn.gains <= -self.options.harmful_db
        return np.where(harmful, self.options.harmful_share, 1.0)


def _read_facts(path: Path) -> Try | None:
    parts = read_arrays(path, ("done",))
    try:
        done = json.loads(str(parts["done"]))
        if done["kind"] == _LEFT_OUT:
            return None
        gains = np.array(done["guides"], np.float64) - done["blurred"]
        height, width = done["size"]
        return Try(
            path=path,
            photo=str(done["photo"]),
            size=(int(height), int(width)),
            found=int(done["found"]),
            gains=gains,
            alike=tuple(map(float, done.get("alike", ()))),
            lights=tuple(map(bool, done.get("lights", ()))),
            second=bool(done.get("second", False)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path} is not a try of `unblur data kernels`; remove it") from error


def read_arrays(path: Path, names: Sequence[str]) -> dict[str, Any]:
    """Some of the arrays of a try.

    Raises:
        DataError: If the file is missing or damaged, or one is not in it.
    """
    try:
        # Opened here: of a torn file NumPy would leave it open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
            return {name: held[name] for name in names}
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path} is damaged, or not a try of `unblur data kernels`; remove it, and the same "
            "command makes it again"
        ) from error
