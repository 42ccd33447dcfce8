"""Every error that a user can cause or meet; all say what was wrong, what was got, what works."""

import errno
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Final, TextIO

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class UnblurError(Exception):
    """Base of all errors raised on purpose by this package.

    Examples:
        >>> from unblur import UnblurError, restore
        >>> try:
        ...     restore("nothing-here.jpg")
        ... except UnblurError as error:
        ...     print(error)
        nothing-here.jpg: cannot be opened (no such file or directory)
    """

    in_flags: str | None = None
    """What a command says instead, where the message names what only a call in Python has."""


class OptionError(UnblurError, ValueError):
    """An option or argument outside what the operation accepts."""


class PhotoError(UnblurError, OSError):
    """A photo could not be read."""


class TargetError(UnblurError, OSError):
    """A result could not be written, or must not be."""


class NetworkError(UnblurError, ValueError):
    """A network file is corrupt, foreign or unknown."""


class MissingExtraError(UnblurError, ImportError):
    """An optional dependency is needed.

    Args:
        needed: The package that is missing.
        extra: The extra of unblur that brings it.
    """

    def __init__(self, needed: str, *, extra: str) -> None:
        from unblur._install import install_line

        super().__init__(f"{needed} is not installed; {install_line(extra)}")


class DeviceWarning(UserWarning):
    """An accelerator does not start; the CPU computes instead."""


def hear_of_devices(hear: Callable[[str], object]) -> None:
    """From now on warnings about devices go to a function; others are shown as before."""
    as_before = warnings.showwarning

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if issubclass(category, DeviceWarning):
            hear(str(message))
        else:
            as_before(message, category, filename, lineno, file, line)

    warnings.showwarning = show


class DataError(UnblurError, ValueError):
    """A data set on disk is missing, empty or not in the expected layout."""


class RegistrationError(UnblurError, ValueError):
    """A second shot of a scene does not fit the blurred photo."""


class TrainingError(UnblurError, ArithmeticError):
    """A training went astray: its loss is not finite."""


class TrainingStopped(KeyboardInterrupt):
    """A training was stopped by Ctrl-C or SIGTERM, and can go on from its checkpoint.

    Args:
        message: How far it came.
        signal: The number of the signal.
    """

    def __init__(self, message: str, *, signal: int) -> None:
        super().__init__(message)
        self.signal = signal


def exists_already(path: Path, why: str = "exists; {} replaces it") -> TargetError:
    """The error for a file that is there and may not be replaced.

    Args:
        path: The file.
        why: With braces where the flag is to stand.
    """
    error = TargetError(f"{path}: {why.format('--overwrite (overwrite=True)')}")
    error.in_flags = f"{path}: {why.format('--overwrite')}"
    return error


def is_disk_full(error: BaseException | None) -> bool:
    """Whether an error, or what it was raised from, says that a disk has no space left."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        error = error.__cause__
    return False
