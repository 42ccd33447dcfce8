import json
import os
import sys

import pytest

from unblur.errors import PhotoError, TargetError
from unblur.tasks.batch.ledger import NAME, Ledger, describe_work
from unblur.tasks.restore.options import RestoreOptions

WORK = {"model": "m"}


@pytest.fixture
def files(tmp_path):
    source, target = tmp_path / "photo.jpg", tmp_path / "photo.unblurred.jpg"
    source.write_bytes(b"blurred")
    return source, target


def restored(source, target, work=WORK):
    ledger = Ledger(target.parent, work)
    ledger.begin(source, target)
    target.write_bytes(b"sharp!")
    ledger.finish(target)
    return ledger


def test_what_is_finished_is_done_for_the_next_run_too(files):
    ledger = restored(*files)

    assert ledger.is_done(*files)
    assert Ledger(files[1].parent, WORK).is_done(*files)


def test_another_source_model_or_target_is_not_done(files):
    source, target = files
    restored(source, target)

    assert not Ledger(target.parent, {"model": "other"}).is_done(source, target)
    target.write_bytes(b"sharp, and then worked on")
    assert not Ledger(target.parent, WORK).is_done(source, target)
    target.unlink()
    assert not Ledger(target.parent, WORK).is_done(source, target)
    restored(source, target)
    source.write_bytes(b"changed")  # as long as it was
    assert not Ledger(target.parent, WORK).is_done(source, target)


def test_a_source_that_was_only_touched_or_moved_is_done(files):
    source, target = files
    restored(source, target)

    os.utime(source, (1, 1))
    assert Ledger(target.parent, WORK).is_done(source, target)
    moved = source.rename(source.with_name("moved.jpg"))
    assert Ledger(target.parent, WORK).is_done(moved, target)


def test_how_a_result_differs_from_what_is_asked_for_is_known_of_ours_alone(files, tmp_path):
    source, target = files
    work = {"model": "a", "strength": 0.5}
    restored(source, target, work)

    def differs(work):
        return Ledger(target.parent, work).made_otherwise(source, target)

    assert differs({"model": "a"}) == differs({"model": "b", "strength": 1}) == "with other options"
    assert differs({**work, "model": "b"}) == "by other networks"
    assert differs(work) == "without a preview"
    source.write_bytes(b"another photo")
    assert differs({"model": "a"}) is None
    restored(source, target, work)
    target.write_bytes(b"edited by somebody, to another size")
    assert differs({"model": "a"}) is None


def test_a_missing_preview_is_not_done(files, tmp_path):
    ledger = restored(*files)
    preview = tmp_path / "photo.before-after.jpg"

    assert not ledger.is_done(*files, preview)
    preview.touch()
    assert ledger.is_done(*files, preview)


def test_a_target_that_appeared_after_the_first_line_is_the_result(files):
    source, target = files
    Ledger(target.parent, WORK).begin(source, target)
    assert not Ledger(target.parent, WORK).is_done(source, target)  # killed before it was written

    target.write_bytes(b"sharp!")

    again = Ledger(target.parent, WORK)
    assert again.is_done(source, target)
    assert again.is_ours(target)


def test_a_target_that_was_there_before_is_not_the_result(files):
    source, target = files
    target.write_bytes(b"somebody's")
    Ledger(target.parent, WORK).begin(source, target)

    again = Ledger(target.parent, WORK)

    assert not again.is_done(source, target)
    assert not again.is_ours(target)


def test_what_was_given_up_is_not_done_even_if_a_file_comes_later(files):
    source, target = files
    ledger = Ledger(target.parent, WORK)
    ledger.begin(source, target)
    ledger.give_up(target)
    target.write_bytes(b"somebody's")

    assert not ledger.is_done(source, target)
    assert not Ledger(target.parent, WORK).is_ours(target)


@pytest.mark.parametrize("cut", range(1, 45, 6))
def test_a_torn_last_line_is_passed_over_and_the_next_is_whole(files, cut):
    source, target = files
    restored(source, target)
    log = target.with_name(NAME)
    log.write_bytes(log.read_bytes()[:-cut])
    second = source.with_name("second.jpg")
    second.write_bytes(b"more")

    restored(second, target.with_name("second.unblurred.jpg"))

    ledger = Ledger(target.parent, WORK)
    assert ledger.is_done(source, target)  # begun, and there
    assert ledger.is_done(second, target.with_name("second.unblurred.jpg"))


def test_foreign_lines_are_passed_over(files):
    log = files[1].with_name(NAME)
    log.write_bytes(b'\xff\xfe\n[]\n7\n{"target": 1}\n{"target": "x", "bytes": 1}\n{}\n')

    restored(*files)

    assert Ledger(files[1].parent, WORK).is_done(*files)


def test_the_source_is_named_relative_to_the_record(files, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    restored(files[0], out / "photo.unblurred.jpg")

    first = json.loads((out / NAME).read_text().splitlines()[0])

    assert first["source"] == os.path.join("..", "photo.jpg")  # noqa: PTH118


def test_a_source_that_vanished_is_an_error_of_the_photo(files):
    with pytest.raises(PhotoError, match=r"gone\.jpg: cannot be opened"):
        Ledger(files[1].parent, WORK).begin(files[0].with_name("gone.jpg"), files[1])


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
def test_a_full_disk_is_an_error_of_the_target(files):
    log = files[1].with_name(NAME)
    ledger = Ledger(files[1].parent, WORK)
    log.symlink_to("/dev/full")

    with pytest.raises(TargetError, match="No space left"):
        ledger.begin(*files)


def test_a_record_that_cannot_be_read_is_an_error(tmp_path):
    (tmp_path / NAME).mkdir()

    with pytest.raises(TargetError, match="cannot be read"):
        Ledger(tmp_path, WORK)


def test_only_options_that_change_pixels_count(tmp_path):
    plain = describe_work(RestoreOptions(method="network"))
    mask = tmp_path / "mask.png"
    mask.write_bytes(b"1")

    assert plain.keys() == {"model", "method"}
    assert describe_work(RestoreOptions()).keys() == {"model", "guided"}
    assert describe_work(RestoreOptions(method="network", threads=1, max_megapixels=9)) == plain
    assert describe_work(RestoreOptions(method="network", strength=0.5)) != plain
    first = describe_work(RestoreOptions(method="network", mask=mask, crop=(0, 0, 8, 8)))
    mask.write_bytes(b"2")
    assert describe_work(RestoreOptions(method="network", mask=mask, crop=(0, 0, 8, 8))) != first
    assert json.loads(json.dumps(first)) == first


def test_the_content_of_a_network_file_counts_and_not_its_name(tmp_path):
    for name, content in (("a.onnx", b"1"), ("b.onnx", b"1"), ("c.onnx", b"2")):
        (tmp_path / name).write_bytes(content)

    a, b, c = (describe_work(RestoreOptions(model=str(tmp_path / f"{x}.onnx"))) for x in "abc")

    assert a == b != c
