"""URLs of stores: opened, and shown without what is secret in them."""

import re
from typing import Any, Final
from urllib.parse import unquote

from unblur.errors import MissingExtraError, OptionError
from unblur.tasks.scale_retry import retry

_UNCACHED: Final = frozenset(
    {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "http", "https"}
)
"""They remember listings unless told not to; some of the others know no such option."""
_PASSWORD: Final = re.compile(r"(?<=://)([^/@:]*):([^/]*)@")
_QUERY: Final = re.compile(r"\?[^?/]*=.*", re.DOTALL)
_SHORTEST_SECRET: Final = 3
_CONNECTIONS: Final = 4


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
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise MissingExtraError("fsspec", extra="scale") from error
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
