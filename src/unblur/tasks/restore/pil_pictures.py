"""Pictures that are PIL images: what each mode holds, and the mode that comes back."""

import sys
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.errors import OptionError
from unblur.tasks.restore.array_pictures import Pixels, check_range, map_array

_COLOURS: Final = {"L": 1, "LA": 1, "RGB": 3, "RGBA": 3, "RGBX": 3}
"""Channels of 8 bits that are mapped; what follows them stays as it is."""
_BY_WAY_OF: Final = {"La": "LA", "RGBa": "RGBA"}
"""Colours multiplied by alpha, and the mode in which they are not."""
_BECOME: Final = {
    "1": "L",
    "P": "RGB",
    "PA": "RGBA",
    "CMYK": "RGB",
    "YCbCr": "RGB",
    "HSV": "RGB",
    "LAB": "RGB",
}
"""Modes that come back as another: two values are not enough for grey, palettes are full."""
_OTHER_PROFILE: Final = frozenset({"CMYK", "LAB"})
"""Modes whose colour profile says nothing about RGB."""
_SIXTEEN: Final = ("I;16", "I;16L", "I;16B", "I;16N")
_DEEP: Final = ("I", "F")
_MOST: Final = 65535
_KNOWN: Final = ", ".join((*_COLOURS, *_BY_WAY_OF, *_BECOME, *_SIXTEEN, *_DEEP))


def is_pil(picture: Any) -> bool:
    """Whether it is a PIL image; looked at only if the caller has PIL loaded."""
    image = sys.modules.get("PIL.Image")
    return image is not None and isinstance(picture, image.Image)


def check_pil(picture: Any) -> None:
    """Check that an image has a mode and values that can be mapped.

    Raises:
        OptionError: If it has not.
    """
    if 0 in picture.size:
        raise OptionError(f"a PIL image must not be empty, got {picture.size}")
    mode = picture.mode
    if mode in _SIXTEEN or mode in _COLOURS or mode in _BY_WAY_OF or mode in _BECOME:
        return
    if mode == "F":
        check_range(np.asarray(picture))
    elif mode == "I":
        _check_codes(*picture.getextrema())
    else:
        raise OptionError(f"a PIL image of mode {mode} cannot be taken; known modes: {_KNOWN}")


def map_pil(picture: Any, run: Pixels, *, one_channel: bool) -> Any:
    """Run a function on the pixels of an image.

    Args:
        picture: One that :func:`check_pil` lets pass.
        run: As for :func:`unblur.tasks.restore.pictures.map_pixels`.
        one_channel: As there.

    Returns:
        An image of the same mode, or of that which it becomes: RGB, or RGBA where something says
        which pixels are transparent, for palettes, CMYK, YCbCr, HSV and LAB; L for mode 1.
    """
    mode, info = picture.mode, dict(picture.info)
    if mode in _BY_WAY_OF:
        mapped = map_pil(picture.convert(_BY_WAY_OF[mode]), run, one_channel=one_channel)
        mapped = mapped.convert(mode)
    elif mode in _SIXTEEN or mode in _DEEP:
        mapped = _map_deep(picture, run, one_channel=one_channel)
    else:
        become = _mode_of_result(picture)
        if become != mode:
            picture = picture.convert(become)
            info.pop("transparency", None)  # it is in the alpha channel now
            if mode in _OTHER_PROFILE:
                info.pop("icc_profile", None)
        mapped = _map_bytes(picture, run, one_channel=one_channel)
    mapped.info = info
    return mapped


def _mode_of_result(picture: Any) -> str:
    """The mode in which an image is mapped and comes back."""
    become = str(_BECOME.get(picture.mode, picture.mode))
    # One colour that is transparent would be another one once the photo is restored.
    if picture.has_transparency_data and become in {"L", "RGB"}:
        return "LA" if become == "L" else "RGBA"
    return become


def _map_bytes(picture: Any, run: Pixels, *, one_channel: bool) -> Any:
    image = sys.modules["PIL.Image"]
    colours = _COLOURS[picture.mode]
    bands = np.asarray(picture).reshape(picture.height, picture.width, -1).copy()
    bands[..., :colours] = map_array(bands[..., :colours], run, one_channel=one_channel)
    return image.frombytes(picture.mode, picture.size, bands.tobytes())


def _map_deep(picture: Any, run: Pixels, *, one_channel: bool) -> Any:
    """An image of one channel of more than 8 bits."""
    image = sys.modules["PIL.Image"]
    values: NDArray[Any] = np.asarray(picture)
    given = values.astype(np.uint16) if picture.mode == "I" else values
    mapped = map_array(given, run, one_channel=one_channel).astype(values.dtype)
    return image.frombytes(picture.mode, picture.size, mapped.tobytes())


def _check_codes(least: int, most: int) -> None:
    """Check that 32-bit integers are codes of 16 bits: that is what readers leave in mode I."""
    if least < 0 or most > _MOST:
        raise OptionError(
            f"a PIL image of mode I must have values from 0 to {_MOST}, got {least} to {most}; "
            "scale them, or convert them to mode F in [0, 1]"
        )
    if 0 < most < 256:  # noqa: PLR2004
        raise OptionError(
            f"a PIL image of mode I with values of 0 to {_MOST} is expected, got none over {most}, "
            "which may be 8 bits or a black photo; convert it to mode L or I;16"
        )
