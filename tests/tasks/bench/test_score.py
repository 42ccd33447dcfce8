import numpy as np
import pytest

from photo_sets import cut_short, save, save_pair
from unblur.errors import DataError
from unblur.imaging.photo.photo import read_photo
from unblur.metrics import METRICS, score
from unblur.tasks.bench.score import score_files


def test_two_files_get_every_metric(tmp_path):
    pair = save_pair(tmp_path, "a", size=(180, 200))

    (result,) = score_files(pair.blurred, pair.sharp)

    pixels = [read_photo(path).pixels for path in (pair.blurred, pair.sharp)]
    assert tuple(result.scores) == METRICS
    assert result.scores == score(*pixels)
    assert (result.error, result.notes) == (None, ())


def test_folders_match_by_name_whatever_the_ending_and_workers_change_nothing(tmp_path):
    for name in ("b", "a", "x10", "x9"):
        save_pair(tmp_path, name, blurred="tif")
    save_pair(tmp_path / "in", "a")
    (tmp_path / "in/blur").rename(tmp_path / "blur/in")
    (tmp_path / "in/sharp").rename(tmp_path / "sharp/in")

    runs = [
        list(score_files(tmp_path / "blur", tmp_path / "sharp", workers=workers))
        for workers in (1, 3)
    ]

    assert [result.name for result in runs[0]] == ["a", "b", "x9", "x10", "in/a"]
    assert runs[0] == runs[1]
    assert runs[0][0].notes == ("too small for ms_ssim, which needs sides of 176 px",)
    assert runs[0][4].restored == tmp_path / "blur/in/a.png"


def test_what_cannot_be_scored_is_a_result_that_says_why(tmp_path):
    for name in ("a", "b", "c", "d", "e"):
        save_pair(tmp_path, name)
    (tmp_path / "blur/a.png").unlink()
    (tmp_path / "sharp/b.png").unlink()
    cut_short(tmp_path / "blur/c.png")
    save(np.zeros((61, 80, 3), np.uint8), tmp_path / "sharp/d.png")

    results = list(score_files(tmp_path / "blur", tmp_path / "sharp", metrics=("psnr",)))

    errors = {result.name: result.error for result in results}
    assert errors["a"] == f"{tmp_path}/sharp/a.png has no partner {tmp_path}/blur/a.*"
    assert errors["b"] == f"{tmp_path}/blur/b.png has no partner {tmp_path}/sharp/b.*"
    assert "blur/c.png" in errors["c"]
    assert "blur/d.png is 80x60 px" in errors["d"]
    assert "sharp/d.png is 80x61 px" in errors["d"]
    assert errors["e"] is None


def test_a_file_against_a_folder_and_folders_without_photos_are_refused(tmp_path):
    pair = save_pair(tmp_path, "a")
    (tmp_path / "empty").mkdir()

    for first, second, why in (
        (pair.blurred, tmp_path / "sharp", "must be two files or two folders"),
        (tmp_path / "none.png", pair.sharp, "none.png: no such file or folder"),
        (tmp_path / "empty", tmp_path / "empty", "have no photos"),
    ):
        with pytest.raises(DataError, match=why):
            list(score_files(first, second))
