"""The record of a run over many machines: Parquet parts.

Parts are only ever added. The last row of a source, in the order of the parts' names, is what
counts; the rows before it are history.
"""

import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Final, TypedDict, cast

from unblur.errors import OptionError, TargetError, UnblurError
from unblur.extras import need
from unblur.imaging.files import remove_leftovers, replace_file
from unblur.tasks.scale.options import Outcome
from unblur.tasks.scale.store import Store


class Row(TypedDict):
    """A row, as Parquet has it: an :class:`Outcome`, and by what it came to be."""

    source: str
    status: str
    target: str
    reason: str
    seconds: float
    source_bytes: int
    source_stamp: str
    source_sha256: str
    target_bytes: int
    target_sha256: str
    attempts: int
    node: str
    engine: str
    model: str
    options: str


FOLDER: Final = "unblur-manifest"
_MOST_ROWS: Final = 10_000
_MOST_KEPT: Final = 200_000
"""Rows that wait while the store takes none; more would not be bounded memory."""
_PAGE_ROWS: Final = 10_000
_READ: Final = (
    *("source", "status", "options", "source_bytes", "source_stamp", "source_sha256"),
    *("target", "target_bytes", "target_sha256", "reason"),
)


class Manifest:
    """Rows go in, parts come out.

    Args:
        store: Where the parts are.
        common: Columns that are the same in all rows: ``model`` and ``options``.

    Raises:
        MissingExtraError: If pyarrow is not installed.
    """

    def __init__(self, store: Store, common: dict[str, str]) -> None:
        self._store = store
        self._common = common
        self._rows: list[Row] = []
        # After all others, even if the clock was set back, or another machine's is slow.
        self._run = max(time.time_ns(), _last_run(store) + 1)
        self._parts = 0
        self._since = time.monotonic()
        self.trouble: str | None = None
        """Why the last part could not be written; its rows wait."""
        _pyarrow()

    def add(self, outcome: Outcome) -> None:
        """Add a row.

        Raises:
            TargetError: If too many rows wait for a store that takes none.
        """
        facts = asdict(outcome) | self._common
        del facts["fresh"]
        self._rows.append(cast(Row, {name: text(value) for name, value in facts.items()}))
        if len(self._rows) >= _MOST_ROWS and (self.trouble is None or self._is_time(10)):
            self._write()
        if len(self._rows) > _MOST_KEPT:
            raise TargetError(f"the manifest cannot be written: {self.trouble}")

    def flush(self, *, older_than_seconds: float = 0.0) -> None:
        """Write a part, if there are rows and the last part is older."""
        if self._is_time(older_than_seconds):
            self._write()

    def close(self) -> None:
        """Write the last part.

        Raises:
            TargetError: If that cannot be done.
        """
        self._write()
        if self._rows:
            raise TargetError(
                f"the manifest lacks {len(self._rows)} photos: {self.trouble}; make room and run "
                "the same command again, which finds out what is done"
            )

    def _is_time(self, seconds: float) -> bool:
        return time.monotonic() - self._since >= seconds

    def _write(self) -> None:
        self._since = time.monotonic()
        if not self._rows:
            return
        import pyarrow.parquet

        pa = _pyarrow()
        schema = _schema(pa)
        name = f"part-{self._run:020}-{self._parts:06}.parquet"
        try:
            with tempfile.TemporaryDirectory(prefix="unblur-scale-") as top:
                path = Path(top, name)
                table = pa.Table.from_pylist(self._rows, schema=schema)
                pyarrow.parquet.write_table(table, path, compression="zstd")
                self._publish(path, name)
        except (UnblurError, OSError) as error:
            self.trouble = str(error)
            return
        self.trouble = None
        self._parts += 1
        self._rows.clear()

    def _publish(self, path: Path, name: str) -> None:
        local = self._store.local
        if local is None:
            self._store.put(path, name, waiting="waiting")
            return
        local.mkdir(parents=True, exist_ok=True)
        if not self._parts:
            remove_leftovers(local)
        with replace_file(local / name) as temporary:
            temporary.write_bytes(path.read_bytes())


def read_rows(store: Store) -> Iterator[list[Row]]:
    """All rows of a manifest in their order, some thousands at a time.

    Raises:
        OptionError: If a part cannot be read.
    """
    import io

    for name in parts(store):
        _pyarrow()
        import pyarrow.parquet

        try:
            file = pyarrow.parquet.ParquetFile(io.BytesIO(store.read(name)))
            if missing := set(_READ) - set(file.schema_arrow.names):
                raise ValueError(f"without the column {min(missing)}")
            for batch in file.iter_batches(_PAGE_ROWS):
                yield cast(list[Row], batch.to_pylist())
        except (UnblurError, OSError, ValueError) as error:
            why = " ".join(str(error).split())
            raise OptionError(
                f"{store.shown(name)}: is not a part of a manifest ({why}); move it away and run "
                "the same command again, which finds out what is done"
            ) from error


def parts(store: Store) -> list[str]:
    """Names of a manifest's parts, in their order; none where there is no manifest."""
    if store.local is not None and not store.local.is_dir():
        return []
    try:
        found = [entry.name for entry in store.entries("") if not entry.is_folder]
    except UnblurError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return []
        raise OptionError(str(error)) from error
    return sorted(x for x in found if x.startswith("part-") and x.endswith(".parquet"))


def _last_run(store: Store) -> int:
    """Number of the run that wrote last; 0 if there is none."""
    runs = (name.split("-")[1] for name in parts(store))
    return max((int(run) for run in runs if run.isdecimal()), default=0)


def _schema(pa: Any) -> Any:
    kinds: dict[Any, Any] = {int: pa.int64(), float: pa.float64()}
    names = [(x.name, kinds.get(x.type, pa.string())) for x in fields(Outcome) if x.name != "fresh"]
    return pa.schema([*names, *((x, pa.string()) for x in ("model", "options"))])


def text(value: Any) -> Any:
    """Names that are not text, as text: Parquet holds nothing else."""
    if not isinstance(value, str):
        return value
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _pyarrow() -> Any:
    need("scale", "pyarrow")
    import pyarrow

    return pyarrow
