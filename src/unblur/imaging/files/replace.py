"""Write a file whole or not at all, beside its target, which stays until then."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from unblur.errors import TargetError, UnblurError, exists_already
from unblur.imaging.files.temporary import temporary_beside


@contextmanager
def replace_file(target: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """Give the path of an empty temporary file that takes the target's place at the end.

    The temporary file lies in the folder of the target, under a name that says which process
    writes it (:mod:`unblur.imaging.files.temporary`). An exception in the block removes it.

    Args:
        target: Path of the file to write; where it is a symbolic link, what that points to.
        overwrite: Replace a file that exists; its permissions stay.

    Yields:
        The path of the temporary file.

    Raises:
        TargetError: If the target exists and ``overwrite`` is False, is a folder, lies in none,
            or it cannot be written; of an `OSError` in the block, too.
    """
    path = Path(target)
    if path.is_dir() or not path.parent.is_dir():
        which = "is a folder" if path.is_dir() else f"there is no folder {path.parent}"
        raise TargetError(f"{path}: {which}; name a file in a folder that exists")
    if path.exists() and not overwrite:
        raise exists_already(path)
    final = path.resolve()
    temporary = temporary_beside(final)
    try:
        temporary.open("xb").close()
        yield temporary
        if overwrite:
            if final.exists():
                shutil.copymode(final, temporary)
            temporary.replace(final)
        else:
            _rename_to_new(temporary, final)
    except UnblurError:
        raise
    except FileExistsError as error:
        raise exists_already(path) from error
    except OSError as error:
        raise TargetError(f"{path}: cannot be written ({error.strerror})") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _rename_to_new(temporary: Path, final: Path) -> None:
    """Give a file its name unless that is taken, even by another process just now."""
    try:
        final.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError as error:  # a file system without hard links, such as exFAT
        if final.exists():
            raise FileExistsError(final) from error
        temporary.replace(final)
