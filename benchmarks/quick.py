"""`--quick`, which every benchmark has: the same work on so little that a minute is enough for it.

Nothing needs to be named then: photos and what else a benchmark asks for are made of what the
package's own test extras bring, in a folder that goes with the process. The figures say that the
benchmark runs, and nothing more.
"""

import argparse
import atexit
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data

from unblur.devices import bf16_in_processor
from unblur.imaging.photo.photo import Photo, write_photo

FLAG = "--quick"
PICTURES = ("astronaut", "coffee", "chelsea", "rocket")


def is_quick() -> bool:
    """Whether the command line asks for it."""
    return FLAG in sys.argv[1:]


def parse(parser: argparse.ArgumentParser, **small: Any) -> argparse.Namespace:
    """What the command line says, with ``--quick`` in it.

    Args:
        parser: Knows all other options. What it requires it must not require where
            :func:`is_quick`.
        small: Defaults in place of the parser's where ``--quick`` is given; a function is called
            for its value.
    """
    parser.add_argument(FLAG, action="store_true", help="little work, in at most a minute")
    if is_quick():
        values = {key: value() if callable(value) else value for key, value in small.items()}
        parser.set_defaults(**values)
    asked = parser.parse_args()
    if asked.quick:
        # Not where the tables go, which other programs read.
        print(
            "quick: so little work that the figures say nothing but that it runs", file=sys.stderr
        )
    return asked


@cache
def folder() -> Path:
    """An empty folder that goes with the process."""
    path = Path(tempfile.mkdtemp(prefix="quick-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def photos(count: int = 4, *, side: int = 336, held_out: bool = False) -> Path:
    """A folder of photos, the same ones each time, all for training or all for validation."""
    from validation_pairs import is_held_out

    into = folder() / f"photos-{count}-{side}-{held_out}"
    into.mkdir(exist_ok=True)
    number = 0
    while len(list(into.iterdir())) < count:
        name = f"{number:03}.png"
        picture = getattr(skimage.data, PICTURES[number % len(PICTURES)])()
        number += 1
        if is_held_out(name) == held_out:
            pixels = np.tile(picture, (3, 3, 1))[7 * number :, 11 * number :][:side, :side]
            write_photo(Photo(pixels=pixels.astype(np.float32) / 255), into / name)
    return into


def validation_set() -> Path:
    """A validation set of two photos and of frames."""
    from validation_set import Folders, build

    into = folder() / "set"
    for _ in build(into, Folders(photos=photos(2, held_out=True), frames=frames())):
        pass
    return into


def frames(count: int = 120) -> Path:
    """A folder of frames: a picture that passes by, a pixel a frame."""
    into = folder() / "frames"
    into.mkdir(exist_ok=True)
    for i in range(count):
        pixels = skimage.data.astronaut()[100:356, 100 + i : 356 + i].astype(np.float32) / 255
        write_photo(Photo(pixels=pixels), into / f"{i:03}.png", overwrite=True)
    return into


def has_bf16() -> bool:
    """Whether this processor multiplies bfloat16; if not, says what is left out, once."""
    if bf16_in_processor() is None:
        _say_what_is_left_out()
        return False
    return True


@cache
def _say_what_is_left_out() -> None:
    print("left out: everything in bf16, which this processor only emulates, many times slower")
