"""Restore one photo or video of a job, say how far it is, and make what a browser can show."""

from base64 import b64encode
from contextlib import closing, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from unblur.errors import PhotoError, UnblurError
from unblur.imaging.draw.preview import draw_path
from unblur.imaging.photo.decode import megapixels
from unblur.imaging.photo.photo import Photo, encode_photo, read_photo
from unblur.imaging.photo.sniff import sniff
from unblur.tasks.methods.blind import BlindMethod
from unblur.tasks.progress.stages import doing, heard, unheard
from unblur.tasks.restore.diagnose import diagnose
from unblur.tasks.restore.file import Restored, restore_file
from unblur.tasks.restore.names import target_name
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer, shared_restorer
from unblur.tasks.restore.second_shot import ReferenceMethod
from unblur.tasks.restore.streamed import convert_streamed
from unblur.tasks.video.restore import RestoredVideo, VideoOptions, restore_video
from unblur.web.checks import has_extra
from unblur.web.clip import write_clip
from unblur.web.kept import KeptBlur
from unblur.web.options import UNSHARP
from unblur.web.words import (
    Verdict,
    classic_verdict,
    photo_verdict,
    plain_words,
    second_shot_verdict,
    video_verdict,
)

Float32 = NDArray[np.float32]

_DIAGNOSED_MEGAPIXELS: Final = 50.0
"""A diagnosis has all pixels in memory."""
_SHOWN: Final = {"jpeg": "jpg", "png": "png", "webp": "webp", "avif": "avif", "gif": "gif"}
"""What browsers show, and under which ending it is handed to them."""
_PATH_PX: Final = 96
_MOST_KEPT: Final = 8
"""Photos of a job whose blur is kept for another strength: up to 40 MB each."""


class Say(Protocol):
    """Tells the server what happens."""

    def __call__(self, event: str, **facts: Any) -> None:
        """Send an event with its facts."""
        ...


def restore_photo(
    source: Path, folder: Path, index: int, order: dict[str, Any], say: Say
) -> dict[str, Any]:
    """Restore a photo; the file is the one that `unblur restore` writes.

    Args:
        source: The photo.
        folder: Of the job: results go to ``out`` in it, pictures to look at to ``show``.
        index: Number of the photo in the job.
        order: What the server asked for.
        say: Tells it how far the work is.

    Returns:
        Facts about the result; paths are relative to the folder.

    Raises:
        UnblurError: If it cannot be restored; of a kind that `unblur restore` would raise.
    """
    most = float(order["max_megapixels"])
    options = _options(order, folder)
    plain = shared_restorer(replace(options, reference=None, strength=1.0, guard=True))
    kind = _kind(source)
    diagnosis, kept = None, _kept_file(order, index)

    def hear(stage: str, share: float | None) -> None:
        say("stage", index=index, stage=stage, share=share)

    with heard(hear):
        if not is_known(order, index):
            doing("look")
            with unheard():
                diagnosis = _diagnosis(source, plain.without_search(), most)
        if diagnosis is not None:
            say("diagnosis", index=index, diagnosis=diagnosis)
        if options.reference is None:
            method = plain.method
            if isinstance(method, BlindMethod) and len(order["names"]) <= _MOST_KEPT:
                method = KeptBlur(method, kept)
            restorer = Restorer(method, options)
        else:
            alone = Restorer(plain.method, replace(options, reference=None, strength=1.0))
            restorer = Restorer(ReferenceMethod(alone, options), options)
        target = folder / "out" / _with_strength(target_name(source), options.strength)
        done = restore_file(source, restorer, target=target)
        doing("show")
        with unheard():
            before = _shown(source, kind, folder / "show" / f"{index}-before", most)
            after = _shown(target, _kind(target), folder / "show" / f"{index}-after", most)
    verdict, notes = _verdict(done, options)
    if diagnosis is not None:
        say("diagnosis", index=index, diagnosis={**diagnosis, "words": verdict.said})
    found = done.estimate
    return {
        "file": _within(target, folder),
        "before": _within(before, folder),
        "after": _within(after, folder),
        "verdict": asdict(verdict),
        "notes": notes,
        "blur": None if found is None else found.facts(),
        "path": None if found is None or found.path is None else _picture_of(found.path),
        "known": is_known(order, index),
        "seconds": round(done.seconds, 3),
        "bytes": target.stat().st_size,
    }


def is_known(order: dict[str, Any], index: int) -> bool:
    """Whether the blur of a photo of an order has been found before."""
    return _kept_file(order, index).exists()


def _verdict(done: Restored, options: RestoreOptions) -> tuple[Verdict, list[str]]:
    """What is said of a photo, and the notes that say something else."""
    found = done.estimate
    told = [] if found is None else [found.sentence]
    notes = [
        plain_words(note)
        for note in done.notes
        if note not in told and not note.startswith("hardly changed: ")
    ]
    if options.reference is not None:
        sign = f"{options.reference.name} not used: "
        refused = next((note for note in done.notes if note.startswith(sign)), None)
        return second_shot_verdict(refused), notes
    if options.method == UNSHARP:
        return classic_verdict(), notes
    return photo_verdict(found, done.unchanged, second_shots=has_extra("reference")), notes


def restore_clip(
    source: Path, folder: Path, index: int, order: dict[str, Any], say: Say
) -> dict[str, Any]:
    """Restore a video; arguments and result are those of :func:`restore_photo`.

    Raises:
        UnblurError: If it cannot be restored.
    """
    options = replace(_options(order, folder), strength=1.0, reference=None)
    restorer = shared_restorer(options)
    done: RestoredVideo | None = None
    say("stage", index=index, stage="frames", share=None)
    with closing(
        restore_video(source, None, restorer, VideoOptions(strength=float(order["strength"])))
    ) as steps:
        for step in steps:
            if isinstance(step, RestoredVideo):
                done = step
            else:
                share = min(1.0, step.frames / step.total) if step.total else None
                of = f" of {max(step.frames, step.total)}" if step.total else ""
                words = f"restoring, frame {step.frames}{of}"
                say("stage", index=index, stage="frames", share=share, doing=words)
    assert done is not None
    name = _with_strength(done.target.name, float(order["strength"]))
    target = done.target.replace(folder / "out" / name)
    say("stage", index=index, stage="show", share=1.0)
    shown = target.suffix.lower() in {".mp4", ".webm", ".m4v"}
    clip: Path | None = folder / "show" / f"{index}-clip.mp4"
    assert clip is not None
    try:
        write_clip(source, target, clip)
    except (UnblurError, OSError, ValueError):  # the video itself is there
        clip = None
    return {
        "file": _within(target, folder),
        "after": _within(target, folder) if shown else None,
        "clip": _within(clip, folder),
        "verdict": asdict(video_verdict(done.frames, may_flicker=done.may_flicker)),
        "notes": [plain_words(note) for note in (*done.notes, *done.missing)],
        "bytes": target.stat().st_size,
    }


def _kept_file(order: dict[str, Any], index: int) -> Path:
    return Path(order["folder"]) / "found" / f"{index}.npz"


def _with_strength(name: str, strength: float) -> str:
    """``photo.unblurred-50.jpg``: beside the one of full strength, the name must tell."""
    if strength >= 1:
        return name
    path = Path(name)
    return f"{path.stem}-{100 * strength:g}{path.suffix}"


def _options(order: dict[str, Any], folder: Path) -> RestoreOptions:
    model = str(order["model"])
    reference = order["reference"]
    usual = "auto" if reference is None else "network"  # a second shot shows the blur better
    return RestoreOptions(
        model="fast" if model == UNSHARP else model,
        method=UNSHARP if model == UNSHARP else usual,
        strength=float(order["strength"]),
        guard=bool(order["guard"]),
        reference=None if reference is None else folder / "reference" / reference,
        reference_is=str(order["reference_is"]),
        device=str(order["device"]),
        max_megapixels=float(order["max_megapixels"]),
    )


def _kind(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return sniff(stream, str(path))
    except OSError as error:
        if isinstance(error, UnblurError):
            raise
        raise PhotoError(f"{path}: cannot be read ({error.strerror})") from error


def _diagnosis(source: Path, restorer: Restorer, most: float) -> dict[str, Any] | None:
    """None of what is too small or too large; whatever else is wrong is said when restoring."""
    with suppress(UnblurError):
        if megapixels(source) <= min(most, _DIAGNOSED_MEGAPIXELS):
            found = diagnose(read_photo(source, max_megapixels=most), restorer)
            blur = found.blur
            return {
                "verdict": found.verdict,
                "length_px": None if blur is None else round(blur.length_px, 1),
                "angle_deg": round(blur.angle_deg) if blur and found.directed else None,
                "varies": found.varies,
                "gain_db": None if found.gain_db is None else round(found.gain_db, 2),
            }
    return None


def _shown(path: Path, kind: str, picture: Path, most: float) -> Path | None:
    """A file of all pixels that browsers show: itself, or a JPEG of it; None if neither can be."""
    if kind in _SHOWN:
        link = picture.with_suffix(f".{_SHOWN[kind]}")
        link.hardlink_to(path)  # under an ending that tells what is in it, whatever it was named
        return link
    picture = picture.with_suffix(".jpg")
    try:
        convert_streamed(path, picture, max_megapixels=most)
    except UnblurError:  # a JPEG has 65,535 px a side at most
        return None
    return picture


def _picture_of(path: Float32) -> str:
    """A small picture of a kernel, for the page: a data URI."""
    drawn = np.repeat(draw_path(path, _PATH_PX)[..., None], 3, axis=2)
    png = encode_photo(Photo(pixels=drawn, grey=True), "png")
    return f"data:image/png;base64,{b64encode(png).decode('ascii')}"


def _within(path: Path | None, folder: Path) -> str | None:
    return None if path is None else path.relative_to(folder).as_posix()
