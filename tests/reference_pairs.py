"""Two shots of a scene, from one photo of scikit-image: blurred, and from a little elsewhere."""

import cv2
import numpy as np

from unblur.imaging.blur.blur import blur
from unblur.imaging.blur.kernels import trajectory_kernels
from unblur.imaging.light import linear_to_srgb, srgb_to_linear


def shake(length=9.0):
    """The kernel of an L-shaped shake of so many px a side."""
    first = np.stack([np.linspace(0, length, 600), np.zeros(600)], axis=1)
    second = np.stack([np.full(400, length), np.linspace(0, length * 0.7, 400)], axis=1)
    return trajectory_kernels(np.concatenate([first, second])[None], canvas_px=25)[0]


def shaken(sharp, kernel=None, *, linear_light=True, noise=1 / 255, seed=1):
    """The blurred shot, of 8 bits."""
    rng = np.random.default_rng(seed)
    kernel = shake() if kernel is None else kernel
    pixels = blur(sharp, kernel, linear_light=linear_light, noise_sigma=noise, rng=rng)
    return np.round(pixels * 255).astype(np.float32) / 255


def second_shot(sharp, *, gain=1.1, noise=0.0, seed=2):
    """From a little elsewhere, brighter, of 8 bits; beyond its edge it shows nothing."""
    height, width = sharp.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 1.2, 1.02)
    turn[:, 2] += (3.3, -2.6)
    light = np.clip(srgb_to_linear(sharp) * gain, 0, 1)
    seen = cv2.warpAffine(linear_to_srgb(light), turn, (width, height), flags=cv2.INTER_CUBIC)
    if noise:
        seen = seen + np.random.default_rng(seed).normal(0, noise, seen.shape)
    seen = seen[6:-3, 4:-7]
    return np.round(np.clip(seen, 0, 1) * 255).astype(np.float32) / 255


def difference(found, truth):
    """Sum of squared differences of two kernels, centre on centre, by the truth's squares."""
    side = max(len(found), len(truth))
    placed = [np.pad(kernel, (side - len(kernel)) // 2) for kernel in (found, truth)]
    return float(((placed[0] - placed[1]) ** 2).sum() / (truth**2).sum())
