"""An index of the manifest on disk: what earlier runs came to."""

import hashlib
import shutil
import sqlite3
from typing import Final

from unblur.errors import TargetError, UnblurError
from unblur.tasks.scale.luggage import folder_on_this_machine
from unblur.tasks.scale.manifest import read_rows, text
from unblur.tasks.scale.options import LEFT_OUT, Known
from unblur.tasks.scale.store import Store

_COLUMNS: Final = (
    *("source", "status", "same_work", "bytes", "stamp"),
    *("sha256", "target", "target_bytes", "target_sha256", "reason"),
)
_FACTS: Final = ", ".join(
    f"{x} = CASE WHEN excluded.status = '{LEFT_OUT}' AND target <> '' "
    f"THEN {x} ELSE excluded.{x} END"
    for x in _COLUMNS
    if x not in {"source", "status", "reason"}
)
_ADD: Final = f"""
    INSERT INTO known VALUES ({", ".join("?" * len(_COLUMNS))})
    ON CONFLICT (id) DO UPDATE SET status = excluded.status, reason = excluded.reason, {_FACTS}
"""
"""What is left out now keeps what is known of the target it once got."""


class Index:
    """What earlier runs came to, on disk: for any number of photos a few MB of memory.

    Args:
        store: Of the manifest.
        work: What decides how results look, as the manifest has it.
    """

    def __init__(self, store: Store, work: str) -> None:
        try:
            self._folder = folder_on_this_machine()
            self._rows = sqlite3.connect(self._folder / "index.sqlite")
            try:
                self._fill(store, work)
            except BaseException:
                self.close()
                raise
        except UnblurError:
            raise
        except (sqlite3.Error, OSError) as error:
            raise TargetError(
                f"the index of the manifest cannot be written ({error}); make room in the folder "
                "for temporary files, or set TMPDIR to one with room"
            ) from error

    def _fill(self, store: Store, work: str) -> None:
        self._rows.execute("PRAGMA journal_mode=OFF")
        self._rows.execute("PRAGMA synchronous=OFF")
        columns = ", ".join(name for name in _COLUMNS if name != "source")
        self._rows.execute(f"CREATE TABLE known (id BLOB PRIMARY KEY, {columns}) WITHOUT ROWID")
        for rows in read_rows(store):
            self._rows.executemany(
                _ADD,
                (
                    (
                        _id(row["source"]),
                        *(row["status"], row["options"] == work),
                        *(row["source_bytes"], row["source_stamp"], row["source_sha256"]),
                        *(row["target"], row["target_bytes"], row["target_sha256"], row["reason"]),
                    )
                    for row in rows
                ),
            )
        self._rows.commit()

    def find(self, key: str) -> Known | None:
        """What the manifest says of a photo."""
        found = self._rows.execute("SELECT * FROM known WHERE id = ?", (_id(text(key)),)).fetchone()
        if found is None:
            return None
        named = dict(zip(_COLUMNS[1:], found[1:], strict=True))
        return Known(**(named | {"same_work": bool(named["same_work"])}))

    def close(self) -> None:
        """Remove the index from the disk."""
        self._rows.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _id(key: str) -> bytes:
    return hashlib.blake2b(key.encode(), digest_size=16).digest()
