"""What is said at the end of several photos."""

import os
from pathlib import Path

import pytest

from unblur.cli.reporting import Tally
from unblur.tasks.batch.files import Restored

HERE = Path("a.jpg")


def told(capsys, *unchanged, seconds, workers=2, errors=1):
    """The last lines of a tally of so many photos that were restored, and others that failed."""
    tally = Tally(total=len(unchanged) + errors, workers=workers, folders=(Path("a-unblurred"),))
    for why in unchanged:
        tally.add(Restored(source=HERE, target=HERE, unchanged=why))
    for _ in range(errors):
        tally.add(Restored(source=HERE, target=HERE, error="a.jpg: is broken"))
    tally.started -= seconds
    tally.print_sum()
    return capsys.readouterr().out.splitlines()[len(unchanged) :]


def test_the_end_says_how_many_how_long_what_came_of_them_and_where_they_are(capsys):
    assert told(capsys, None, "sharp", "noisy", None, seconds=4.8) == [
        "2 photos at a time, so the seconds of each overlap with others; 1.2 s a photo in all",
        "2 of the 4 hardly changed; the reason is behind each",
        "4 restored, 1 failed in 4.8 s, into a-unblurred" + os.sep,
    ]


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.5, "0.5 s"), (61.0, "61 s"), (754.0, "13 min"), (7000.0, "1.9 h")]
)
def test_how_long_it_took_is_said_in_a_unit_that_fits(capsys, seconds, words):
    (last,) = told(capsys, None, seconds=seconds, workers=1)

    assert last.startswith(f"1 restored, 1 failed in {words}, ")
