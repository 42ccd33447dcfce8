import threading
import time

import pytest

from unblur.tasks.video.overlap import Ahead, Behind


def test_items_come_through_in_order_and_only_so_many_ahead():
    made = []

    def source():
        for number in range(20):
            made.append(number)
            yield number

    with Ahead(source(), size=3) as items:
        got = []
        for item in items:
            got.append(item)
            time.sleep(0.002)
            assert len(made) <= len(got) + 5

    assert got == list(range(20))


def test_an_error_of_the_source_comes_after_what_it_gave():
    def source():
        yield 1
        yield 2
        raise ValueError("broken")

    got = []

    def take_all():
        with Ahead(source()) as items:
            got.extend(items)

    with pytest.raises(ValueError, match="broken"):
        take_all()
    assert got == [1, 2]


def test_leaving_early_stops_the_thread():
    def source():
        while True:
            yield 0

    before = set(threading.enumerate())  # some of another test's may end meanwhile
    with Ahead(source()) as items:
        assert next(iter(items)) == 0
    assert set(threading.enumerate()) <= before


def test_all_items_are_put_away_before_finish_returns():
    got = []

    def take(item):
        time.sleep(0.005)
        got.append(item)

    with Behind(take) as out:
        for number in range(10):
            out.put(number)
        out.finish()

    assert got == list(range(10))


def test_an_error_while_putting_away_reaches_who_puts():
    def take(item):
        raise OSError("full")

    def put(times):
        with Behind(take, size=1) as out:
            for _ in range(times):
                out.put(0)
            out.finish()

    for times in (1, 100):
        with pytest.raises(OSError, match="full"):
            put(times)
