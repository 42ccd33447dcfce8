import json
from dataclasses import replace

import numpy as np
import pytest

from photo_sets import save
from shaken_photo import sharp_coffee
from unblur.data.kernels.tries import list_tries, read_try
from unblur.errors import DataError, OptionError
from unblur.imaging.deblur.kernel_support import agreement
from unblur.imaging.deblur.known.guide import deconvolved_guide
from unblur.imaging.measure.noise import estimate_noise
from unblur.tasks.datasets.tried_photos import disturbed, trimmed, try_photo
from unblur.tasks.datasets.tries import TryOptions, write_tries

KNOWN = TryOptions(seed=5, search=False, threads=1)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    pixels = np.rint(255 * sharp_coffee()).astype(np.uint8)
    return [save(pixels[:, :200], folder / "left.png"), save(pixels[:, 24:], folder / "right.png")]


@pytest.fixture(scope="module")
def made(photos, tmp_path_factory):
    """A folder with eight tries without a search."""
    folder = tmp_path_factory.mktemp("tries")
    assert all(x.error is None for x in write_tries(photos, folder, KNOWN, count=8))
    return folder


def facts_of(path):
    with np.load(path) as held:
        return json.loads(str(held["done"])), {name: held[name] for name in held.files}


def test_a_try_holds_what_its_kernels_give(made):
    with_kernel = [each for each in list_tries(made) if len(each.gains)]
    assert with_kernel

    for each in with_kernel:
        facts, held = facts_of(each.path)
        pixels = read_try(each.path)
        seen = pixels.blurred.astype(np.float32) / np.float32(255)
        guide = deconvolved_guide(
            seen, held["kernel_0"], linear_light=facts["light"], noise=estimate_noise(seen)
        )

        assert facts["found"] == each.found == 0
        assert pixels.guides.shape == (3, *pixels.blurred.shape[:2], 4)
        assert np.abs(np.rint(255 * guide) - pixels.guides[0]).max() <= 1


def test_for_the_second_network_the_first_has_its_say(photos, made, tmp_path):
    options = replace(KNOWN, second=True)

    results = list(write_tries(photos, tmp_path, options, count=8))

    assert {x.path.name for x in results}.isdisjoint(x.path.name for x in list_tries(made))
    second, bare = (
        {each.path.stem[-5:]: each for each in tries if len(each.gains)}
        for tries in (list_tries(tmp_path, second=True), list_tries(made))
    )
    assert second.keys() == bare.keys()
    exact = [(second[key].gains[0], bare[key].gains[0]) for key in bare]
    assert np.mean([more - less for more, less in exact]) > 1
    for each in second.values():
        _, held = facts_of(each.path)
        assert held["truth"].sum() == pytest.approx(1, abs=1e-4)
        brightness = np.abs(held["guides"][..., :3].mean(axis=3) - held["guides"][..., 3])
        assert brightness.mean() < 8  # of the same photo, but not the same picture
        assert brightness.any()


def test_true_kernels_undo_more_than_they_harm(made):
    gains = np.concatenate([each.gains[:1] for each in list_tries(made)])

    assert np.mean(gains) > 0.5


def test_a_file_that_was_removed_is_made_again_byte_for_byte(photos, made):
    path = list_tries(made)[2].path
    before = path.read_bytes()
    path.unlink()

    again = list(write_tries(photos, made, KNOWN, count=8))

    assert [x.there for x in again] == [True, True, False] + 5 * [True]
    assert path.read_bytes() == before


def test_kernels_that_are_found_come_with_their_signals(photos, tmp_path):
    (result,) = write_tries(photos, tmp_path, TryOptions(seed=9, threads=1), count=1)

    facts, held = facts_of(result.path)
    (each,) = list_tries(tmp_path)
    assert facts["found"] >= 3
    assert len(facts["signals"]) == facts["found"]
    assert {"agreement", "linear"} <= set(facts["signals"][0])
    assert len(held["guides"]) == facts["found"] + ("length" in facts)
    assert each.found == facts["found"]


def test_a_bad_photo_is_named_and_the_others_go_on(photos, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"not a photo")

    results = list(write_tries([bad, *photos], tmp_path / "out", KNOWN, count=6))

    wrong = [x.error for x in results if x.error is not None]
    assert 0 < len(wrong) < 6
    assert all("bad.png" in why for why in wrong)
    assert len(list_tries(tmp_path / "out")) == 6 - len(wrong)


def test_wrong_use_is_refused(photos, tmp_path):
    with pytest.raises(OptionError, match="count must be at least 1"):
        next(write_tries(photos, tmp_path, KNOWN, count=0))
    with pytest.raises(DataError, match="no photos"):
        next(write_tries([], tmp_path, KNOWN, count=1))
    with pytest.raises(OptionError, match="seed must not be negative"):
        TryOptions(seed=-1)


def test_every_kind_of_photo_comes(photos):
    tried = [try_photo(photos[0], np.random.default_rng(seed)) for seed in range(60)]

    kinds = {each.facts["kind"] for each in tried}
    assert kinds == {"shake", "soft", "rotation", "object", "out of focus", "sharp"}
    assert all(each.blurred.shape == each.sharp.shape for each in tried)
    assert all((each.kernel is not None) == ("length" in each.facts) for each in tried)


def test_large_photos_are_whole_and_small_ones_are_refused(photos, tmp_path):
    pixels = np.random.default_rng(1).integers(0, 256, (90, 120, 3), np.uint8)
    large = save(pixels.repeat(8, axis=0).repeat(8, axis=1), tmp_path / "large.png")

    tried = try_photo(large, np.random.default_rng(3), large=True)

    assert min(tried.blurred.shape[:2]) >= 640
    with pytest.raises(DataError, match="640 px a side are needed, got 200x224"):
        try_photo(photos[0], np.random.default_rng(3), large=True)


@pytest.mark.parametrize("seed", range(8))
def test_disturbed_kernels_are_like_the_true_one(photos, seed):
    rng = np.random.default_rng(seed)
    kernel = next(
        each.kernel
        for each in (try_photo(photos[0], rng) for _ in range(30))
        if each.facts.get("length", 0) >= 40
    )

    changed = disturbed(kernel, rng)

    assert changed.sum() == pytest.approx(1, abs=1e-5)
    assert len(changed) % 2 == 1
    assert agreement(trimmed(kernel), kernel) > 0.999
    assert 0.4 < agreement(changed, kernel) < 0.9999
