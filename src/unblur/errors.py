"""Every error that a user can cause or meet; all say what was wrong, what was got, what works."""

from unblur._install import install_line


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
        super().__init__(f"{needed} is not installed; {install_line(extra)}")


class DeviceWarning(UserWarning):
    """An accelerator does not start; the CPU computes instead."""


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
