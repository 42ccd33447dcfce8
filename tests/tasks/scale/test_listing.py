import os

import pytest

from unblur.errors import OptionError
from unblur.tasks.restore.names import possible_targets
from unblur.tasks.scale.listing import left_out_for, list_photos
from unblur.tasks.scale.options import Item, Outcome
from unblur.tasks.scale.store import Store


def listed(folder, *names, without=None):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    found = list(list_photos(Store(str(folder)), without=without))
    items = {x.key: x for x in found if isinstance(x, Item) and not x.clash}
    aside = {x.source: x for x in found if isinstance(x, Outcome)}
    aside |= {x.key: left_out_for(x) for x in found if isinstance(x, Item) and x.clash}
    assert len(found) == len(items) + len(aside)
    return items, aside


def test_photos_of_all_folders_are_listed_but_for_hidden_ones_and_other_files(tmp_path):
    items, aside = listed(
        tmp_path, "b.jpg", "a/c.PNG", "a/d/e.tif", ".hidden.jpg", ".folder/f.jpg", "notes.txt"
    )

    assert list(items) == ["b.jpg", "a/c.PNG", "a/d/e.tif"]
    assert not aside
    assert items["b.jpg"].bytes == 1
    assert items["b.jpg"].stamp == str((tmp_path / "b.jpg").stat().st_mtime_ns)


def test_results_videos_and_the_folder_of_results_are_left_out(tmp_path):
    items, aside = listed(
        tmp_path, "a.jpg", "a.unblurred.jpg", "clip.MP4", "out/b.jpg", without="out"
    )

    assert list(items) == ["a.jpg"]
    assert {x.status for x in aside.values()} == {"left out"}
    assert "earlier result" in aside["a.unblurred.jpg"].reason
    assert "unblur video" in aside["clip.MP4"].reason


def test_of_photos_with_one_target_the_one_that_keeps_its_format_goes_first(tmp_path):
    items, aside = listed(tmp_path, "a.CR2", "a.b.jpg", "a.dng", "a.tif", "a.gif", "a.png")

    assert sorted(items) == ["a.b.jpg", "a.png", "a.tif"]
    assert sorted(aside) == ["a.CR2", "a.dng", "a.gif"]
    assert "a.unblurred.tif" in aside["a.CR2"].reason


def test_a_heic_photo_may_go_where_no_other_goes(tmp_path):
    items, aside = listed(tmp_path, "a.heic", "a.jpg", "b.heic", "b.heif")

    assert items["a.heic"].taken == ("a.unblurred.jpg",)
    assert items["b.heic"].taken == ()
    assert list(aside) == ["b.heif"]


def test_a_link_in_a_circle_has_an_end(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path)

    items, _ = listed(tmp_path, "a.jpg")

    assert list(items) == ["a.jpg"]


def test_links_that_lead_nowhere_and_pipes_are_said_and_the_others_are_listed(tmp_path):
    (tmp_path / "self.jpg").symlink_to(tmp_path / "self.jpg")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nothing")
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nothing")
    (tmp_path / "linked.jpg").symlink_to(tmp_path / "a.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")

    items, aside = listed(tmp_path, "a.jpg")

    assert sorted(items) == ["a.jpg", "linked.jpg"]
    assert {x.status for x in aside.values()} == {"failed"}
    assert sorted(aside) == ["gone.jpg", "pipe.jpg", "self.jpg"]
    assert "leads nowhere (Too many levels" in aside["self.jpg"].reason
    assert "is not a file" in aside["pipe.jpg"].reason


def test_a_folder_that_is_not_there_is_wrong_use(tmp_path):
    with pytest.raises(OptionError, match="cannot be listed"):
        list(list_photos(Store(str(tmp_path / "missing"))))


def test_possible_targets_are_those_of_restore(tmp_path):
    from unblur.tasks.restore.names import target_name

    for name in ("a.jpg", "a.JPEG", "a.webp", "a.gif", "a.nef", "x.y.png"):
        assert possible_targets(name) == (target_name(tmp_path / name),)
