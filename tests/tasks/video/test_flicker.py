from itertools import pairwise

import numpy as np
import pytest

from unblur.tasks.video.flicker import Steadier


def frames(astronaut, count, noise, step=0):
    rng = np.random.default_rng(0)
    part = astronaut[:96, :128]
    return [
        np.clip(np.roll(part, step * at, axis=1) + rng.normal(0, noise, part.shape), 0, 1).astype(
            np.float32
        )
        for at in range(count)
    ]


def test_a_change_that_answers_noise_is_held_where_nothing_moves(astronaut):
    rng = np.random.default_rng(1)
    answers = [rng.normal(0, 0.02, (96, 128, 3)).astype(np.float32) for _ in range(12)]
    still, free = Steadier(), []

    results = [
        rgb + still.add(rgb, rgb + answer)
        for rgb, answer in zip(frames(astronaut, 12, 0.002), answers, strict=True)
    ]

    for at in range(1, 12):
        free.append(np.abs(answers[at] - answers[at - 1]).mean())
    steps = [np.abs(results[at] - results[at - 1]).mean() for at in range(1, 12)]
    assert np.mean(steps) < np.mean(free) / 3
    source = frames(astronaut, 12, 0.002)
    want = np.mean(steps) / np.mean(
        [np.abs(source[at] - source[at - 1]).mean() for at in range(1, 12)]
    )
    assert still.ratio == pytest.approx(want, rel=1e-3)


def test_a_lasting_change_stays_whole(astronaut):
    steadier = Steadier(0.5)

    for rgb in frames(astronaut, 5, 0):
        change = steadier.add(rgb, rgb + np.float32(0.2))
        assert np.allclose(change, 0.1, atol=1e-6)

    assert steadier.ratio is None


def test_what_moves_is_changed_as_if_alone(astronaut):
    steadier = Steadier()
    for at, rgb in enumerate(frames(astronaut, 3, 0.08, step=9)):
        want = np.full_like(rgb, 0.05 * at)

        change = steadier.add(rgb, rgb + want)

        assert np.abs(change - want).max() < 1e-3


def test_a_sharper_edge_that_moves_is_no_flicker(astronaut):
    sharp = frames(astronaut, 4, 0, step=4)
    soft = [(x + np.roll(x, 2, axis=1) + np.roll(x, -2, axis=1)) / np.float32(3) for x in sharp]
    steadier, pulses = Steadier(), Steadier()

    for at, (rgb, restored) in enumerate(zip(soft, sharp, strict=True)):
        steadier.add(rgb, restored)
        pulses.add(rgb, restored + np.float32(0.2 * (at % 2)))

    raw = [np.mean([np.abs(b - a).mean() for a, b in pairwise(some)]) for some in (soft, sharp)]
    assert raw[1] > 1.15 * raw[0]
    assert steadier.ratio < 1.05
    assert pulses.ratio > 1.15
