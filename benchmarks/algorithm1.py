"""Algorithm 1 of DeblurGAN, written down step by step: what the batched code is checked against.

Slow on purpose. Where its random numbers come from is an argument, so that the batched code's can
be played back to it.
"""

import math
from dataclasses import dataclass

import numpy as np


@dataclass
class Numbers:
    """The random numbers of one path, as they are drawn."""

    anxiety: float  # ps
    gaussian: float  # pg
    impulse: float  # pb
    inertia: float  # I
    phi: float  # first direction in radian
    normal: object  # normal() -> one standard normal number
    chance: object  # chance() -> one uniform number in [0, 1)
    turn: object  # turn(t) -> one uniform number in [-0.5, 0.5), asked at an about-face


def draw(rng):
    """Draw numbers with the constants of the authors' code, one at a time."""
    return Numbers(
        anxiety=rng.choice((0.003, 0.005, 0.007, 0.008, 0.009, 0.01)),
        gaussian=rng.uniform(0, 10),
        impulse=rng.uniform(0, 0.2),
        inertia=rng.uniform(0, 0.7),
        phi=rng.uniform(0, 2 * np.pi),
        normal=rng.standard_normal,
        chance=rng.uniform,
        turn=lambda _: rng.uniform(-0.5, 0.5),
    )


def play_back(draws, index):
    """Return the numbers of one path of the batched code."""
    normals = iter(draws.jitter[:, index].ravel().tolist())
    chances = iter(draws.chance[:, index].tolist())
    return Numbers(
        anxiety=draws.anxiety[index],
        gaussian=draws.gaussian[index],
        impulse=draws.impulse[index],
        inertia=draws.inertia[index],
        phi=2 * np.pi * draws.heading[index],
        normal=lambda: next(normals),
        chance=lambda: next(chances),
        turn=lambda t: draws.turns[t][index],
    )


def trajectory(numbers, *, samples, length_px):
    """Trace one path; (M,) complex, x + iy in pixels."""
    ps, step = numbers.anxiety, length_px / (samples - 1)
    v = np.exp(1j * numbers.phi) * step
    x = np.zeros(samples, np.complex128)
    for t in range(samples - 1):
        jerk = 0
        if numbers.chance() < numbers.impulse * ps:
            jerk = 2 * v * np.exp(1j * (np.pi + numbers.turn(t)))
        noise = numbers.normal() + 1j * numbers.normal()
        dv = jerk + ps * (numbers.gaussian * noise - numbers.inertia * x[t]) * step
        v = v + dv
        v = v / np.abs(v) * step
        x[t + 1] = x[t] + v
    return x


def kernel(path, side):
    """Spread each point over its four nearest pixels; (side, side), the mean in the middle."""
    path = path - path.mean() + (side // 2) * (1 + 1j)
    psf = np.zeros((side, side))
    for point in path:
        left, top = math.floor(point.real), math.floor(point.imag)
        for column in (left, left + 1):
            for row in (top, top + 1):
                weight = _triangle(point.real - column) * _triangle(point.imag - row)
                if weight > 0:
                    psf[row, column] += weight
    return psf / len(path)


def _triangle(distance):
    return max(0.0, 1.0 - abs(distance))
