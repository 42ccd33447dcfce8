"""What all data sets share: photos decoded once, and crops that are turned every way."""

from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.errors import DataError, OptionError, PhotoError
from unblur.imaging.photo.photo import WRITABLE, read_photo
from unblur.imaging.video.frames import natural_key

Float32 = NDArray[np.float32]
Codes = NDArray[np.uint8]

WAYS: Final = ("all", "mirror", "none")
"""How crops may be flipped and turned."""
_CACHE_BYTES: Final = 1 << 30
_LEAST_CROP_PX: Final = 16


class PhotoCache:
    """Decoded photos, kept until a limit is reached; what is kept does not change a pair.

    Photos are drawn at random, so that one is as likely to come again as another: there is
    nothing to gain from letting one go for the next. A copy for another process starts empty.

    Args:
        remedy: What to do about a photo that cannot be read, for the message.
        most_bytes: The limit.
    """

    def __init__(self, *, remedy: str, most_bytes: int = _CACHE_BYTES) -> None:
        self.remedy = remedy
        self.most_bytes = most_bytes
        self._photos: dict[Path, Codes] = {}
        self._bytes = 0

    def __getstate__(self) -> dict[str, object]:
        """All but the photos: they would be copied into every process that loads data."""
        return self.__dict__ | {"_photos": {}, "_bytes": 0}

    def __getitem__(self, path: Path) -> Codes:
        """The photo: (H, W, 3) codes of 8 bits, turned upright, without alpha.

        Raises:
            DataError: If it cannot be read.
        """
        photo = self._photos.get(path)
        if photo is None:
            try:
                pixels = read_photo(path).pixels
            except PhotoError as error:
                raise DataError(f"{error}; {self.remedy}") from error
            photo = np.round(pixels * 255).astype(np.uint8)
            if self._bytes + photo.nbytes <= self.most_bytes:
                self._photos[path] = photo
                self._bytes += photo.nbytes
        return photo


def turned(
    rng: np.random.Generator, blurred: Float32, sharp: Float32, ways: str = "all"
) -> tuple[Float32, Float32]:
    """Both pictures, square and (H, W, 3), flipped and turned alike; as planes (3, H, W).

    Args:
        rng: Draws one of the ways.
        blurred: One picture.
        sharp: The other.
        ways: One of :data:`WAYS`: all eight; left and right exchanged or not, as DeblurGAN's
            authors train; or as it is.
    """
    flipped = rng.integers(2) if ways != "none" else 0
    turns = int(rng.integers(4)) if ways == "all" else 0
    first, second = (np.rot90(x[:, ::-1] if flipped else x, turns) for x in (blurred, sharp))
    return _planes(first), _planes(second)


def drawn(rng: np.random.Generator, seed: int, index: int, count: int, *, epochs: bool) -> int:
    """Which of so many photos or pairs is behind pair ``index``.

    Args:
        rng: Of the pair; draws one, if there are no epochs.
        seed: Of all pairs; decides the order within each epoch.
        index: Of the pair.
        count: How many there are to draw from.
        epochs: Each once before any comes again, in another order every time.
    """
    if not epochs:
        return int(rng.integers(count))
    epoch, place = divmod(index, count)
    return int(_order(seed, epoch, count)[place])


@lru_cache(maxsize=16)
def _order(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    # The third number keeps the draw apart from those that are made with the seed elsewhere.
    return np.random.default_rng([seed, epoch, 3]).permutation(count)


def as_floats(codes: Codes) -> Float32:
    """Codes of 8 bits as floats in [0, 1]."""
    return codes.astype(np.float32) / np.float32(255)


def shrunk(codes: Codes, side: int) -> Codes:
    """A square at a side in px, by a Lanczos filter; itself where it has that side."""
    if codes.shape[0] == side:
        return codes
    import pyvips

    image = pyvips.Image.new_from_array(np.ascontiguousarray(codes))
    resized: Codes = image.resize(side / codes.shape[0], vscale=side / codes.shape[1]).numpy()
    return resized


def through_jpeg(codes: Codes, quality: int) -> Codes:
    """What is left of (H, W, 3) codes in a JPEG of a quality from 1 to 100."""
    import pyvips

    data = pyvips.Image.new_from_array(np.ascontiguousarray(codes)).jpegsave_buffer(Q=quality)
    decoded: Codes = pyvips.Image.new_from_buffer(data, "").numpy()
    return decoded


def check_index(index: int, count: int) -> None:
    """Check that there is a pair of this number; iteration ends on the error.

    Raises:
        IndexError: If ``index`` is outside [0, count).
    """
    if not 0 <= index < count:
        raise IndexError(f"pair {index} of {count}")


def wrong_draws(crop_px: int, seed: int, count: int) -> str | None:
    """What is wrong with the numbers that every data set takes, if anything."""
    if crop_px < _LEAST_CROP_PX:
        return f"crop_px must be at least {_LEAST_CROP_PX}, got {crop_px}"
    if seed < 0 or count < 0:
        return f"seed and count must not be negative, got {seed} and {count}"
    return None


def check_scale(scale: tuple[float, float]) -> None:
    """Check a range of sizes, relative to the files, at which photos are used.

    Raises:
        OptionError: If it is empty, or enlarges.
    """
    low, high = scale
    if not 0 < low <= high <= 1:
        raise OptionError(f"scale needs 0 < low <= high <= 1, got [{low}, {high}]")


def photo_files(folder: Path) -> list[Path]:
    """Photos right in a folder, in natural order: frame2 before frame10.

    Raises:
        DataError: If the folder cannot be listed.
    """
    return [path for path in sorted_paths(folder) if _is_photo(path)]


def sorted_paths(folder: Path) -> list[Path]:
    """What is right in a folder, in natural order, but for hidden files.

    Raises:
        DataError: If the folder cannot be listed.
    """
    try:
        inside = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed ({error.strerror})") from error
    return sorted(inside, key=natural_key)


def _is_photo(path: Path) -> bool:
    return path.suffix.lower() in WRITABLE and path.is_file()


def _planes(pixels: Float32) -> Float32:
    return np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32)
