import re
from pathlib import Path

import pytest

from unblur.data.photos import leave_out, list_photos, split_photos
from unblur.errors import DataError

PHOTOS = [Path(f"{i:03}.jpg") for i in range(40)]


def touch(folder, *names):
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def test_photos_are_found_in_all_folders_below_and_sorted(tmp_path):
    touch(tmp_path, "c.png", "a/2.jpg", "b/deep/er/1.webp", "a/10.jpg")

    found = list_photos(tmp_path)

    expected = ["a/10.jpg", "a/2.jpg", "b/deep/er/1.webp", "c.png"]
    assert found == [tmp_path / name for name in expected]


@pytest.mark.parametrize("suffix", ["jpg", "jpeg", "png", "webp", "tif", "tiff", "avif"])
def test_every_photo_format_is_found_in_lower_and_upper_case(tmp_path, suffix):
    touch(tmp_path, f"lower.{suffix}", f"UPPER.{suffix.upper()}")

    assert {p.name for p in list_photos(tmp_path)} == {
        f"lower.{suffix}",
        f"UPPER.{suffix.upper()}",
    }


def test_other_files_are_passed_over(tmp_path):
    touch(tmp_path, "photo.jpg", "notes.txt", "photo.jpg.part", "jpg", "movie.mp4", ".jpg")

    assert list_photos(tmp_path) == [tmp_path / "photo.jpg"]


@pytest.mark.parametrize("name", ["missing", "file.jpg"])
def test_what_is_not_a_folder_is_refused_by_name(tmp_path, name):
    touch(tmp_path, "file.jpg")

    with pytest.raises(DataError, match=re.escape(f"{tmp_path / name} is not a folder")):
        list_photos(tmp_path / name)


def test_a_folder_without_photos_is_refused_with_the_known_formats(tmp_path):
    touch(tmp_path, "notes.txt")

    with pytest.raises(DataError, match=re.escape(f"{tmp_path} holds no photos")) as caught:
        list_photos(tmp_path)
    assert ".avif, .jpeg, .jpg, .png" in str(caught.value)


@pytest.mark.parametrize("held_out", [0, 1, 12, 39])
def test_split_uses_every_photo_once(held_out):
    training, validation = split_photos(PHOTOS, held_out=held_out, seed=0)

    assert len(validation) == held_out
    assert sorted(training + validation) == PHOTOS
    assert training == sorted(training)
    assert validation == sorted(validation)


def test_split_depends_on_the_seed_alone():
    splits = [split_photos(list(PHOTOS), held_out=12, seed=seed) for seed in (0, 0, 1)]

    assert splits[0] == splits[1]
    assert splits[0] != splits[2]


def test_photos_held_out_are_drawn_from_the_whole_list():
    # Neighbours in a folder are often shots of one scene: a slice would be no fair sample.
    for seed in range(5):
        _, validation = split_photos(PHOTOS, held_out=12, seed=seed)

        places = [PHOTOS.index(p) for p in validation]
        assert min(places) < 15
        assert max(places) > 25


def test_split_leaves_the_list_as_it_was():
    photos = PHOTOS[::-1]

    split_photos(photos, held_out=5, seed=0)

    assert photos == PHOTOS[::-1]


@pytest.mark.parametrize("held_out", [3, 4])
def test_split_that_leaves_nothing_to_train_on_is_refused(held_out):
    with pytest.raises(DataError, match=f"3 photos are too few to keep {held_out} out"):
        split_photos(PHOTOS[:3], held_out=held_out, seed=0)


def test_photos_of_a_list_are_left_out_wherever_they_lie(tmp_path):
    touch(tmp_path, "a.png", "b.png", "in/b.png", "in/c.png")
    names = tmp_path / "names.txt"
    names.write_text("# kept for validation\n\nb.png\nnot-there.png\n")

    left = leave_out(list_photos(tmp_path), names)

    assert left == [tmp_path / "a.png", tmp_path / "in/c.png"]


def test_a_list_that_leaves_nothing_or_cannot_be_read_is_an_error(tmp_path):
    touch(tmp_path, "a.png")
    names = tmp_path / "names.txt"
    names.write_text("a.png\n")

    with pytest.raises(DataError, match="leaves out all of the 1 photos"):
        leave_out(list_photos(tmp_path), names)
    with pytest.raises(DataError, match="cannot be read as a list"):
        leave_out(list_photos(tmp_path), tmp_path / "none.txt")
