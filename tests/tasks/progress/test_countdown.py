"""The time left, as it is shown and said."""

import pytest

from unblur.tasks.progress.countdown import Countdown, left_words


def test_it_follows_what_falls_and_rises_only_for_a_reason():
    countdown = Countdown()

    assert countdown.shown(None, "search") is None
    assert countdown.shown(20.0, "weigh") == 20.0
    assert countdown.shown(30.0, "weigh") == 20.0  # a guess that climbs is not news yet
    assert countdown.shown(15.0, "weigh") == 15.0
    assert countdown.shown(31.0, "weigh") == 31.0  # twice as much is
    assert countdown.shown(33.0, "follow") == 31.0
    assert countdown.shown(40.0, "undo") == 40.0  # a new stage may tell that all is slower
    assert countdown.shown(5.0, "undo") == 5.0
    assert countdown.shown(None, "undo") is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0.0, "a few seconds left"),
        (7.4, "about 10 seconds left"),
        (19.0, "about 20 seconds left"),
        (33.0, "about half a minute left"),
        (70.0, "about a minute left"),
        (90.0, "about 2 minutes left"),
        (200.0, "about 3 minutes left"),
    ],
)
def test_time_left_is_said_in_words(seconds, words):
    assert left_words(seconds) == words
