"""Call a store again that refuses a call, or loses it."""

import errno
import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

from unblur.errors import UnblurError

T = TypeVar("T")

_NO_USE: Final = (
    *(FileNotFoundError, FileExistsError, PermissionError, IsADirectoryError, NotADirectoryError),
    *(UnblurError, ValueError, TypeError, ImportError, NotImplementedError, MemoryError),
)
_NO_USE_NUMBERS: Final = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ENAMETOOLONG, errno.EINVAL, errno.EACCES}
)
_ATTEMPTS: Final = 8
_FIRST_SECONDS: Final = 0.1
_MOST_SECONDS: Final = 10.0


def retry(
    call: Callable[[], T],
    *,
    attempts: int = _ATTEMPTS,
    first_seconds: float = _FIRST_SECONDS,
    lost: Callable[[], object] = lambda: None,
) -> T:
    """Call a store until it answers, with longer and longer random pauses.

    What another call will not mend is raised at once: a file that is not there, no permission, a
    full disk.

    Args:
        call: What to do; doing it twice does no harm.
        attempts: How often, at most.
        first_seconds: The longest first pause; each further one is twice as long, up to 10 s.
        lost: Called before each further attempt; may drop a connection, for a new one.
    """
    for attempt in range(attempts):
        try:
            return call()
        except _NO_USE:
            raise
        except Exception as error:  # every store has its own errors
            number = error.errno if isinstance(error, OSError) else None
            if number in _NO_USE_NUMBERS or attempt == attempts - 1:
                raise
        lost()
        time.sleep(random.uniform(0, min(_MOST_SECONDS, first_seconds * 2**attempt)))
    raise AssertionError
