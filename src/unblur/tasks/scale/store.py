"""Folders of photos and results: local ones, and those of object stores by way of fsspec."""

import errno
import posixpath
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from unblur.errors import PhotoError, TargetError, UnblurError, is_disk_full
from unblur.tasks.scale.connect import connect, hide, protocol_of, retry, shown_url
from unblur.tasks.scale.entries import Entry, local_entries, remote_entry

T = TypeVar("T")

_WHOLE_OR_NOT: Final = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss"})
"""Object stores: nothing is seen of an upload before its end, and a rename would copy."""


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
        if "://" not in url:
            self.local = Path(url)
            return
        protocol = protocol_of(url)
        fs, self._root = connect(url)
        if protocol in {"file", "local"}:
            self.local = Path(self._root)
        self._whole_or_not = protocol in _WHOLE_OR_NOT
        self._pages = protocol in {"s3", "s3a"} and hasattr(fs, "call_s3")
        # The connection of another kind of store is for one thread; two would read the answers to
        # each other's questions.
        self._shared = fs if fs.async_impl else None
        self._own = threading.local()
        self._own.fs = fs

    @property
    def _fs(self) -> Any:
        if self._shared is not None:
            return self._shared
        if getattr(self._own, "fs", None) is None:
            self._own.fs, _ = connect(self.url)
        return self._own.fs

    def _call(self, call: Callable[[], T]) -> T:
        """Ask until there is an answer, by a new connection where one may be lost."""
        return retry(call, lost=lambda: setattr(self._own, "fs", None))

    def _why(self, error: Exception) -> str:
        text = (error.strerror if isinstance(error, OSError) else None) or str(error)
        return hide(" ".join(text.split()), self.url) or type(error).__name__

    def shown(self, key: str) -> str:
        """How a file is named to people."""
        return str(self.local / key) if self.local else f"{shown_url(self.url)}/{key}"

    def entries(self, folder: str) -> Iterator[Entry]:
        """What is in one folder; files in the order of their names.

        Args:
            folder: Below this one; empty for itself.

        Raises:
            PhotoError: If it cannot be listed.
        """
        try:
            if self.local:
                yield from local_entries(self.local / folder)
            elif self._pages:
                yield from self._paged_entries(self._path(folder))
            else:
                found = self._call(lambda: self._listed(self._path(folder)))
                entries = (remote_entry(x) for x in found)
                yield from sorted(entries, key=lambda entry: entry.name)
        except UnblurError:
            raise
        except Exception as error:
            raise PhotoError(
                f"{self.shown(folder)}: cannot be listed ({self._why(error)})"
            ) from error

    def size(self, key: str) -> int | None:
        """Bytes of a file; None if it is not there.

        Raises:
            TargetError: If the store does not answer.
        """
        try:
            if self.local:
                return (self.local / key).stat().st_size
            found = self._call(lambda: self._fs.info(self._path(key)))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except Exception as error:
            raise TargetError(
                f"{self.shown(key)}: cannot be looked up ({self._why(error)})"
            ) from error
        return int(found.get("size") or 0) if found.get("type") != "directory" else None

    def fetch(self, key: str, target: Path, *, expected_bytes: int | None = None) -> None:
        """Copy a file of a remote store to a local one.

        Raises:
            PhotoError: If it cannot be read.
        """

        def get() -> None:
            self._fs.get_file(self._path(key), str(target))
            got = target.stat().st_size
            if expected_bytes not in {None, -1, got}:
                raise OSError(errno.EIO, f"{got} bytes came, {expected_bytes} were listed")

        try:
            self._call(get)
        except OSError as error:
            if is_disk_full(error):
                raise  # this machine's fault, not the photo's
            raise PhotoError(f"{self.shown(key)}: cannot be read ({self._why(error)})") from error
        except Exception as error:
            raise PhotoError(f"{self.shown(key)}: cannot be read ({self._why(error)})") from error

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
                self._rename(part, path)
            except BaseException:
                self._remove(part)
                raise

        try:
            self._call(upload)
        except Exception as error:
            raise TargetError(
                f"{self.shown(key)}: cannot be written ({self._why(error)})"
            ) from error

    def read(self, key: str) -> bytes:
        """The bytes of a small file.

        Raises:
            PhotoError: If it cannot be read.
        """
        try:
            if self.local:
                return (self.local / key).read_bytes()
            return bytes(self._call(lambda: self._fs.cat_file(self._path(key))))
        except Exception as error:
            raise PhotoError(f"{self.shown(key)}: cannot be read ({self._why(error)})") from error

    def remove_waiting(self, folder: str) -> None:
        """Remove what killed runs have left of files in the making; of a remote store."""
        if self.local is not None or self._whole_or_not:
            return
        with suppress(Exception):  # nobody sees it; it is removed another time
            for path in self._fs.find(self._path(folder)):
                self._remove(path)

    def _remove(self, path: str) -> None:
        with suppress(Exception):
            self._fs.rm_file(path)

    def _rename(self, old: str, new: str) -> None:
        from fsspec import AbstractFileSystem

        if type(self._fs).mv is not AbstractFileSystem.mv:
            self._fs.mv(old, new)
            return
        # That one copies and takes `*`, `?` and `[` in names for patterns; so this copies, too.
        self._fs.cp_file(old, new)
        self._fs.rm_file(old)

    def _listed(self, path: str) -> list[dict[str, Any]]:
        fs = self._fs
        fs.invalidate_cache()
        return [x for x in fs.ls(path, detail=True) if x["name"].rstrip("/") != path.rstrip("/")]

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
            page = self._call(lambda: self._fs.call_s3("list_objects_v2", **asked))
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
