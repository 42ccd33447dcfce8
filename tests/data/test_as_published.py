"""What the papers and their code chose for training pairs, and we by default do not."""

import numpy as np
import pytest

from photo_sets import save, save_frames, save_pair, ways
from unblur.data.averaged import AveragedFrames
from unblur.data.crops import drawn, turned
from unblur.data.pairs import PairedCrops
from unblur.data.synthetic import SyntheticOptions, SyntheticPairs
from unblur.errors import OptionError


def marked():
    """A square that looks another from every side."""
    return np.arange(48, dtype=np.float32).reshape(4, 4, 3) / 48


@pytest.mark.parametrize(("asked", "seen"), [("all", 8), ("mirror", 2), ("none", 1)])
def test_crops_are_flipped_and_turned_as_asked(asked, seen):
    square = marked()
    found = {
        turned(np.random.default_rng(seed), square, square, asked)[0].tobytes()
        for seed in range(200)
    }

    assert len(found) == seen
    planes = np.ascontiguousarray(square.transpose(2, 0, 1))
    expected = {"all": ways(planes), "mirror": [planes, planes[:, :, ::-1]], "none": [planes]}
    assert found == {np.ascontiguousarray(x).tobytes() for x in expected[asked]}


def test_in_epochs_each_comes_once_before_any_comes_again_in_another_order():
    rng = np.random.default_rng(0)
    order = [drawn(rng, 1, index, 5, epochs=True) for index in range(15)]

    assert [sorted(order[at : at + 5]) for at in (0, 5, 10)] == [list(range(5))] * 3
    assert len({tuple(order[at : at + 5]) for at in (0, 5, 10)}) > 1
    assert order != [drawn(rng, 2, index, 5, epochs=True) for index in range(15)]


def test_pairs_and_photos_come_in_epochs_if_asked(tmp_path):
    pairs = [save_pair(tmp_path, name) for name in "abcd"]
    crops = PairedCrops(pairs, crop_px=32, seed=1, count=100, epochs=True, ways="none")
    options = SyntheticOptions(crop_px=32, early_crop_px=32, epochs=True)
    photos = SyntheticPairs([pair.sharp for pair in pairs], options, seed=1, count=100)

    for some in (crops, photos):
        for start in (0, 4, 96):
            assert len({some.describe(index) for index in range(start, start + 4)}) == 4


def test_constants_of_algorithm_1_are_those_of_the_preset(tmp_path):
    point = np.zeros((160, 160, 3), np.uint8)
    point[80, 80] = 255
    path = save(point, tmp_path / "point.png")
    plain = {
        "crop_px": 160, "early_crop_px": 160, "scale": (1.0, 1.0), "softness_px": 0.0,
        "length_px": (60.0, 60.0), "exposure": (1.0,), "sharp_share": 0.0, "linear_share": 0.0,
        "noise_max": 0.0, "jpeg_share": 0.0, "ways": "none",
    }  # fmt: skip
    reach = {}
    for preset in ("paper", "authors"):
        made = SyntheticPairs([path], SyntheticOptions(**plain, preset=preset), seed=3, count=16)
        both = [made[index] for index in range(16)]
        # The paper's constants give long arcs, its authors' give tangles.
        reach[preset] = np.mean([np.ptp(np.nonzero(x[0] > 0)).item() for x, _ in both])
        for _, sharp in both:
            np.testing.assert_array_equal(
                sharp, (point / 255).astype(np.float32).transpose(2, 0, 1)
            )
    assert reach["paper"] > 1.5 * reach["authors"]
    with pytest.raises(OptionError, match="preset must be one of authors, paper, got 'both'"):
        SyntheticOptions(preset="both")
    with pytest.raises(OptionError, match="ways must be one of all, mirror, none, got 'some'"):
        SyntheticOptions(ways="some")


def test_frames_are_averaged_and_then_shrunk(tmp_path):
    save_frames(tmp_path / "frames", count=9, step=0, height=96, width=128)
    whole = AveragedFrames(tmp_path, crop_px=48, seed=1, count=50, frames=(3, 3), ways="none")
    half = AveragedFrames(
        tmp_path, crop_px=48, seed=1, count=50, frames=(3, 3), ways="none", scale=(0.5, 0.5)
    )

    blurred, sharp = half[0]
    assert blurred.shape == sharp.shape == (3, 48, 48)
    np.testing.assert_allclose(blurred, sharp, atol=2 / 255)  # nothing moves
    # Half the size: as much of the scene as 96 px, so neighbours differ more.
    steps = [np.mean([np.abs(np.diff(s[i][1])).mean() for i in range(20)]) for s in (whole, half)]
    assert steps[1] > 1.2 * steps[0]
    with pytest.raises(OptionError, match=r"scale needs 0 < low <= high <= 1, got \[0.5, 2\]"):
        AveragedFrames(tmp_path, crop_px=48, seed=1, count=5, frames=(3, 3), scale=(0.5, 2))


def test_a_crop_of_frames_always_fits(tmp_path):
    save_frames(tmp_path / "frames", count=5, height=48, width=64)
    pairs = AveragedFrames(tmp_path, crop_px=40, seed=1, count=5, frames=(3, 3), scale=(0.5, 0.5))

    assert pairs[0][0].shape == (3, 40, 40)
