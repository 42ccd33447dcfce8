import time
from contextlib import suppress
from threading import Event

import pytest

from interruptible import interrupted
from unblur.tasks.batch import files
from unblur.tasks.batch.crew import Crew

POINTS = 430
"""At which a run of twelve jobs is interrupted, one after the other."""


def test_things_are_done_by_all_and_told_in_order():
    crew = Crew(lambda number: number**2, 3)
    outcomes = [crew.submit(number) for number in range(20)]

    assert [outcome.result() for outcome in outcomes] == [number**2 for number in range(20)]
    assert outcomes[0].result() == 0
    crew.leave()


def test_an_error_of_the_work_is_raised_where_its_result_is_asked_for():
    crew = Crew(lambda number: 1 / number, 2)
    good, bad = crew.submit(2), crew.submit(0)

    assert good.result() == 0.5
    with pytest.raises(ZeroDivisionError):
        bad.result()
    crew.leave()


class Run:
    """Jobs that take a moment."""

    def __init__(self):
        self.stop = Event()
        self.done = []

    def is_large(self, job):
        return False

    def one(self, job):
        if self.stop.is_set():
            return None
        time.sleep(1e-4)
        self.done.append(job)
        return job


def interrupted_at(point):
    """Results of a run into which Ctrl-C came at one of its points, and whether it did."""
    results = []

    def consume():
        with suppress(RuntimeError):  # out of Event.set, at its very end
            results.extend(files._run(range(1, 13), Run(), 2))

    return results, interrupted(consume, point, but=__file__)


def test_ctrl_c_at_any_point_ends_a_batch():
    came = 0
    for point in range(60, POINTS, 3):  # before it, threads are started
        results, did = interrupted_at(point)
        came += did
        assert results == sorted(results)
    assert came > 20
