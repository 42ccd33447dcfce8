"""The folder that a reader of the documentation sits in: what its commands and examples name."""

import os
import shutil
from pathlib import Path

import numpy as np
import skimage.data

from photo_sets import save, save_frames
from reference_pairs import second_shot, shake, shaken
from unblur.imaging.photo.photo import Photo, write_photo
from unblur.tasks.datasets.blur import BlurOptions, write_pairs
from video_files import write_video

ROOT = Path(__file__).parents[1]


def make_readers_folder(folder):
    """Fill a folder with small files of all the names that the pages use."""
    sharp = skimage.data.coffee()[40:240, 120:340].astype(np.float32) / 255
    shots = {"photo": shaken(sharp[:96, :128]), "shaken": shaken(sharp), "blurred": shaken(sharp)}
    shots |= {"sharp": second_shot(sharp), "short": second_shot(sharp, noise=25 / 255)}
    for name, pixels in shots.items():
        write_photo(Photo(pixels=pixels), folder / f"{name}.jpg", quality=95)
    write_photo(Photo(pixels=shots["shaken"]), folder / "shaken.png")
    for name in ("beach.jpg", "day1/a.jpg"):
        (folder / "holiday" / name).parent.mkdir(parents=True, exist_ok=True)
        # Too small to search for a shake, which takes a second; photo.jpg is not.
        write_photo(Photo(pixels=shots["photo"][:60, :80]), folder / "holiday" / name)
    (folder / "last").touch()
    os.utime(folder / "last", (0, 0))  # the photos are newer
    kernel = np.round(shake() / shake().max() * 255).astype(np.uint8)
    for name in ("kernel.png", "psf.png"):
        save(kernel, folder / name)
    # As large as the squares that training cuts out.
    photos = [save(skimage.data.coffee()[60:316, 120:376], folder / "photos" / "photo.png")]
    options = BlurOptions(seed=1, kind="mixed")
    made = list(write_pairs(photos, folder / "pairs", options, count=3))
    assert not [pair.error for pair in made if pair.error]
    for name in ("results", "restored"):
        shutil.copytree(folder / "pairs" / "blur", folder / name)
    shutil.copytree(folder / "pairs" / "sharp", folder / "sharp")
    save_frames(folder / "frames", 12, step=1)
    photo = skimage.data.astronaut()
    still = [photo[40:88, 100 + i % 2 : 164 + i % 2].copy() for i in range(32)]
    write_video(folder / "clip.mp4", still, codec="libx264", pix_fmt="yuv420p", rate=2)
    # Long enough for several windows: one may be left out.
    walk = [photo[40:104, i : i + 96].copy() for i in range(90)]
    write_video(folder / "walk-240fps.mp4", walk, codec="libx264", pix_fmt="yuv420p", rate=240)
    (folder / "recipes").symlink_to(ROOT / "recipes")
    (folder / "benchmarks").symlink_to(ROOT / "benchmarks")
    return folder
