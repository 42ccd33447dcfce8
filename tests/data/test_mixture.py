import re
from collections import Counter

import numpy as np
import pytest

from photo_sets import save, save_frames, save_pair
from unblur.data.averaged import AveragedFrames
from unblur.data.mixture import Mixture
from unblur.data.pairs import PairedCrops, list_pairs
from unblur.data.synthetic import SyntheticOptions, SyntheticPairs
from unblur.errors import OptionError


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources")
    save_pair(folder / "pairs", "a")
    save_frames(folder / "frames", 8)
    photo = save(np.full((80, 80, 3), 99, np.uint8), folder / "photo.png")
    sizes = {"crop_px": 32, "seed": 1, "count": 30_000}
    return [
        SyntheticPairs([photo], SyntheticOptions(crop_px=32), seed=1, count=30_000),
        PairedCrops(list_pairs(folder / "pairs"), **sizes),
        AveragedFrames(folder / "frames", frames=(5, 7), **sizes),
    ]


def used(mixture, sources, indices):
    """Which source each pair comes from, by the files it names."""
    names = [mixture.describe(i) for i in indices]
    return [
        next(i for i, source in enumerate(sources) if source.describe(at) == name)
        for at, name in zip(indices, names, strict=True)
    ]


def test_a_pair_is_the_pair_of_this_number_of_the_source_it_names(sources):
    mixture = Mixture(sources, [1, 1, 1], seed=5, count=100)
    origins = used(mixture, sources, range(20))

    assert set(origins) == {0, 1, 2}
    for i, origin in enumerate(origins):
        for mixed, alone in zip(mixture[i], sources[origin][i], strict=True):
            np.testing.assert_array_equal(mixed, alone)


@pytest.mark.parametrize("weights", [(2, 1), (0.2, 0.1), (1, 9)])
def test_shares_are_those_of_the_weights(sources, weights):
    # Of 9000 draws at 2/3 the share deviates by 0.005.
    mixture = Mixture(sources[1:], weights, seed=0, count=9000)

    counts = Counter(used(mixture, sources[1:], range(9000)))

    assert counts[0] / 9000 == pytest.approx(weights[0] / sum(weights), abs=0.02)


def test_the_source_depends_on_seed_and_index_alone(sources):
    def origins(seed, count, indices):
        return used(Mixture(sources, [1, 1, 1], seed=seed, count=count), sources, indices)

    forwards = origins(3, 60, range(60))

    assert origins(3, 9000, list(range(60))[::-1]) == forwards[::-1]
    assert origins(4, 60, range(60)) != forwards


@pytest.mark.parametrize(
    ("weights", "count", "message"),
    [
        ([1], 10, "got 3 sources and 1 weights"),
        ([1, 0, 1], 10, "weights must be positive and finite, got [1, 0, 1]"),
        ([1, float("nan"), 1], 10, "weights must be positive"),
        ([1, 1, 1], 30_001, "every source must have 30001 pairs, one has 30000"),
        ([1, 1, 1], -1, "must not be negative"),
    ],
)
def test_what_does_not_make_a_mixture_is_refused(sources, weights, count, message):
    with pytest.raises(OptionError, match=re.escape(message)):
        Mixture(sources, weights, seed=0, count=count)


def test_no_sources_and_indices_out_of_range_are_refused(sources):
    with pytest.raises(OptionError, match="got 0 sources"):
        Mixture([], [], seed=0, count=1)
    mixture = Mixture(sources, [1, 1, 1], seed=0, count=4)
    assert len(mixture) == 4
    with pytest.raises(IndexError, match="pair 4 of 4"):
        mixture[4]
