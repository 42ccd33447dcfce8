"""A photo from standard input, a restored one to standard output."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

from unblur.cli.flags import STREAM
from unblur.cli.reporting import error_of
from unblur.errors import OptionError, PhotoError

if TYPE_CHECKING:
    from unblur.tasks.batch.files import Job, Restored

_INPUT: Final = "standard input"
_OUTPUT: Final = "standard output"
_ENDINGS: Final = {"jpeg": ".jpg", "tiff": ".tif", "raw": ".dng"}
"""Endings of formats whose name is another."""
_LONGEST_NAME: Final = 4096


@dataclass(frozen=True, kw_only=True)
class Piped:
    """One photo that comes or goes through a stream, as files in a folder that will vanish."""

    job: "Job"
    from_input: bool
    to_output: bool

    def hand_over(self, result: "Restored") -> "Restored":
        """Write the photo to standard output, if it goes there; streams in place of files."""
        if self.to_output and result.error is None:
            with self.job.target.open("rb") as photo:
                shutil.copyfileobj(photo, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        error = None if result.error is None else error_of(result)
        if error is not None and self.from_input:
            error = error.replace(str(self.job.source), _INPUT)
        if error is not None and self.to_output:
            error = error.replace(str(self.job.target), _OUTPUT)
        return replace(
            result,
            source=Path(_INPUT) if self.from_input else result.source,
            target=Path(_OUTPUT) if self.to_output else result.target,
            error=error,
            cause=None,
        )


@contextmanager
def piped(
    photo: Path, out: str | None, *, preview: bool, is_folder: bool = False
) -> Iterator[Piped]:
    """Plan the restoring of one photo from or to a stream.

    Args:
        photo: ``-``, or the one photo.
        out: ``-``, a file, or a folder; None: standard output.
        preview: Also write before and after, beside the result.
        is_folder: ``out`` is to be a folder, whatever its name looks like.

    Raises:
        OptionError: If a picture would be drawn in a terminal, or there is no photo.
    """
    import tempfile

    from unblur.tasks.batch import files as batch
    from unblur.tasks.batch.sources import Source
    from unblur.tasks.restore.names import target_name

    from_input, to_output = str(photo) == STREAM, out in {None, STREAM}
    if to_output and preview:
        raise OptionError("--preview needs a place for its picture; name a file with -o")
    if to_output and sys.stdout.isatty():
        raise OptionError(
            "the restored photo would go to this terminal; name a file with -o, or redirect the "
            "output: `> sharper.jpg`"
        )
    with tempfile.TemporaryDirectory(prefix="unblur-") as name:
        folder = Path(name)
        source = _read_input(folder) if from_input else photo
        target = Path(out) if out is not None and not to_output else None
        if to_output:
            target = folder / target_name(source)
        (job,) = batch.plan_jobs(
            [Source(path=source, named=True)], target, preview=preview, is_folder=is_folder
        )
        yield Piped(job=job, from_input=from_input, to_output=to_output)


def _read_input(folder: Path) -> Path:
    """Standard input as a file whose ending is that of its content."""
    from unblur.imaging.photo.sniff import sniff

    if sys.stdin is None or sys.stdin.isatty():
        raise OptionError(
            "no photo comes from standard input; `unblur restore - < photo.jpg`, or name a file"
        )
    data = sys.stdin.buffer.read()
    try:
        kind = sniff(BytesIO(data), _INPUT)
    except PhotoError as error:
        if _lists_names(data):
            raise OptionError(
                "standard input lists names, and is no photo; `--files-from -` reads a list"
            ) from error
        raise OptionError(str(error)) from error
    path = folder / f"stdin{_ENDINGS.get(kind, f'.{kind}')}"
    path.write_bytes(data)
    return path


def _lists_names(data: bytes) -> bool:
    first = data.replace(b"\0", b"\n").split(b"\n", 1)[0].strip()
    return 0 < len(first) < _LONGEST_NAME and os.path.lexists(os.fsdecode(first))
