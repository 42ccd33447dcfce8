"""Connect to stores: URLs opened, shown without secrets, and calls made again that failed."""

import errno
import random
import re
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar
from urllib.parse import unquote

from unblur.errors import OptionError, UnblurError
from unblur.extras import need

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
_UNCACHED: Final = frozenset(
    {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "http", "https"}
)
"""They remember listings unless told not to; some of the others know no such option."""
_PASSWORD: Final = re.compile(r"(?<=://)([^/@:]*):([^/]*)@")
_QUERY: Final = re.compile(r"\?[^?/]*=.*", re.DOTALL)
_SHORTEST_SECRET: Final = 3
_CONNECTIONS: Final = 4


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


def shown_url(url: str) -> str:
    """A URL as people and files may see it: without password and query.

    Examples:
        >>> shown_url("sftp://anna:secret@host/photos")
        'sftp://anna@host/photos'
        >>> shown_url("https://host/photos?sig=secret")
        'https://host/photos'
    """
    return _QUERY.sub("", _PASSWORD.sub(r"\1@", url)) if "://" in url else url


def hide(text: str, url: str) -> str:
    """A text of a library, which may quote a URL or the secrets in it, without these."""
    text = text.replace(url, shown_url(url))
    found = [match[1] for match in _PASSWORD.findall(url)]
    found += [query[1:] for query in _QUERY.findall(url)]
    for secret in {*found, *map(unquote, found)}:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "***")
    return text


def protocol_of(url: str) -> str:
    """``s3`` of ``s3://bucket``."""
    return url.split("://", maxsplit=1)[0].split("::", maxsplit=1)[0]


def connect(url: str) -> tuple[Any, str]:
    """Open the store of a URL: a new connection, but for object stores, whose calls share some.

    Returns:
        The file system of fsspec, and the path in it.

    Raises:
        MissingExtraError: If fsspec is not installed.
        OptionError: If the library of the store is not installed, the URL is wrong, or the store
            cannot be reached.
    """
    need("scale", "fsspec")
    from fsspec.core import url_to_fs

    shown, protocol = shown_url(url), protocol_of(url)
    if _QUERY.search(url):
        raise OptionError(
            f"{shown}: a URL of a folder ends with its path, without a query; keys and endpoints "
            "come from the environment"
        )
    known: dict[str, Any] = (
        {"use_listings_cache": False} if protocol in _UNCACHED else {"skip_instance_cache": True}
    )
    if protocol in {"s3", "s3a"}:
        # Retrying is left to `retry`, so that pauses do not multiply.
        known["config_kwargs"] = {"retries": {"total_max_attempts": 1}}
    try:
        fs, root = retry(lambda: url_to_fs(url, **known), attempts=_CONNECTIONS)
    except ImportError as error:
        why = str(error).rstrip(".")
        raise OptionError(f"{shown}: {why}; pip install what {protocol}:// needs") from error
    except Exception as error:  # every store has its own errors
        why = " ".join(hide(str(error), url).split()) or type(error).__name__
        raise OptionError(f"{shown}: cannot be opened ({why})") from error
    return fs, str(root)
