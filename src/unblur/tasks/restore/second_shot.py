"""Restore photos with a second shot of their scene, on the road that all photos take."""

from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.engines import Engine
from unblur.extras import need
from unblur.imaging.photo.photo import Photo
from unblur.imaging.register.reference import Referenced, read_reference, restore_with_reference
from unblur.imaging.tiles import Picture, Tile, TileNeeds
from unblur.tasks.methods.blur_estimate import Tell
from unblur.tasks.methods.network import RunTile
from unblur.tasks.progress.stages import doing, unheard
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer

Float32 = NDArray[np.float32]

_BYTES_PER_PX: Final = 300
"""Working memory: 140 were measured with a pair of 3 megapixels; a blur that varies needs more."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ReferencedPhoto(Photo):
    """A restored photo, and how far a reference was believed.

    Attributes:
        confidence: (H, W) in [0, 1], of the whole photo, whatever part was restored; 0 if the
            reference was not used.
    """

    confidence: Float32


def open_reference(options: RestoreOptions, streams: int) -> "ReferenceMethod":
    """Read the reference, and open the network for what it does not show.

    Raises:
        NetworkError: See :class:`Restorer`.
        PhotoError: If the reference cannot be read.
    """
    plain = replace(options, reference=None, crop=None, mask=None, strength=1.0)
    return ReferenceMethod(Restorer(options=plain, streams=streams), options)


class ReferenceMethod:
    """A second shot of the scene as a way of restoring, with another way where it does not serve.

    Args:
        alone: Restores photos that it does not fit; where it shows nothing, without a search.
        options: Say which it is, of what kind, and how large it may be.

    Raises:
        PhotoError: If the reference cannot be read, or is too small.
        MissingExtraError: If what the extra `reference` brings is not installed.
    """

    needs = TileNeeds(halo_px=None, grid_px=1, bytes_per_px=_BYTES_PER_PX)

    def __init__(self, alone: Restorer, options: RestoreOptions) -> None:
        need("reference")  # said now, not once for each photo
        assert options.reference is not None
        self._path, self._kind = options.reference, options.reference_is
        self._restorer = alone
        self._alone, self._refused = alone.without_search().restore_pixels, alone.restore_pixels
        self._pixels = read_reference(self._path, max_megapixels=options.max_megapixels)

    @property
    def engine(self) -> Engine:
        """What runs the network."""
        return self._restorer.engine

    def prepare(self, picture: Picture, *, tiled: bool, tell: Tell | None = None) -> RunTile:
        """What restores all of this picture, and describes the photo that it is of."""
        blurred = picture.read(slice(0, picture.height), slice(0, picture.width))
        doing("reference")
        with unheard():
            found = restore_with_reference(
                blurred,
                self._pixels,
                lambda: self._alone(blurred),
                self._kind,
                refused=lambda: self._refused(blurred),
            )
        return _Referenced(found, self._path.name)


class _Referenced:
    """A picture that was restored with a reference."""

    def __init__(self, found: Referenced, name: str) -> None:
        self._found, self._name = found, name

    def __call__(self, tile: Tile) -> Float32:
        """What a tile keeps, restored: (h, w, 3)."""
        return self._found.pixels[tile.kept]

    def describe(self, restored: Photo) -> ReferencedPhoto:
        """The photo with its confidence; its notes say why if the reference was not used."""
        notes, refused = restored.notes, self._found.refused
        if refused is not None:
            notes = (*notes, f"{self._name} not used: {refused}")
        kept = {field.name: getattr(restored, field.name) for field in fields(Photo)}
        return ReferencedPhoto(**{**kept, "notes": notes}, confidence=self._found.confidence)
