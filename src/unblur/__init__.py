"""Restore photographs spoiled by motion blur.

    from unblur import restore
    restore("photo.jpg")  # writes photo.unblurred.jpg

The names below are loaded on first use, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from unblur.errors import UnblurError
    from unblur.imaging.blur import blur
    from unblur.imaging.kernels import random_kernels
    from unblur.imaging.photo import Photo, read_photo, write_photo
    from unblur.metrics import psnr, ssim
    from unblur.tasks.augment import RandomBlur, Unblur
    from unblur.tasks.kinds import restore
    from unblur.tasks.restore import Restorer

__version__ = "0.1.0"
__all__ = [
    "Photo",
    "RandomBlur",
    "Restorer",
    "Unblur",
    "UnblurError",
    "blur",
    "psnr",
    "random_kernels",
    "read_photo",
    "restore",
    "ssim",
    "write_photo",
]

_HOMES: Final = {
    "Photo": "unblur.imaging.photo",
    "RandomBlur": "unblur.tasks.augment",
    "Restorer": "unblur.tasks.restore",
    "Unblur": "unblur.tasks.augment",
    "UnblurError": "unblur.errors",
    "blur": "unblur.imaging.blur",
    "psnr": "unblur.metrics",
    "random_kernels": "unblur.imaging.kernels",
    "read_photo": "unblur.imaging.photo",
    "restore": "unblur.tasks.kinds",
    "ssim": "unblur.metrics",
    "write_photo": "unblur.imaging.photo",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'unblur' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
