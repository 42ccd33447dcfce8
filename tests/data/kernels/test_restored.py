import json
import pickle

import numpy as np
import pytest

from unblur.data.kernels.restored import RestoredOptions, RestoredPlanes
from unblur.data.kernels.tries import list_tries
from unblur.errors import DataError, OptionError
from unblur.imaging.deblur.learned_search import ROUND_PX, shown_pictures
from unblur.imaging.light import srgb_to_linear

OPTIONS = RestoredOptions(plane_px=(64,))
SIDE = 96


def bar(side, length):
    """A kernel, (side, side): a path to the right."""
    kernel = np.zeros((side, side), np.float32)
    kernel[side // 2, side // 2 - length // 2 : side // 2 + length // 2 + 1] = 1
    return kernel / kernel.sum()


def save_try(folder, name, alike, *, light=True, length=7, truth=True):
    """A try of noise, with as many kernels that were found, and the true one."""
    rng = np.random.default_rng(len(name))
    kernels = [bar(length + 2, length) for _ in alike]
    facts = {
        "photo": f"{name}.jpg",
        "kind": "shake",
        "size": [SIDE, SIDE],
        "found": len(alike),
        "alike": alike,
        "lights": [light for _ in alike],
        "blurred": 20.0,
        "guides": [22.0 for _ in alike],
        "second": True,
    }
    shape = (SIDE, SIDE, 3)
    np.savez(
        folder / f"{name}.npz",
        blurred=rng.integers(0, 255, shape, np.uint8),
        sharp=rng.integers(0, 255, shape, np.uint8),
        guides=rng.integers(0, 255, (len(alike), SIDE, SIDE, 4), np.uint8),
        **{f"kernel_{i}": kernel for i, kernel in enumerate(kernels)},
        **({"truth": bar(11, 9)} if truth else {}),
        done=np.array(json.dumps(facts)),
    )


def planes(folder, options=OPTIONS, **more):
    more = {"seed": 3, "count": 40, "together": 4, **more}
    return RestoredPlanes(list_tries(folder, second=True), options, **more)


def test_planes_depend_on_seed_and_number_alone(tmp_path):
    for name in ("one", "three"):
        save_try(tmp_path, name, [0.9, 0.7])
    made = planes(tmp_path)
    copy = pickle.loads(pickle.dumps(made))

    assert len(made) == 40
    for index in (7, 0, 39):
        seen, kernels = made[index]
        assert seen.shape == (3, 64, 64)
        assert seen.dtype == kernels.dtype == np.float32
        np.testing.assert_allclose(kernels.sum((1, 2)), 1, atol=1e-5)
        assert all(map(np.array_equal, copy[index], (seen, kernels)))
        assert made.describe(index).endswith(".npz")
    assert not np.array_equal(made[0][0], made[1][0])
    with pytest.raises(IndexError):
        made[40]


def test_what_is_seen_together_has_one_size(tmp_path):
    for name, length in (("a", 5), ("bb", 15), ("ccc", 25)):
        save_try(tmp_path, name, [0.9], length=length)
    made = planes(tmp_path, together=6)

    for first in range(0, 36, 6):
        sizes = {(made[i][0].shape, made[i][1].shape) for i in range(first, first + 6)}
        assert len(sizes) == 1


def test_all_of_a_try_is_what_was_restored_of_it_as_the_kernel_blurred_it(tmp_path):
    save_try(tmp_path, "light", [0.9])
    save_try(tmp_path, "encoded", [0.9], light=False)
    made = planes(tmp_path)

    for each in made.found:
        seen, (found, truth) = made.whole(each)
        held = np.load(each.tried.path)
        blurred, guide = (x.astype(np.float32) / 255 for x in (held["blurred"], held["guides"][0]))
        pictures = blurred, guide[..., :3], guide[..., 3:]
        if each.tried.path.stem == "light":
            pictures = map(srgb_to_linear, pictures)
        plane, *restored = (x.mean(axis=2) for x in pictures)
        np.testing.assert_allclose(seen, shown_pictures(plane, restored), atol=1e-4)
        assert len(found) == 7 + 2 * ROUND_PX
        np.testing.assert_allclose(found, bar(len(found), 7), atol=1e-6)
        np.testing.assert_allclose(truth, bar(len(found), 9), atol=1e-6)


def test_planes_and_kernels_are_turned_alike(tmp_path):
    save_try(tmp_path, "one", [0.9])
    made = planes(tmp_path, RestoredOptions(plane_px=(SIDE,)))
    whole = made.whole(made.found[0])
    ways = [
        [np.rot90(x[..., ::flip], turns, (1, 2)) for x in whole]
        for flip in (1, -1)
        for turns in range(4)
    ]

    drawn = [
        next(i for i, way in enumerate(ways) if all(map(np.array_equal, way, made[index])))
        for index in range(40)
    ]

    assert set(drawn) == set(range(8))


def test_kernels_that_are_far_off_or_large_are_left_out(tmp_path):
    save_try(tmp_path, "one", [0.9, 0.3, 0.6])
    save_try(tmp_path, "large", [0.9], length=71)
    made = planes(tmp_path)

    assert [(x.tried.path.stem, x.number) for x in made.found] == [("one", 0), ("one", 2)]
    with pytest.raises(DataError, match="no try holds a kernel that was found"):
        planes(tmp_path, RestoredOptions(least_agreement=0.95))


def test_a_canvas_may_be_smaller_than_a_kernel(tmp_path):
    save_try(tmp_path, "one", [0.9], length=21)
    made = planes(tmp_path)

    found, _ = made.found[0].on_canvas(13)

    np.testing.assert_allclose(found, bar(13, 13), atol=1e-6)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"plane_px": ()}, "plane_px"),
        ({"plane_px": (32,)}, "plane_px"),
        ({"least_agreement": 1.0}, "least_agreement"),
        ({"most_px": 3}, "most_px"),
    ],
)
def test_options_are_checked(wrong, why):
    with pytest.raises(OptionError, match=why):
        RestoredOptions(**wrong)
