"""Restore the frames of a film by a network, at the scales that suit the blur of the last ones."""

from threading import Lock
from typing import Final

from unblur.imaging.deblur.blind import LEAST_SIDE_PX
from unblur.imaging.measure.cells import photo_blur
from unblur.imaging.tiles import Picture
from unblur.tasks.methods.blur_estimate import Tell
from unblur.tasks.methods.network import NetworkMethod, RunTile
from unblur.tasks.methods.scales import restoring
from unblur.tasks.methods.shrink import shrunk_picture

_NEW_SHARE: Final = 0.3
"""Of a frame in the running mean of how long the blur seems: scales that jump from frame to frame
would flicker."""
_CUT: Final = 2.0
"""A blur that seems so many times as long, or as short, is that of another shot."""


class FilmMethod:
    """A network for frames that follow each other, one at a time.

    Args:
        network: Knows no kernel.
    """

    def __init__(self, network: NetworkMethod) -> None:
        self.network = network
        self.engine = network.engine
        self.needs = network.needs
        self.blur_px: float | None = None
        """How long the blur of the last frames seems; None: nothing told it yet."""
        self._turn = Lock()

    def prepare(self, picture: Picture, *, tiled: bool, tell: Tell | None = None) -> RunTile:
        """What restores a tile, or all, of the next frame.

        Args:
            picture: The frame.
            tiled: It is not restored at once.
            tell: Nothing is told of a frame.
        """
        small, shrink = shrunk_picture(picture)
        with self._turn:
            if min(small.shape[:2]) >= LEAST_SIDE_PX and (seen := photo_blur(small)) is not None:
                self._follow(shrink * seen.length_px)
            blur_px = self.blur_px
        return restoring(self.network, picture, (small, shrink), blur_px, tiled=tiled)

    def _follow(self, seen_px: float) -> None:
        last = self.blur_px
        if last is None or not last / _CUT <= seen_px <= last * _CUT:
            self.blur_px = seen_px
        else:
            self.blur_px = last + _NEW_SHARE * (seen_px - last)
