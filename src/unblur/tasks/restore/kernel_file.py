"""Find the kernel between two photos, or in one, and write it as a file that restoring reads."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur import checks
from unblur.choices import REFERENCES
from unblur.engines.options import NetworkOptions
from unblur.errors import (
    PhotoError,
    RegistrationError,
    TargetError,
    exists_already,
)
from unblur.imaging.deblur.kernel_support import resized
from unblur.imaging.deblur.pair_kernel import PairKernel
from unblur.imaging.files import replace_file
from unblur.imaging.photo.photo import Photo, read_photo, write_photo
from unblur.imaging.register.reference import fit_pair, read_reference
from unblur.tasks.methods.blur_estimate import BlurEstimate
from unblur.tasks.restore.estimate import estimate_blur
from unblur.tasks.restore.options import RestoreOptions

Float32 = NDArray[np.float32]

_ENDINGS: Final = (".png", ".tif", ".tiff", ".npy")


@dataclass(frozen=True, kw_only=True)
class KernelOptions(NetworkOptions):
    """How to find a kernel, and what to write; networks look for it where there is one photo."""

    reference_is: str = "sharp"
    """``sharp``, or ``noisy``: a short exposure."""
    windows: bool = False
    """Where the blur varies, write the kernel of each window, too."""
    overwrite: bool = False
    """Replace files that exist."""
    max_megapixels: float = 200.0
    """Larger photos are refused before they are decoded."""

    def __post_init__(self) -> None:
        """Check values.

        Raises:
            OptionError: If one is out of range.
        """
        super().__post_init__()
        checks.known(self, reference_is=REFERENCES)
        checks.positive(self, "max_megapixels")


@dataclass(frozen=True, kw_only=True, eq=False)
class Written:
    """A kernel that was found, and the files that hold it."""

    kernel: PairKernel
    files: tuple[Path, ...]


def write_pair_kernel(
    blurred: Path, reference: Path, target: Path, options: KernelOptions | None = None
) -> Written:
    """Find the kernel of a blurred photo by a second shot, and write it.

    Args:
        blurred: The blurred photo.
        reference: The second shot.
        target: ``.png`` or ``.tif``, grey with 16 bits, the largest value white; or ``.npy``,
            float32 of sum 1. All are read by :func:`unblur.imaging.blur.psf.read_kernel`.
        options: How.

    Raises:
        PhotoError: If a photo cannot be read.
        RegistrationError: If the reference does not fit.
        TargetError: If a target exists, is one of the photos, or cannot be written.
        MissingExtraError: If a library of the extra ``reference`` is not installed.
    """
    options = options or KernelOptions()
    _check_target(target, (blurred, reference), options)
    photo = read_photo(blurred, max_megapixels=options.max_megapixels)
    second = read_reference(reference, max_megapixels=options.max_megapixels)
    try:
        fit = fit_pair(photo.pixels.astype(np.float32), second, options.reference_is)
    except RegistrationError as error:
        raise RegistrationError(f"{reference}: {error}") from error
    found = fit.kernel
    files = {target: found.kernel}
    if options.windows and found.varies:
        rows = sorted({window.place.rows.start for window in found.blur.windows})
        columns = sorted({window.place.columns.start for window in found.blur.windows})
        for window in found.blur.windows:
            place = window.place
            row, column = rows.index(place.rows.start), columns.index(place.columns.start)
            name = f"{target.stem}.{row + 1}-{column + 1}{target.suffix}"
            files[target.with_name(name)] = window.kernel
    for path, kernel in files.items():
        _write(kernel, path, overwrite=options.overwrite)
    return Written(kernel=found, files=tuple(files))


def write_found_kernel(
    blurred: Path, target: Path, options: KernelOptions | None = None
) -> BlurEstimate:
    """Find the kernel of a blurred photo from the photo alone, and write the likeliest one.

    Args:
        blurred: The blurred photo.
        target: As for :func:`write_pair_kernel`.
        options: How.

    Returns:
        What was found; whether restoring would undo it is for the caller to tell.

    Raises:
        PhotoError: If the photo cannot be read, or there is nothing in it to find a kernel by.
        TargetError: If the target exists, is the photo, or cannot be written.
    """
    options = options or KernelOptions()
    _check_target(target, (blurred,), options)
    photo = read_photo(blurred, max_megapixels=options.max_megapixels)
    how = RestoreOptions(engine=options.engine, precision=options.precision, device=options.device)
    estimate = estimate_blur(photo, options=how)
    if estimate.kernel is None:
        raise PhotoError(
            f"{blurred}: no kernel ({estimate.words}); a second shot (--reference) may help"
        )
    kernel = estimate.kernel
    if estimate.shrink > 1:
        kernel = resized(kernel, estimate.shrink)
    _write(kernel, target, overwrite=options.overwrite)
    return estimate


def _check_target(target: Path, photos: tuple[Path, ...], options: KernelOptions) -> None:
    """Find out before the work is done, not after."""
    if target.suffix.lower() not in _ENDINGS:
        raise TargetError(
            f"{target}: cannot write '{target.suffix}'; a kernel is {' '.join(_ENDINGS)}"
        )
    for photo in photos:
        if not photo.exists():
            raise PhotoError(f"{photo}: cannot be opened (no such file or directory)")
        if target.exists() and target.samefile(photo):
            raise TargetError(f"{target}: is one of the photos, left alone; name another target")
    if target.exists() and not options.overwrite:
        raise exists_already(target)


def _write(kernel: Float32, path: Path, *, overwrite: bool) -> None:
    if path.suffix.lower() == ".npy":
        buffer = BytesIO()
        np.save(buffer, kernel)
        with replace_file(path, overwrite=overwrite) as temporary:
            temporary.write_bytes(buffer.getvalue())
        return
    shown = np.repeat((kernel / kernel.max())[..., None], 3, axis=2)
    write_photo(Photo(pixels=shown, bits=16, grey=True), path, overwrite=overwrite)
