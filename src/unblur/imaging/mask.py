"""Where to restore: a crop, or a mask."""

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.errors import OptionError
from unblur.imaging.photo.decode import open_upright

Float32 = NDArray[np.float32]

_FEATHER_PX: Final = 4.0
"""Standard deviation of the Gaussian that softens the border of a mask."""
_MOST_MEGAPIXELS: Final = 2000.0


def crop_region(
    crop: tuple[int, int, int, int] | None, height: int, width: int
) -> tuple[slice, slice]:
    """Rows and columns of a crop; of everything where there is none.

    Args:
        crop: Left, top, width and height, in px.
        height: Of the picture, in px.
        width: Of the picture, in px.

    Raises:
        OptionError: If some of it lies outside the picture.
    """
    if crop is None:
        return slice(0, height), slice(0, width)
    left, top, wide, high = crop
    if left + wide > width or top + high > height:
        got = ",".join(map(str, crop))
        raise OptionError(
            f"the crop {got} (X,Y,WIDTH,HEIGHT) does not lie in the picture, which is "
            f"{width} x {height} px"
        )
    return slice(top, top + high), slice(left, left + wide)


class Mask:
    """A picture that is white where a photo is to be restored.

    Its border is feathered inwards, over about 8 px: black stays black.

    Args:
        path: A photo file; alpha is left out, colours count as their mean.

    Raises:
        PhotoError: If it cannot be read.
        OptionError: If it has no white in it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as stream:
                opened = open_upright(stream, str(path), path, _MOST_MEGAPIXELS)
        except OSError as error:
            if error.errno is None:  # our own, which says all
                raise
            raise OptionError(f"the mask {path} cannot be opened ({error.strerror})") from error
        image = opened.image
        colours = image[:3].bandmean() if image.bands > 2 else image[0]  # noqa: PLR2004
        white = (colours > opened.white / 2).ifthenelse(255, 0).cast("uchar")
        if white.max() == 0:
            raise OptionError(f"the mask {path} is black all over; white is restored")
        # What lies beyond the picture's own edges counts as inside.
        reach = round(3 * _FEATHER_PX)
        wide = white.embed(
            reach, reach, white.width + 2 * reach, white.height + 2 * reach, extend="mirror"
        )
        self._image: Any = (
            wide.gaussblur(_FEATHER_PX)
            .extract_area(reach, reach, white.width, white.height)
            .copy_memory()
        )

    def check(self, height: int, width: int) -> None:
        """Refuse a mask of another size than the picture.

        Raises:
            OptionError: If it is.
        """
        if (self._image.height, self._image.width) != (height, width):
            raise OptionError(
                f"the mask {self.path} is {self._image.width} x {self._image.height} px and the "
                f"picture {width} x {height}; they must be of one size"
            )

    def read(self, rows: slice, columns: slice) -> Float32:
        """How much to restore, (h, w) in [0, 1]."""
        part = self._image.crop(
            columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start
        )
        soft = part.numpy().reshape(part.height, part.width).astype(np.float32) / 255
        inwards: Float32 = np.clip(2 * soft - 1, 0, 1)
        return inwards
