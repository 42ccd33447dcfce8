"""Little data sets for tests: photos of scikit-image in the layouts that training reads."""

import numpy as np
import pyvips
import skimage.data

from unblur.data.pairs import Pair


def save(pixels, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    pyvips.Image.new_from_array(np.ascontiguousarray(pixels)).write_to_file(str(path))
    return path


def save_pair(folder, name, *, blur="blur", blurred="png", sharp="png", size=(60, 80)):
    """A photo and a darker one in place of a blurred one; the name decides what they show."""
    rng = np.random.default_rng(list(name.encode()))
    top, left = rng.integers(0, 300, 2)
    pixels = skimage.data.astronaut()[top : top + size[0], left : left + size[1]]
    return Pair(
        blurred=save(pixels // 2, folder / blur / f"{name}.{blurred}"),
        sharp=save(pixels, folder / "sharp" / f"{name}.{sharp}"),
    )


def save_frames(folder, count=30, *, step=1, height=48, width=64, first=1):
    """Frames of a camera that pans to the right by so many px a frame; their pixels, too."""
    photo = skimage.data.astronaut()[40 : 40 + height]
    frames = [photo[:, at * step : at * step + width] for at in range(count)]
    for number, pixels in enumerate(frames, first):
        save(pixels, folder / f"f{number}.png")
    return np.stack(frames)


def ways(square):
    """The eight ways to flip and turn a (3, H, W) square."""
    turned = [np.rot90(square, turns, axes=(1, 2)) for turns in range(4)]
    return turned + [x[:, :, ::-1] for x in turned]


def cut_short(path):
    """Damage a file as a broken download does."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
