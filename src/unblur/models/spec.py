"""What one must know of an architecture to build it, run it and cut photos for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from torch import nn


NEAR_PX: Final = 193
"""Receptive field that is taken for networks that see the whole and cannot be cut into layers:
wider than one U of their convolutions reaches, and a pixel hardly depends on what is farther."""


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """One architecture: how to build it and how to feed it."""

    build: Callable[[], "nn.Module"]
    """Makes the network with fresh weights; imports torch."""
    multiple_of: int
    """Both sides of the input must be multiples of this many pixels."""
    receptive_field_px: int
    """Width of the square of input pixels that one output pixel can depend on."""
    tiling: Literal["exact", "global", "near"]
    """``exact``: overlapping tiles give the whole picture's pixels. ``global``: they do not, but
    bands from layer to layer do. ``near``: neither does; tiles are what matters most."""
    bytes_per_px: Mapping[str, int]
    """Working memory for each pixel of a tile, by engine and precision: of whole runs over tiles of
    several shapes, more than the network alone takes for one
    (``python benchmarks/restore.py --memory`` prints that)."""
    source: str
    """Paper or document that describes it."""
    halo_px: int = 16
    """``global``: surroundings that a band needs, for the layers between two statistics."""
    traced: bool = False
    """Exported by running it once, which takes seconds, where following its code takes minutes."""
    channels: tuple[int, int] = (3, 3)
    """Of input and output."""
    label: str = ""
    """What reports call it where published numbers stand beside; empty: by its name."""
