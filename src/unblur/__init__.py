"""Restore photographs spoiled by motion blur.

    from unblur import restore
    restore("photo.jpg")  # writes photo.unblurred.jpg

The names below are loaded on first use, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from unblur._version import __version__ as __version__

if TYPE_CHECKING:
    from unblur.errors import UnblurError
    from unblur.imaging.blur.blur import blur
    from unblur.imaging.blur.kernels import random_kernels
    from unblur.imaging.blur.motion import random_motion
    from unblur.imaging.blur.psf import read_kernel
    from unblur.imaging.deblur.classical import deconvolve
    from unblur.imaging.photo.photo import Photo, read_photo, write_photo
    from unblur.metrics import psnr, ssim
    from unblur.tasks.batch.any_kind import restore
    from unblur.tasks.batch.files import restore_files
    from unblur.tasks.batch.sources import find_sources, plan_jobs
    from unblur.tasks.datasets.augment import RandomBlur, Unblur
    from unblur.tasks.datasets.batch_blur import RandomBlurBatch
    from unblur.tasks.methods.blur_estimate import BlurEstimate
    from unblur.tasks.restore.estimate import estimate_blur
    from unblur.tasks.restore.options import RestoreOptions
    from unblur.tasks.restore.restorer import Restorer
    from unblur.tasks.train.data import TrainingData
    from unblur.tasks.train.kinds import load_training
    from unblur.tasks.train.run import train

__all__ = [
    "BlurEstimate",
    "Photo",
    "RandomBlur",
    "RandomBlurBatch",
    "RestoreOptions",
    "Restorer",
    "TrainingData",
    "Unblur",
    "UnblurError",
    "blur",
    "deconvolve",
    "estimate_blur",
    "find_sources",
    "load_training",
    "plan_jobs",
    "psnr",
    "random_kernels",
    "random_motion",
    "read_kernel",
    "read_photo",
    "restore",
    "restore_files",
    "ssim",
    "train",
    "write_photo",
]

_HOMES: Final = {
    "BlurEstimate": "unblur.tasks.methods.blur_estimate",
    "Photo": "unblur.imaging.photo.photo",
    "RandomBlur": "unblur.tasks.datasets.augment",
    "RandomBlurBatch": "unblur.tasks.datasets.batch_blur",
    "RestoreOptions": "unblur.tasks.restore.options",
    "Restorer": "unblur.tasks.restore.restorer",
    "TrainingData": "unblur.tasks.train.data",
    "Unblur": "unblur.tasks.datasets.augment",
    "UnblurError": "unblur.errors",
    "blur": "unblur.imaging.blur.blur",
    "deconvolve": "unblur.imaging.deblur.classical",
    "estimate_blur": "unblur.tasks.restore.estimate",
    "find_sources": "unblur.tasks.batch.sources",
    "load_training": "unblur.tasks.train.kinds",
    "plan_jobs": "unblur.tasks.batch.sources",
    "psnr": "unblur.metrics",
    "random_kernels": "unblur.imaging.blur.kernels",
    "random_motion": "unblur.imaging.blur.motion",
    "read_kernel": "unblur.imaging.blur.psf",
    "read_photo": "unblur.imaging.photo.photo",
    "restore": "unblur.tasks.batch.any_kind",
    "restore_files": "unblur.tasks.batch.files",
    "ssim": "unblur.metrics",
    "train": "unblur.tasks.train.run",
    "write_photo": "unblur.imaging.photo.photo",
}


if not TYPE_CHECKING:  # to a type checker no other name is there

    def __getattr__(name):
        if name not in _HOMES:
            raise AttributeError(f"module 'unblur' has no attribute {name!r}")
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
