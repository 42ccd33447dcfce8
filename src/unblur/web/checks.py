"""Whether a job can be done here, before any work is."""

from collections.abc import Sequence

from unblur.errors import OptionError
from unblur.extras import missing, need
from unblur.web.jobs import Upload, safe_names
from unblur.web.options import UNSHARP, Wish


def has_extra(extra: str) -> bool:
    """Whether what an extra of unblur brings is installed; ``video``, for example."""
    return not missing(extra)


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
        if wanted:
            need(extra)
    return bool(videos)
