"""Whether a job can be done here, before any work is."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Final

from unblur.errors import MissingExtraError, OptionError
from unblur.web.jobs import Upload, safe_names
from unblur.web.options import UNSHARP, Wish

_NEEDED: Final = {
    "video": ("av", "cv2"),
    "reference": ("skimage", "cv2"),
    "bench": ("skimage",),
    "heif": ("pillow_heif",),
    "raw": ("rawpy",),
}
_PACKAGES: Final = {"cv2": "opencv-python-headless", "skimage": "scikit-image"}
"""What to install, where it is called otherwise than the module."""


def has_extra(extra: str) -> bool:
    """Whether what an extra of unblur brings is installed; ``video``, for example."""
    return not _missing(extra)


def check_order(
    uploads: Sequence[Upload], wish: Wish, reference: Upload | None, *, most: int
) -> bool:
    """Refuse what cannot be done.

    Args:
        uploads: Photos, or one video.
        wish: What is to be done.
        reference: A second shot of the scene.
        most: Photos at once.

    Returns:
        Whether it is a video.

    Raises:
        OptionError: If there are no photos, too many, or photos with a video.
        MissingExtraError: If the server lacks what is asked for.
    """
    if not uploads:
        raise OptionError("no photo was given; choose one")
    if len(uploads) > most:
        raise OptionError(f"{len(uploads)} photos at once; {most} are taken at most")
    videos = [upload for upload in uploads if upload.is_video]
    if videos and len(uploads) > 1:
        raise OptionError(f"{safe_names([videos[0].name])[0]}: give a video by itself")
    if videos and reference is not None:
        raise OptionError("a second shot goes with photos, not with a video")
    if reference is not None and wish.model == UNSHARP:
        raise OptionError("a second shot goes with a network, not with unsharp-mask")
    for extra, wanted in (
        ("video", bool(videos)),
        ("reference", reference is not None),
        ("bench", wish.model == UNSHARP),
    ):
        if wanted and (missing := _missing(extra)):
            raise MissingExtraError(missing[0], extra=extra)
    return bool(videos)


def _missing(extra: str) -> list[str]:
    return [_PACKAGES.get(name, name) for name in _NEEDED[extra] if find_spec(name) is None]
