"""Deconvolution and unsharp mask as ways of restoring, beside the networks.

What computes them is imported by whoever opens one: networks need none of it.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.errors import MissingExtraError, OptionError
from unblur.imaging.tiles import Picture, Tile, TileNeeds
from unblur.tasks.methods.blur_estimate import Tell
from unblur.tasks.methods.network import RunTile

Float32 = NDArray[np.float32]

_BYTES_PER_PX: Final = 160
"""Of the photo in memory and of three channels that are transformed at the same time."""
_WHOLE_PX: Final = 1024
"""So much context, and no tile would be right."""
_WINDOW_PX: Final = 1024


class ClassicalMethod:
    """One of scikit-image's methods as a way of restoring.

    Args:
        method: One of :data:`unblur.imaging.deblur.classical.METHODS`.
        kernel: A picture of the kernel, or ``.npy``; None lets the method guess.

    Raises:
        OptionError: If the method needs a kernel, or takes none.
        PhotoError: If the kernel cannot be read.
        MissingExtraError: If scikit-image is not installed.
    """

    def __init__(self, method: str, kernel: Path | None = None) -> None:
        if method == "wiener" and kernel is None:
            raise OptionError("wiener needs --kernel; unsupervised-wiener guesses one")
        if method == "unsharp-mask" and kernel is not None:
            raise OptionError("unsharp-mask takes no --kernel; wiener and richardson-lucy do")
        if find_spec("skimage") is None:  # say so now, not once for each photo
            raise MissingExtraError("scikit-image", extra="bench")
        from unblur.imaging.deblur.classical import context_px, read_kernel

        self.name = method
        self.kernel = None if kernel is None else read_kernel(kernel)
        context = context_px(method, self.kernel)
        self.needs = TileNeeds(
            halo_px=None if context >= _WHOLE_PX else context,
            grid_px=1,
            bytes_per_px=_BYTES_PER_PX,
        )

    def prepare(self, picture: Picture, *, tiled: bool, tell: Tell | None = None) -> RunTile:
        """What restores a tile, or all, of this picture; all tiles with one balance."""
        from unblur.imaging.deblur.classical import (
            DeconvolutionOptions,
            deconvolve,
            estimate_balance,
        )

        options = DeconvolutionOptions()
        if tiled and self.name == "unsupervised-wiener":
            window = _typical_window(picture)
            options = DeconvolutionOptions(balance=estimate_balance(window, self.kernel))

        def run(tile: Tile) -> Float32:
            pixels = picture.read(*tile.seen)
            return deconvolve(pixels, self.name, self.kernel, options=options)[tile.inside]

        return run


def _typical_window(picture: Picture) -> Float32:
    """The window with median detail: :func:`estimate_balance` takes the same of a whole photo."""
    sides = [min(side, _WINDOW_PX) for side in (picture.height, picture.width)]
    places = [
        (slice(top, top + sides[0]), slice(left, left + sides[1]))
        for top in range(0, picture.height - sides[0] + 1, sides[0])
        for left in range(0, picture.width - sides[1] + 1, sides[1])
    ]
    detail = [
        float(np.abs(np.diff(picture.read(*place)[::2], axis=1)).sum(dtype=np.float64))
        for place in places
    ]
    return picture.read(*places[int(np.argsort(detail, kind="stable")[len(places) // 2])])
