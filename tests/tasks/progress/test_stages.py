"""What is said of a photo while it is restored."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from shaken_photo import shaken, sharp_coffee
from unblur.imaging.photo.photo import Photo, write_photo
from unblur.tasks.progress.pace import STAGES, way_of
from unblur.tasks.progress.stages import doing, heard, timed, unheard
from unblur.tasks.restore.file import restore_file
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import shared_restorer


@pytest.mark.parametrize(
    "method", [pytest.param("auto", marks=pytest.mark.thorough), "network", "unsharp-mask"]
)
def test_the_stages_of_a_way_are_heard_in_their_order(tmp_path, method):
    pixels, _ = shaken(sharp_coffee()[:150, :150], length_px=9)
    write_photo(Photo(pixels=pixels), tmp_path / "a.png")
    options = RestoreOptions(method=method)
    said = []

    with heard(lambda stage, share: said.append((stage, share))):
        restore_file(tmp_path / "a.png", shared_restorer(options))

    assert tuple(dict.fromkeys(stage for stage, _ in said)) == STAGES[way_of(method)]
    assert said[-2:] == [("restore", 1.0), ("write", None)]


def test_only_who_asks_hears_and_only_of_his_own_thread():
    said = []
    doing("search")
    with heard(lambda *told: said.append(told)), ThreadPoolExecutor(1) as pool:
        pool.submit(doing, "undo").result()
        doing("weigh")
        with unheard():
            doing("restore", 0.5)
        doing("write", np.float32(1))
    doing("clean")

    assert said == [("weigh", None), ("write", 1.0)]


def test_stages_are_timed_and_others_go_on_hearing_of_them():
    told = []

    with heard(lambda stage, share: told.append(stage)), timed() as seconds:
        doing("read")
        doing("search")
        time.sleep(0.02)
        doing("search", 0.5)
        doing("write")

    assert told == ["read", "search", "search", "write"]
    assert list(seconds) == ["read", "search", "write"]
    assert seconds["search"] >= 0.02
    assert all(took >= 0 for took in seconds.values())


def test_what_takes_how_long_is_said_of_one_photo_that_asks_for_it(run, tmp_path):
    write_photo(Photo(pixels=np.full((48, 40, 3), 0.5, np.float32)), tmp_path / "a.png")

    done = run("restore", tmp_path / "a.png", "-v", "--method", "network")

    assert done.returncode == 0
    assert re.search(
        r"^unblur: reading it \d+\.\d\d s, restoring it .* s, writing the file \d+\.\d\d s$",
        done.stderr,
        re.M,
    )
