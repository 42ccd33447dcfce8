import time

import pytest

from interruptible import interrupted
from unblur.tasks.video.overlap import Ahead, Behind

POINTS = 600
"""At which a run of eight items is interrupted, one after the other; it has fewer."""


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

    made = source()
    with Ahead(made) as items:
        assert next(iter(items)) == 0
    made.close()  # an error, if a thread is still at it


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


def interrupted_at(point):
    """What a run puts away into which Ctrl-C came at one of its points, and whether it did."""
    put_away = []

    def source():
        for number in range(8):
            time.sleep(1e-4)
            yield number

    def take(item):
        time.sleep(1e-4)
        put_away.append(item)

    def consume():
        made = source()
        try:
            with Ahead(made) as items, Behind(take) as out:
                for item in items:
                    out.put(item)
                out.finish()
        finally:
            made.close()  # an error, if a thread is still at it

    return put_away, interrupted(consume, point, but=__file__)


def test_ctrl_c_at_any_point_stops_both_threads():
    came = 0
    for point in range(1, POINTS, 3):
        put_away, did = interrupted_at(point)
        came += did
        assert put_away == list(range(len(put_away)))
        if not did:
            assert len(put_away) == 8
            break
    assert came > 20
