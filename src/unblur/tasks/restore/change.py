"""How much restoring has changed a photo: whoever gives it a sharp one should hear so.

A shaken photo with noise of 10/255 and more comes out as little changed (docs/models.md).
"""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.photo.photo import Photo
from unblur.imaging.tiles import Picture
from unblur.tasks.methods.blur_estimate import BlurEstimate, Tell
from unblur.tasks.restore.options import NETWORK_METHODS, RestoreOptions

if TYPE_CHECKING:
    from unblur.tasks.restore.file import RestoresPhotos

Pixels: TypeAlias = NDArray[np.floating[Any]]

_LEVEL: Final = 1 / 255
_LITTLE_RMS: Final = 0.6 * _LEVEL
"""Of photos that are blurred, if mildly, and not noisy, the network changes 1.0 levels or more."""
_FAR: Final = 2 * _LEVEL
_LITTLE_SHARE: Final = 0.01
"""So few values may change by more than `_FAR`: a few lights in the night count, too."""
_ROWS: Final = 256


class Watched:
    """A restorer whose changes to one photo are looked at.

    Args:
        restorer: Restores.
        options: Its options.
    """

    def __init__(self, restorer: "RestoresPhotos", options: RestoreOptions) -> None:
        self._restorer, self._options = restorer, options
        self._squares, self._far, self._values = 0.0, 0, 0
        self.found: BlurEstimate | None = None
        """What the restorer told of the photo's blur."""

    @property
    def hardly_changed(self) -> bool:
        """Whether nobody would see what the network did to the photo.

        False wherever that would tell nothing of the photo: with less than full strength, a mask,
        a reference, or without a network.
        """
        asked = self._options
        if asked.strength != 1 or asked.mask is not None or asked.reference is not None:
            return False
        if asked.method not in NETWORK_METHODS or self._values == 0:
            return False
        rms = (self._squares / self._values) ** 0.5
        return rms < _LITTLE_RMS and self._far < _LITTLE_SHARE * self._values

    @property
    def needs_whole(self) -> bool:
        """Whether the restorer needs all pixels of a photo in memory."""
        return self._restorer.needs_whole

    def region(self, picture: Picture) -> tuple[slice, slice]:
        """Rows and columns that the restorer restores."""
        return self._restorer.region(picture)

    def restore(self, photo: Photo, *, tell: Tell | None = None) -> Photo:
        """Restore a photo."""
        restored = self._restorer.restore(photo, tell=partial(self._hear, tell))
        before = cropped(photo, self._options)
        for top in range(0, len(before), _ROWS):  # a few rows at a time, for the memory's sake
            self._look(before[top : top + _ROWS], restored.pixels[top : top + _ROWS])
        return restored

    def restore_rows(
        self, picture: Picture, *, tell: Tell | None = None
    ) -> Iterator[NDArray[np.float32]]:
        """Restore a picture a few rows at a time."""
        rows, columns = self._restorer.region(picture)
        top = rows.start

        for part in self._restorer.restore_rows(picture, tell=partial(self._hear, tell)):
            bottom = top + len(part)
            self._look(picture.read(slice(top, bottom), columns), part)
            yield part
            top = bottom

    def _hear(self, tell: Tell | None, found: BlurEstimate) -> None:
        self.found = found
        if tell is not None:
            tell(found)

    def _look(self, before: Pixels, after: Pixels) -> None:
        change = np.asarray(after, np.float32) - np.asarray(before, np.float32)
        self._squares += float(np.vdot(change, change))
        self._far += int(np.count_nonzero(np.abs(change) > _FAR))
        self._values += change.size


def cropped(photo: Photo, options: RestoreOptions) -> Pixels:
    """The pixels that are restored, (h, w, 3) in [0, 1]."""
    if options.crop is None:
        return photo.pixels
    left, top, width, height = options.crop
    return photo.pixels[top : top + height, left : left + width]
