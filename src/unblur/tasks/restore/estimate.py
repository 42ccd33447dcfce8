"""What blurred a photo, from the photo alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.photo.photo import Photo, read_photo
from unblur.tasks.methods.blur_estimate import BlurEstimate
from unblur.tasks.restore.options import JUDGED_MODEL, RestoreOptions
from unblur.tasks.restore.restorer import shared_restorer

Float32 = NDArray[np.float32]


def estimate_blur(
    photo: Photo | Float32 | Path | str, *, options: RestoreOptions | None = None
) -> BlurEstimate:
    """Find what blurred a photo.

    Args:
        photo: A photo, its file, or its pixels: (H, W, 3) sRGB-encoded in [0, 1].
        options: Of the networks that judge: engine, precision, device, threads.

    Returns:
        The likeliest kernel, whether :func:`restore` with method ``auto`` would undo it, and why.

    Raises:
        PhotoError: If the file cannot be read.
        OptionError: If the pixels hold NaN.

    Examples:
        >>> import numpy as np
        >>> from unblur import estimate_blur
        >>> found = estimate_blur(np.full((80, 96, 3), 0.5, np.float32))
        >>> found.taken, found.words
        (False, 'nothing to find a shake by')
    """
    options = options or RestoreOptions()
    if not options.finds_blur:
        options = replace(options, method="auto", model=JUDGED_MODEL, reference=None, kernel=None)
    if isinstance(photo, str | Path):
        photo = read_photo(Path(photo), max_megapixels=options.max_megapixels)
    pixels = photo.pixels if isinstance(photo, Photo) else photo
    found = shared_restorer(options).estimate(np.asarray(pixels, np.float32))
    assert found is not None
    return found
