"""A photo of the night: scikit-image's cup of coffee in the dark, with lamps, shaken."""

import numpy as np
import skimage.data

from unblur import random_kernels
from unblur.imaging.blur.convolution import convolve
from unblur.imaging.light import linear_to_srgb, srgb_to_linear

LAMPS = ((40, 60, 8.0), (60, 330, 15.0), (150, 130, 25.0), (230, 40, 40.0), (250, 350, 12.0))
"""Rows, columns, and how many times as bright as white."""


def dark_scene(lamps=LAMPS):
    """The scene's light, and its light without lamps, (300, 400, 3)."""
    coffee = skimage.data.coffee()[50:350, 100:500].astype(np.float32) / 255
    ground = 0.1 * srgb_to_linear(coffee)
    rows, columns = np.mgrid[:300, :400].astype(np.float32)
    light = ground.copy()
    for down, right, power in lamps:
        spot = np.exp(-((rows - down) ** 2 + (columns - right) ** 2) / (2 * 1.2**2))
        light += power * spot[..., None] * np.array([1, 0.9, 0.7], np.float32)
    return light, ground


def seen_by_a_sensor(light, noise=0.5, seed=1):
    """Light as 8 bits show it."""
    encoded = linear_to_srgb(np.clip(light, 0, 1).astype(np.float32))
    encoded = encoded + noise / 255 * np.random.default_rng(seed).standard_normal(encoded.shape)
    return np.rint(np.clip(encoded, 0, 1) * 255).astype(np.float32) / np.float32(255)


def shaken_night(seed=2, length_px=40):
    """The scene shaken, sharp, and shaken without lamps, sRGB-encoded; and the kernel."""
    rng = np.random.default_rng(seed)
    kernel = random_kernels(1, rng=rng, length_px=length_px, exposure=(1.0,))[0]
    light, ground = dark_scene()
    shaken = [seen_by_a_sensor(np.maximum(convolve(x, kernel), 0)) for x in (light, ground)]
    sharp = linear_to_srgb(np.clip(light, 0, 1).astype(np.float32))
    return shaken[0], sharp, shaken[1], kernel
