import errno
import os
import subprocess

import pytest

pytest.importorskip("pyarrow", reason="needs the extra scale: pyarrow")

from last_rows import last_rows
from small_disk import small_disk
from unblur.errors import OptionError, TargetError
from unblur.tasks.scale.index import Index
from unblur.tasks.scale.manifest import Manifest, parts
from unblur.tasks.scale.options import Outcome
from unblur.tasks.scale.store import Store

COMMON = {"model": "m", "options": "{}"}


def done(source, **changed):
    return Outcome(
        **({"source": source, "status": "done", "target": "t", "target_bytes": 3} | changed)
    )


def write(store, *outcomes):
    manifest = Manifest(store, COMMON)
    for outcome in outcomes:
        manifest.add(outcome)
    manifest.close()


def test_the_last_row_of_a_source_counts(tmp_path):
    store = Store(str(tmp_path / "manifest"))
    write(store, done("a", status="failed", reason="why"), done("b"))
    write(store, done("a", source_sha256="s"))

    rows = last_rows(store)

    assert len(parts(store)) == 2
    assert {source: row["status"] for source, row in rows.items()} == {"a": "done", "b": "done"}
    assert rows["a"]["model"] == "m"
    index = Index(store, "{}")
    found = index.find("a")
    assert (found.status, found.same_work, found.sha256) == ("done", True, "s")
    assert index.find("c") is None
    index.close()
    other = Index(store, "others")
    assert not other.find("a").same_work
    other.close()


def test_an_ordinary_reader_of_parquet_reads_all_parts(tmp_path):
    import pyarrow.parquet

    store = Store(str(tmp_path))
    write(store, done("a"))
    write(store, done("b", seconds=0.5))

    table = pyarrow.parquet.read_table(tmp_path)

    assert sorted(table.column("source").to_pylist()) == ["a", "b"]
    assert table.schema.field("seconds").type == "double"


def test_names_that_are_not_text_are_found_again(tmp_path):
    store = Store(str(tmp_path))
    name = b"gr\xfcn.jpg".decode("utf-8", "surrogateescape")
    write(store, done(name), done("grün.jpg", status="failed"))

    index = Index(store, "{}")

    assert index.find(name).status == "done"
    assert index.find("grün.jpg").status == "failed"
    index.close()


def test_without_rows_no_part_is_written_and_flushing_waits(tmp_path):
    store = Store(str(tmp_path))
    write(store)
    manifest = Manifest(store, COMMON)
    manifest.add(done("a"))
    manifest.flush(older_than_seconds=60)
    assert parts(store) == []

    manifest.flush()

    assert len(parts(store)) == 1
    manifest.close()
    assert len(parts(store)) == 1


def test_rows_wait_while_the_disk_is_full(tmp_path):
    with small_disk(tmp_path / "disk", "64k") as disk:
        try:
            with (disk / "filler").open("wb", buffering=0) as stream:
                while True:
                    stream.write(bytes(4096))
        except OSError as error:
            assert error.errno == errno.ENOSPC  # noqa: PT017 - the disk is to be full
        store = Store(str(disk))
        manifest = Manifest(store, COMMON)
        manifest.add(done("a"))
        manifest.flush()
        with pytest.raises(TargetError, match=r"lacks 1 photos.*space"):
            manifest.close()
        assert parts(store) == []

        subprocess.run(["mount", "-o", "remount,size=9M", disk], check=True)
        manifest.add(done("b"))
        manifest.close()

        assert sorted(last_rows(store)) == ["a", "b"]


def test_a_part_that_is_none_is_wrong_use(tmp_path):
    (tmp_path / "part-0-0.parquet").write_bytes(b"whatever")

    with pytest.raises(OptionError, match="is not a part of a manifest"):
        Index(Store(str(tmp_path)), "{}")


def test_parts_are_in_order_even_if_the_clock_was_set_back(tmp_path, monkeypatch):
    store = Store(str(tmp_path))
    write(store, done("a", status="failed", reason="why"))
    monkeypatch.setattr("time.time_ns", lambda: 5)
    write(store, done("a"))

    assert last_rows(store)["a"]["status"] == "done"
    assert len(parts(store)) == 2


def test_a_parquet_file_of_somebody_else_is_wrong_use(tmp_path):
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table({"x": [1]}), tmp_path / "part-0-0.parquet")

    with pytest.raises(OptionError, match=r"part-0-0.*is not a part of a manifest .*move it away"):
        Index(Store(str(tmp_path)), "{}")


def test_half_a_part_of_a_killed_run_is_removed_and_not_read(tmp_path):
    half = tmp_path / ".unblur-00000000-1-00000000-00000000.tmp"
    half.write_bytes(b"PAR1")
    os.utime(half, (1, 1))
    store = Store(str(tmp_path))
    assert parts(store) == []

    write(store, done("a"))

    assert [x.name for x in tmp_path.iterdir()] == parts(store)


def test_an_index_that_has_no_room_is_said_in_one_line(tmp_path, monkeypatch):
    store = Store(str(tmp_path / "manifest"))
    write(store, *(done(f"{index}.jpg") for index in range(3000)))
    with small_disk(tmp_path / "disk", "64k") as disk:
        monkeypatch.setattr("tempfile.tempdir", str(disk))
        with pytest.raises(TargetError, match=r"index of the manifest cannot be written.*TMPDIR"):
            Index(store, "{}")
