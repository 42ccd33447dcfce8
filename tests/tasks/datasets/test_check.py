import numpy as np
import pytest
import skimage.data

from photo_sets import cut_short, save, save_frames, save_pair
from unblur.errors import DataError, OptionError
from unblur.tasks.datasets.check import CheckOptions, check_data

SMALL = CheckOptions(crop_px=32)


def found(report):
    """Kinds of problems, and the names of the files."""
    return sorted((problem.kind, problem.path.name) for problem in report.problems)


@pytest.fixture
def photos(tmp_path):
    """Photos of one camera: one size, numbered one after the other."""
    for number, name in enumerate(("astronaut", "coffee", "chelsea", "rocket", "cat"), 1):
        save(getattr(skimage.data, name)()[50:130, 100:200], tmp_path / f"IMG_{number:04}.jpg")
    return tmp_path


def test_sharp_photos_are_counted_and_measured(photos):
    save(skimage.data.coffee()[:60, :40], photos / "more" / "low.png")
    save(skimage.data.coffee()[:70, :300], photos / "more" / "high.png")

    report = check_data(photos, SMALL)

    assert (report.layout, report.files, report.pairs, report.sequences) == ("photos", 7, 0, 0)
    assert (report.smallest, report.median, report.largest) == ((40, 60), (100, 80), (300, 70))
    assert (report.problems, report.notes) == ((), ())


def test_all_unreadable_and_small_photos_are_listed_not_just_the_first(photos):
    cut_short(photos / "IMG_0002.jpg")
    (photos / "IMG_0009.png").write_text("not a photo")
    (photos / "notes.txt").write_text("not meant to be one")
    save(skimage.data.coffee()[:31, :90], photos / "low.png")
    save(skimage.data.coffee()[:90, :31], photos / "narrow.png")

    report = check_data(photos, SMALL)

    assert found(report) == [
        ("small", "low.png"),
        ("small", "narrow.png"),
        ("unreadable", "IMG_0002.jpg"),
        ("unreadable", "IMG_0009.png"),
    ]
    for problem in report.problems:
        assert str(problem.path) in problem.why
        assert "\n" not in problem.why
    assert report.files == 8


def test_the_crop_is_256_px_unless_another_is_asked_for(photos):
    assert len(check_data(photos).problems) == 5
    assert not check_data(photos, CheckOptions(crop_px=80)).problems


def test_pairs_are_told_by_their_folders_and_checked(tmp_path):
    pairs = {name: save_pair(tmp_path, name) for name in "abcdef"}
    pairs["a"].sharp.unlink()
    pairs["b"].blurred.unlink()
    cut_short(pairs["c"].sharp)
    save(skimage.data.coffee()[:50, :70], pairs["d"].blurred)
    save_pair(tmp_path, "e", size=(80, 20))

    report = check_data(tmp_path, SMALL)

    assert (report.layout, report.files, report.pairs, report.sequences) == ("pairs", 10, 4, 0)
    assert found(report) == [
        ("partner", "a.png"),
        ("size", "d.png"),
        ("small", "e.png"),
        ("small", "e.png"),
        ("unreadable", "c.png"),
    ]
    size = next(problem.why for problem in report.problems if problem.kind == "size")
    assert f"{pairs['d'].blurred} is 70x50 px, its sharp partner {pairs['d'].sharp}" in size
    assert str(pairs["b"].sharp) in report.notes[0]


def test_gopro_is_told_by_its_sequences(tmp_path):
    for name in ("train/GOPR1", "train/GOPR2", "test/GOPR3"):
        save_pair(tmp_path / name, "000001")
    save_pair(tmp_path / "train" / "GOPR1", "000012", blur="blur_gamma")

    def look(**options):
        report = check_data(tmp_path, CheckOptions(crop_px=32, **options))
        assert report.layout == "gopro"
        return report.pairs, report.sequences

    assert look() == (3, 3)
    assert look(split="train") == (2, 2)
    assert look(gamma=True) == (1, 1)


def test_photos_of_one_size_with_numbers_are_no_frames_but_a_panning_camera_gives_frames(
    photos, tmp_path_factory
):
    folder = tmp_path_factory.mktemp("frames")
    for name in ("one", "two"):
        save_frames(folder / name)

    report = check_data(folder, SMALL)

    assert (report.layout, report.files, report.sequences) == ("frames", 60, 2)
    assert report.problems == ()
    assert check_data(photos, SMALL).layout == "photos"


def test_photos_that_look_alike_in_other_sizes_are_no_frames(tmp_path):
    for step in (1, 2, 3, 4):
        save(skimage.data.coffee()[::step, ::step], tmp_path / f"{step}.png")

    assert check_data(tmp_path, SMALL).layout == "photos"


def test_what_the_folder_looks_like_can_be_overruled(tmp_path):
    save_frames(tmp_path, 10)

    assert found(check_data(tmp_path, SMALL)) == [("sequence", tmp_path.name)]
    report = check_data(tmp_path, CheckOptions(crop_px=32, layout="photos"))
    assert (report.layout, report.problems) == ("photos", ())
    with pytest.raises(DataError, match="no pairs with blur/"):
        check_data(tmp_path, CheckOptions(layout="pairs"))


def test_gaps_and_other_sizes_in_a_sequence_are_problems(tmp_path):
    save_frames(tmp_path, 40)
    (tmp_path / "f9.png").unlink()
    (tmp_path / "f10.png").unlink()
    save(skimage.data.coffee()[:48, :70], tmp_path / "f1.png")
    cut_short(tmp_path / "f20.png")

    report = check_data(tmp_path, SMALL)

    assert found(report) == [
        ("sequence", "f11.png"),
        ("size", "f1.png"),
        ("unreadable", "f20.png"),
    ]
    gap = next(problem.why for problem in report.problems if problem.kind == "sequence")
    assert f"{tmp_path / 'f8.png'} is followed by f11.png" in gap


def test_frames_numbered_in_steps_have_no_gaps(tmp_path):
    for number, pixels in enumerate(save_frames(tmp_path / "all", 30)):
        save(pixels, tmp_path / "fifth" / f"{5 * number}.png")

    assert check_data(tmp_path / "fifth", SMALL).problems == ()


def test_a_data_set_of_which_nothing_can_be_read_has_no_sizes(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")

    report = check_data(tmp_path, SMALL)

    assert (report.smallest, report.median, report.largest) == (None, None, None)
    assert found(report) == [("unreadable", "a.png")]


def test_a_photo_of_one_pixel_is_looked_at(tmp_path):
    save(np.zeros((1, 1, 3), np.uint8), tmp_path / "a.png")

    assert check_data(tmp_path, SMALL).largest == (1, 1)


def test_folders_without_anything_and_wrong_options_are_refused(tmp_path):
    with pytest.raises(DataError, match="missing is not a folder"):
        check_data(tmp_path / "missing")
    with pytest.raises(DataError, match="holds no photos"):
        check_data(tmp_path)
    with pytest.raises(OptionError, match="layout must be one of pairs, photos, frames, got 'x'"):
        CheckOptions(layout="x")
    with pytest.raises(OptionError, match="crop_px must be at least 1, got 0"):
        CheckOptions(crop_px=0)
