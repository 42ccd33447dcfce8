"""Folders of photos and results: local ones, and those of object stores by way of fsspec."""

import errno
import os
import posixpath
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from unblur.errors import MissingExtraError, OptionError, PhotoError, TargetError, UnblurError
from unblur.tasks.scale_retry import retry

_WHOLE_OR_NOT: Final = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss"})
"""Object stores: nothing is seen of an upload before its end, and a rename would copy."""
_STAMPS: Final = ("ETag", "etag", "md5Hash", "mtime", "last_modified", "LastModified", "created")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file or folder in a listing."""

    name: str
    is_folder: bool
    bytes: int = 0
    stamp: str = ""


class Store:
    """A folder and all below it.

    Args:
        url: A folder, or what fsspec opens: ``s3://bucket/folder``, ``gs://``, ``az://``,
            ``sftp://``. Keys and endpoints come from the environment of each process, as the
            libraries of the stores, and ``FSSPEC_S3_ENDPOINT_URL`` and its like, have it.

    Raises:
        MissingExtraError: If fsspec is not installed.
        OptionError: If the library of the store is not installed, or the URL is wrong.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/") or "/"
        self.local: Path | None = None
        self._fs: Any = None
        if "://" not in url and "::" not in url:
            self.local = Path(url)
            return
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            raise MissingExtraError("fsspec", extra="scale") from error
        protocol = url.split("://", maxsplit=1)[0].split("::", maxsplit=1)[0]
        # Retrying is left to `retry`, so that pauses do not multiply.
        patient = {"config_kwargs": {"retries": {"total_max_attempts": 1}}}
        try:
            self._fs, self._root = url_to_fs(
                url, use_listings_cache=False, **(patient if protocol in {"s3", "s3a"} else {})
            )
        except ImportError as error:
            why = str(error).rstrip(".")
            raise OptionError(f"{url}: {why}; pip install what {protocol}:// needs") from error
        except (ValueError, TypeError, OSError) as error:
            raise OptionError(f"{url}: cannot be opened ({error})") from error
        if protocol in {"file", "local"}:
            self.local = Path(self._root)
        self._whole_or_not = protocol in _WHOLE_OR_NOT
        self._pages = protocol in {"s3", "s3a"} and hasattr(self._fs, "call_s3")

    def shown(self, key: str) -> str:
        """How a file is named to people."""
        return str(self.local / key) if self.local else f"{self.url}/{key}"

    def entries(self, folder: str) -> Iterator[Entry]:
        """What is in one folder; files in the order of their names.

        Args:
            folder: Below this one; empty for itself.

        Raises:
            PhotoError: If it cannot be listed.
        """
        try:
            if self.local:
                yield from _local_entries(self.local / folder)
            elif self._pages:
                yield from self._paged_entries(self._path(folder))
            else:
                found = retry(lambda: self._fs.ls(self._path(folder), detail=True))
                entries = (_entry(x) for x in found)
                yield from sorted(entries, key=lambda entry: entry.name)
        except UnblurError:
            raise
        except Exception as error:
            raise PhotoError(f"{self.shown(folder)}: cannot be listed ({_why(error)})") from error

    def size(self, key: str) -> int | None:
        """Bytes of a file; None if it is not there.

        Raises:
            OSError: If the store does not answer.
        """
        try:
            if self.local:
                return (self.local / key).stat().st_size
            found = retry(lambda: self._fs.info(self._path(key)))
        except FileNotFoundError:
            return None
        return int(found.get("size") or 0) if found.get("type") != "directory" else None

    def fetch(self, key: str, target: Path, *, expected_bytes: int | None = None) -> None:
        """Copy a file of a remote store to a local one.

        Raises:
            PhotoError: If it cannot be read.
        """

        def get() -> None:
            self._fs.get_file(self._path(key), str(target))
            got = target.stat().st_size
            if expected_bytes is not None and got != expected_bytes:
                raise OSError(errno.EIO, f"{got} bytes came, {expected_bytes} were listed")

        try:
            retry(get)
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise  # this machine's fault, not the photo's
            raise PhotoError(f"{self.shown(key)}: cannot be read ({_why(error)})") from error
        except Exception as error:
            raise PhotoError(f"{self.shown(key)}: cannot be read ({_why(error)})") from error

    def put(self, source: Path, key: str, *, waiting: str) -> None:
        """Copy a local file to a remote store: nobody ever sees a part of it.

        Args:
            source: The file.
            key: Where it goes; what is there is replaced.
            waiting: A folder for files in the making, where a rename must follow the upload.

        Raises:
            TargetError: If it cannot be written.
        """
        path = self._path(key)

        def upload() -> None:
            if self._whole_or_not:
                self._fs.put_file(str(source), path)
                return
            part = self._path(posixpath.join(waiting, secrets.token_hex(8)))
            for folder in (posixpath.dirname(part), posixpath.dirname(path)):
                self._fs.makedirs(folder, exist_ok=True)
            try:
                self._fs.put_file(str(source), part)
                self._fs.mv(part, path)
            except BaseException:
                self._remove(part)
                raise

        try:
            retry(upload)
        except Exception as error:
            raise TargetError(f"{self.shown(key)}: cannot be written ({_why(error)})") from error

    def read(self, key: str) -> bytes:
        """The bytes of a small file.

        Raises:
            PhotoError: If it cannot be read.
        """
        try:
            if self.local:
                return (self.local / key).read_bytes()
            return bytes(retry(lambda: self._fs.cat_file(self._path(key))))
        except Exception as error:
            raise PhotoError(f"{self.shown(key)}: cannot be read ({_why(error)})") from error

    def remove_waiting(self, folder: str) -> None:
        """Remove what killed runs have left of files in the making; of a remote store."""
        if self.local is None and not self._whole_or_not:
            self._remove(self._path(folder), recursive=True)

    def _remove(self, path: str, *, recursive: bool = False) -> None:
        with suppress(Exception):  # it was seen by nobody, and is removed another time
            self._fs.rm(path, recursive=recursive)

    def _path(self, key: str) -> str:
        return posixpath.join(self._root, key) if key else str(self._root)

    def _paged_entries(self, path: str) -> Iterator[Entry]:
        """A thousand at a time, so that a folder of millions takes no memory."""
        bucket, _, prefix = path.partition("/")
        asked: dict[str, str] = {"Bucket": bucket, "Delimiter": "/"}
        if prefix:
            asked["Prefix"] = prefix.rstrip("/") + "/"
        start = len(asked.get("Prefix", ""))
        while True:
            page = retry(lambda: self._fs.call_s3("list_objects_v2", **asked))
            for found in page.get("Contents", ()):
                if found["Key"][start:]:
                    yield Entry(
                        name=found["Key"][start:],
                        is_folder=False,
                        bytes=found["Size"],
                        stamp=str(found.get("ETag", found["LastModified"])),
                    )
            for found in page.get("CommonPrefixes", ()):
                yield Entry(name=found["Prefix"][start:].rstrip("/"), is_folder=True)
            if not page.get("IsTruncated"):
                return
            asked["ContinuationToken"] = page["NextContinuationToken"]


def _local_entries(folder: Path) -> Iterator[Entry]:
    with os.scandir(folder) as found:
        for entry in sorted(found, key=lambda entry: entry.name):
            if entry.is_dir():
                # A link to a folder is not followed, so that no loop has no end.
                if not entry.is_symlink():
                    yield Entry(name=entry.name, is_folder=True)
            elif entry.is_file():
                try:
                    state = entry.stat()
                except OSError:
                    continue  # gone since
                yield Entry(
                    name=entry.name,
                    is_folder=False,
                    bytes=state.st_size,
                    stamp=str(state.st_mtime_ns),
                )


def _entry(found: dict[str, Any]) -> Entry:
    stamp = next((str(found[key]) for key in _STAMPS if found.get(key)), "")
    name = found["name"].rstrip("/").rpartition("/")[2]
    is_folder = found.get("type") == "directory"
    return Entry(name=name, is_folder=is_folder, bytes=int(found.get("size") or 0), stamp=stamp)


def _why(error: Exception) -> str:
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return " ".join(text.split()) or type(error).__name__
