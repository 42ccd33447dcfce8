import os
import subprocess
import sys

import pytest

from unblur.imaging.files import remove_leftovers, temporary_beside

MAKE = (
    "import sys, time; from pathlib import Path\n"
    "from unblur.imaging.files import temporary_beside\n"
    "path = temporary_beside(Path(sys.argv[1])); path.touch(); print(path.name, flush=True)\n"
    "sys.stdin.read()\n"
)


@pytest.fixture
def writer(tmp_path):
    """Another process that is writing a file."""
    process = subprocess.Popen(
        [sys.executable, "-c", MAKE, tmp_path / "photo.jpg"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    name = process.stdout.readline().strip()
    yield process, tmp_path / name
    process.kill()
    process.communicate()


def test_names_are_new_hidden_and_in_the_same_folder(tmp_path):
    names = {temporary_beside(tmp_path / "photo.jpg") for _ in range(20)}

    assert len(names) == 20
    assert {name.parent for name in names} == {tmp_path}
    assert all(name.name.startswith(".unblur-") and name.suffix == ".tmp" for name in names)


def test_files_of_a_living_process_stay_and_those_of_a_killed_one_go(tmp_path, writer):
    process, path = writer
    assert (remove_leftovers(tmp_path), path.exists()) == (0, True)

    process.kill()
    process.wait()

    assert (remove_leftovers(tmp_path), path.exists()) == (1, False)


def test_own_files_stay_but_not_those_of_an_earlier_run_with_the_same_number(tmp_path):
    own = temporary_beside(tmp_path / "photo.jpg")
    parts = own.name.split("-")
    earlier = tmp_path / "-".join([*parts[:3], "0" * 8, parts[4]])
    own.touch()
    earlier.touch()

    assert remove_leftovers(tmp_path) == 1

    assert list(tmp_path.iterdir()) == [own]


def test_files_of_another_machine_stay_for_a_day(tmp_path):
    fresh, old = (tmp_path / f".unblur-0badf00d-1-{'0' * 8}-{digit * 8}.tmp" for digit in "12")
    for path in (fresh, old):
        path.touch()
    os.utime(old, (0, 0))

    assert remove_leftovers(tmp_path) == 1

    assert list(tmp_path.iterdir()) == [fresh]


def test_other_files_are_nobodys_business(tmp_path):
    for name in (".unblur.jsonl", ".unblur-notes.tmp", "photo.tmp"):
        (tmp_path / name).touch()

    assert remove_leftovers(tmp_path) == 0
    assert remove_leftovers(tmp_path / "nowhere") == 0
    assert len(list(tmp_path.iterdir())) == 3
