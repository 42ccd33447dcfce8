"""Restore one file: read, restore, write; nothing by halves, nothing over the original."""

import errno
import os
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias

import numpy as np

from unblur.errors import PhotoError, TargetError, UnblurError, exists_already
from unblur.imaging.files import VIDEO_ENDINGS
from unblur.imaging.photo.decode import megapixels
from unblur.imaging.photo.holds.settle import losses, settle
from unblur.imaging.photo.photo import Photo, format_of, read_photo, write_photo
from unblur.tasks.methods.blur_estimate import BlurEstimate
from unblur.tasks.progress.stages import doing
from unblur.tasks.restore.names import confidence_file, target_name
from unblur.tasks.restore.onlookers import Change, cropped, reduced, write_preview
from unblur.tasks.restore.restorer import Restorer

_LARGE_MEGAPIXELS: Final = 6.0
"""Up to here, a photo's pixels in memory are no more than what the network needs."""
_SECOND_SHOT: Final = "a second shot would help (--reference)"

Unchanged: TypeAlias = Literal["sharp", "too far", "noisy", "unsure"]
"""Why nobody will see what was done to a photo: it is sharp, blurred too far or too dark to tell
how, too dark or too noisy to tell, or one cannot know which of these."""
_UNCHANGED: Final[dict[Unchanged, str]] = {
    "sharp": "sharp already",
    "too far": f"blurred too far, or too dark, to tell how; {_SECOND_SHOT}",
    "noisy": f"too dark or too noisy to tell; if it is blurred, {_SECOND_SHOT}",
    "unsure": "sharp already, or too noisy to tell",
}


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What became of one photo."""

    source: Path
    target: Path
    """The restored photo; not there if ``error`` is set."""
    preview: Path | None = None
    seconds: float = 0.0
    """Reading, restoring and writing."""
    notes: tuple[str, ...] = ()
    """What the user should know: pages left out, colours converted."""
    estimate: BlurEstimate | None = None
    """What was found about its blur, if that was looked for."""
    unchanged: Unchanged | None = None
    """Why nobody will see what was done, if that is so; a note says it, too."""
    skipped: bool = False
    """An earlier run has restored it; nothing was done."""
    otherwise: str | None = None
    """If that run did so in another way, what differs: the result was left as it was."""
    error: str | None = None
    """One line, if the photo could not be restored."""
    cause: Exception | None = field(default=None, compare=False)
    """The exception behind ``error``, if there was one."""


def is_large(source: Path) -> bool:
    """Whether a photo should be restored alone and, if that can be, a few rows at a time.

    Args:
        source: The photo; only its header is read. False where that cannot be.
    """
    try:
        return megapixels(source) > _LARGE_MEGAPIXELS
    except UnblurError:
        return False


def restore_file(
    source: Path,
    restorer: Restorer,
    *,
    target: Path | None = None,
    overwrite: bool = False,
    preview: Path | None = None,
) -> Restored:
    """Restore one file; a large one with little memory.

    Args:
        source: The photo.
        restorer: The open network.
        target: Where to write; not given: beside the source, as ``photo.unblurred.jpg``.
        overwrite: Replace files that exist.
        preview: Where to write before and after side by side, if anywhere; with a reference,
            the confidence in it goes beside that.

    Raises:
        PhotoError: If it cannot be read.
        TargetError: If the target exists, is the source, or cannot be written.
    """
    target = target or source.parent / target_name(source)
    options = restorer.options
    started = time.perf_counter()
    check_paths(source, target, preview, overwrite=overwrite)
    if preview is not None and options.reference is not None:
        check_paths(source, confidence_file(preview), None, overwrite=overwrite)
    doing("read")
    change = Change()
    restore = _restore_in_memory
    if not restorer.needs_whole and is_large(source):
        from unblur.tasks.restore.streamed import restore_streamed

        restore = restore_streamed
    notes = restore(source, target, restorer, overwrite=overwrite, preview=preview, change=change)
    found, unchanged = change.found, None
    if options.strength != 1:
        notes = (*notes, f"strength {100 * options.strength:.3g} %")
    if change.is_little(options):
        unchanged = _why_unchanged(found)
        # What was looked for, and not found, is no news of a photo that is sharp.
        notes = (
            *(note for note in notes if found is None or note != found.sentence),
            f"hardly changed: {_UNCHANGED[unchanged]}",
        )
    return Restored(
        source=source,
        target=target,
        preview=preview,
        seconds=time.perf_counter() - started,
        notes=notes,
        estimate=found,
        unchanged=unchanged,
    )


def _why_unchanged(found: BlurEstimate | None) -> Unchanged:
    from unblur.imaging.measure.noise import hides_blur
    from unblur.tasks.restore.diagnose import CLEARLY_PX, SLIGHTLY_PX

    if found is None or found.blur_px is None:
        return "unsure"
    if found.blur_px >= CLEARLY_PX:
        return "too far"
    if hides_blur(found.contrast, found.noise):
        return "noisy"
    return "sharp" if found.blur_px < SLIGHTLY_PX else "unsure"


def check_paths(
    source: Path, target: Path, preview: Path | None, *, overwrite: bool, in_batch: bool = False
) -> None:
    """Find out before the work is done, not after.

    Args:
        source: The photo.
        target: Where the restored one goes.
        preview: Where before and after go.
        overwrite: Files that exist may be replaced.
        in_batch: The batch's record does not have what exists; the error says what to do then.

    Raises:
        PhotoError: If the source is a video by its name.
        TargetError: If a file to be written exists, or is the source.
    """
    if source.suffix.lower() in VIDEO_ENDINGS and source.exists():
        raise PhotoError(f"{source}: is a video; `unblur video {source}` restores it")
    for path in filter(None, (target, preview)):
        if path.exists() and source.exists() and path.samefile(source):
            raise TargetError(f"{source}: is the source itself, left alone; name another target")
        if path.exists() and not overwrite:
            if in_batch:
                raise exists_already(
                    path,
                    "exists, and no record says that it was made in this way; remove it to have it "
                    "made anew, or {} does all anew",
                )
            raise exists_already(path)


def make_folder(folder: Path) -> None:
    """Make a folder of targets.

    Raises:
        TargetError: If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TargetError(f"{folder}: cannot be made ({error.strerror})") from error


def check_space(source: Path, target: Path) -> None:
    """Refuse, once the disk was full, what will not fit, before the work is done.

    A restored photo is seldom smaller than its source; a smaller one of the batch may fit.

    Raises:
        TargetError: If less space is left than the source takes.
    """
    try:
        free = shutil.disk_usage(target.parent).free
        needed = source.stat().st_size
    except OSError:
        return  # whatever is wrong is found again, and said, where it matters
    if free < needed:
        raise TargetError(
            f"{target}: no space left on this disk: {free / 1e6:.1f} MB free, and the source "
            f"alone has {needed / 1e6:.1f} MB"
        ) from OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _restore_in_memory(
    source: Path,
    target: Path,
    restorer: Restorer,
    *,
    overwrite: bool,
    preview: Path | None,
    change: Change,
) -> tuple[str, ...]:
    options = restorer.options
    photo = read_photo(source, max_megapixels=options.max_megapixels)
    restored = restorer.restore_photo(photo, tell=change.hear)
    before = cropped(photo, options)
    change.compare(before, restored.pixels)
    doing("write")
    write_photo(restored, target, overwrite=overwrite)
    height, width, _ = restored.pixels.shape
    if preview is not None:
        sides = (height, width)
        write_preview(
            (reduced(sides, [before]), reduced(sides, [restored.pixels])),
            photo.metadata,
            preview,
            grey=photo.grey,
            path=None if change.found is None else change.found.path,
            overwrite=overwrite,
        )
        if options.reference is not None:
            _write_confidence(restored, confidence_file(preview), overwrite=overwrite)
    file_format = format_of(target)
    lost = losses(file_format, photo.bits, has_alpha=photo.alpha is not None, opacity=photo.opacity)
    settled = settle(photo.metadata, file_format, (height, width))
    return (*restored.notes, *lost, *settled.notes())


def _write_confidence(restored: Photo, target: Path, *, overwrite: bool) -> None:
    """Where a second shot was believed, as a picture."""
    from unblur.tasks.restore.second_shot import ReferencedPhoto

    if isinstance(restored, ReferencedPhoto):
        shown = np.repeat(restored.confidence[..., None], 3, axis=2)
        write_photo(Photo(pixels=shown, grey=True), target, overwrite=overwrite)
