"""Restore photos: one road for the command line, Python, training, benchmarks and the page."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from threading import BoundedSemaphore
from typing import Any, Final, Unpack

import numpy as np
from numpy.typing import NDArray

from unblur.devices import memory_left_bytes
from unblur.engines import Engine
from unblur.errors import NetworkError, OptionError
from unblur.imaging.mask import Mask, crop_region
from unblur.imaging.photo.photo import Photo
from unblur.imaging.tiles import ArrayPicture, Picture, choose_side, plan_tiles, read_rows
from unblur.tasks.methods.blur_estimate import BlurEstimate, Tell
from unblur.tasks.methods.network import RunTile, Undone
from unblur.tasks.methods.strips import (
    Strip,
    guarded_region,
    is_grey,
    restored_strips,
    without_colour,
)
from unblur.tasks.restore.any_picture import TakesPictures
from unblur.tasks.restore.opening import DescribesPhoto, Method, open_method
from unblur.tasks.restore.options import (
    NETWORK_METHODS,
    OtherKeywords,
    RestoreOptions,
    options_with,
)

__all__ = ["Method", "Restorer", "shared_restorer"]

Float32 = NDArray[np.float32]

_WORKING_BYTES: Final = 700_000_000
"""Larger tiles hardly pay: what is left of the surroundings' share is small."""
_WHOLE_SHARE: Final = 0.8
"""Of the memory that is left, what a way of restoring that cannot be tiled may use."""


class Restorer(TakesPictures):
    """A way of restoring, ready for photos of any size.

    Thread-safe: any number of threads may call any method of one restorer at the same time, and
    each gets the pixels, to the last bit, that it would get alone. Nothing is changed after
    opening but the engine's working memory, of which there is one for each of ``streams``; a
    thread beyond that number waits. Not to be pickled or used after a fork: other processes open
    their own.

    Args:
        method: The name of a way, as in :class:`RestoreOptions`; or one that is open already. Not
            given: as the options say.
        options: How much of it, and where, and what to open.
        streams: Calls that may run at the same time, from as many threads; the cores are shared
            between them.
        keywords: Options by their names, in place of those of ``options``.

    Raises:
        NetworkError: If the network is unknown or corrupt, or does not restore pictures.
        PhotoError: If the kernel, the mask or the reference cannot be read.
        MissingExtraError: If the engine, or what method or reference need, is not installed.

    Examples:
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> import numpy as np
        >>> from unblur import Restorer
        >>> restorer = Restorer(method="network", strength=0.5, streams=2)
        >>> restorer.options
        RestoreOptions(method='network', strength=0.5)
        >>> restorer(np.full((48, 64), 128, np.uint8)).dtype  # of any kind, as restore() takes them
        dtype('uint8')
        >>> pictures = [np.full((48, side, 3), 0.5, np.float32) for side in (32, 48, 64)]
        >>> with ThreadPoolExecutor(2) as pool:
        ...     [pixels.shape for pixels in pool.map(restorer.restore_pixels, pictures)]
        [(48, 32, 3), (48, 48, 3), (48, 64, 3)]
    """

    def __init__(
        self,
        method: Method | str | None = None,
        options: RestoreOptions | None = None,
        *,
        streams: int = 1,
        **keywords: Unpack[OtherKeywords],
    ) -> None:
        if isinstance(method, RestoreOptions):
            raise OptionError("options are given by their name: Restorer(options=...)")
        if isinstance(method, str):
            options = options_with(options, method=method, **keywords)
        else:
            options = options_with(options, **keywords)
        if method is None or isinstance(method, str):
            method = open_method(options, streams)
        self.method = method
        self.options = options
        self.streams = streams
        self._mask = Mask(options.mask) if options.mask is not None else None
        self._turns = BoundedSemaphore(streams)

    @classmethod
    def open(cls, options: RestoreOptions | None = None, *, streams: int = 1) -> "Restorer":
        """Open the network, or the other method, that the options name: ``Restorer(options=...)``.

        Args:
            options: What to open.
            streams: Calls that may run at the same time.
        """
        return Restorer(options=options, streams=streams)

    def __repr__(self) -> str:
        """Its options, and what computes."""
        engine = getattr(self.without_search().method, "engine", None)
        by = f", {engine.name} {engine.precision}" if engine is not None else ""
        streams = f", streams={self.streams}" if self.streams != 1 else ""
        return f"<Restorer {self.options!r}{streams}{by}>"

    @property
    def engine(self) -> Engine:
        """What runs the network.

        Raises:
            NetworkError: If there is none, because the method is another.
        """
        engine: Engine | None = getattr(self.without_search().method, "engine", None)
        if engine is None:
            raise NetworkError(f"{self.options.method} is no network and has no engine")
        return engine

    def without_search(self) -> "Restorer":
        """The network that stands by, if the blur is looked for in each photo; else this itself.

        For the frames of a video and for parts of a photo, of which each would get another kernel.
        """
        if not self.options.finds_blur:
            return self
        method = getattr(self.method, "network", self.method)
        options = replace(self.options, method="network")
        return Restorer(method, options, streams=self.streams)

    def estimate(self, pixels: Float32) -> BlurEstimate | None:
        """What blurred (H, W, 3) pixels in [0, 1]; None by ways of restoring that do not look."""
        look = getattr(self.method, "look", None)
        return None if look is None else look(ArrayPicture(pixels))

    def restore_pixels(self, pixels: Float32, *, tell: Tell | None = None) -> Float32:
        """Restore the pixels of one picture.

        Args:
            pixels: (H, W, 3) RGB, display-encoded, in [0, 1]; any size.
            tell: See :meth:`restore_rows`.

        Returns:
            The restored pixels, same shape and range; of the part that ``crop`` names.

        Raises:
            OptionError: If crop or mask do not fit the picture, or the tile is too small.
        """
        return self._restore(pixels, tell)[1]

    def restore_photo(self, photo: Photo, *, tell: Tell | None = None) -> Photo:
        """Restore a photo; all but its pixels stays as it is, and its notes say what was found.

        Args:
            photo: Any size.
            tell: See :meth:`restore_rows`.

        Returns:
            The photo; with a reference, it also says how far that was believed.
        """
        alpha = photo.alpha
        if alpha is not None and self.options.crop is not None:
            alpha = np.ascontiguousarray(alpha[self.region(ArrayPicture(photo.pixels))])
        said: list[str] = []

        def listen(found: BlurEstimate) -> None:
            said.append(found.sentence)
            if tell is not None:
                tell(found)

        run, pixels = self._restore(photo.pixels, listen)
        restored = replace(photo, pixels=pixels, alpha=alpha, notes=(*photo.notes, *said))
        return run.describe(restored) if isinstance(run, DescribesPhoto) else restored

    def region(self, picture: Picture) -> tuple[slice, slice]:
        """Rows and columns that are restored.

        Raises:
            OptionError: If the crop is not inside the picture.
        """
        return crop_region(self.options.crop, picture.height, picture.width)

    @property
    def needs_whole(self) -> bool:
        """Whether all pixels of a photo must be in memory, whatever its size."""
        return self.options.tile == "off" or self.method.needs.halo_px is None

    def side(self, picture: Picture) -> int | None:
        """Side of the tiles for this picture; None if it is restored at once.

        Raises:
            OptionError: If the tile that was asked for is too small, or the picture too large
                for a way of restoring that cannot be tiled.
        """
        left = memory_left_bytes()
        most = _WORKING_BYTES if left is None else min(_WORKING_BYTES, left // 2)
        if self.needs_whole:
            most = sys.maxsize if left is None else int(_WHOLE_SHARE * left)
        # Not divided by the streams: the tiles decide on the last bits of the result.
        return choose_side(
            self.options.tile,
            self.method.needs,
            picture.height,
            picture.width,
            memory_bytes=most,
        )

    def restore_rows(self, picture: Picture, *, tell: Tell | None = None) -> Iterator[Float32]:
        """Restore a picture a few rows at a time, from the top down.

        Args:
            picture: Any size; only what a tile needs is read.
            tell: Is told what was found about the picture's blur, by those ways of restoring that
                look for it.

        Yields:
            Restored rows of the region, (h, w, 3) in [0, 1].

        Raises:
            OptionError: If crop or mask do not fit the picture, the tile is too small, or the
                picture too large for a way of restoring that cannot be tiled.
        """
        yield from self._begin(picture, tell)[1]

    def _restore(
        self, pixels: NDArray[np.floating[Any]], tell: Tell | None
    ) -> tuple[RunTile | None, Float32]:
        """What :meth:`_begin` gives, its rows together."""
        picture = ArrayPicture(pixels)
        rows, columns = self.region(picture)
        whole = np.empty((rows.stop - rows.start, columns.stop - columns.start, 3), np.float32)
        top = 0
        with self._turns:
            run, parts = self._begin(picture, tell)
            for part in parts:
                whole[top : top + len(part)] = part
                top += len(part)
        return run, whole

    def _begin(
        self, picture: Picture, tell: Tell | None
    ) -> tuple[RunTile | None, Iterator[Float32]]:
        """What restores tiles, None if nothing of it is taken; and the restored rows."""
        region = self.region(picture)
        if self._mask is not None:
            self._mask.check(picture.height, picture.width)
        asked = self.options
        # Detail of a reference needs no guard; that of the network, beside it, has had one.
        guarded = asked.guard and asked.method in NETWORK_METHODS and asked.reference is None
        wide = guarded_region(region, picture) if guarded else region
        side = self.side(picture)
        run: RunTile | None = None
        rows = read_rows(picture, region)
        if asked.strength > 0 or asked.reference is not None:  # which says how far it is believed
            tiles = list(plan_tiles(wide, picture.height, picture.width, side, self.method.needs))
            seen = tiles[0].seen
            whole = (seen[0].stop - seen[0].start, seen[1].stop - seen[1].start)
            tiled = whole != (picture.height, picture.width)
            run = self.method.prepare(picture, tiled=tiled, tell=tell)
            undone = isinstance(run, Undone)
            strips = restored_strips(picture, run, tiles, region, guarded=guarded, undone=undone)
            rows = (self._blend(picture.read(*strip.place), strip) for strip in strips)
        return run, map(without_colour, rows) if is_grey(picture) else rows

    def _blend(self, blurred: Float32, strip: Strip) -> Float32:
        """As much of the restored rows as guard, strength and mask allow."""
        weight: Float32 | np.float32 = np.float32(self.options.strength)
        if strip.weight is not None:
            weight = weight * strip.weight[..., None]
        if self._mask is not None:
            weight = weight * self._mask.read(*strip.place)[..., None]
        if isinstance(weight, np.float32) and weight == 1:
            return strip.restored.copy()
        mixed: Float32 = blurred + weight * (strip.restored - blurred)
        return mixed


@lru_cache(maxsize=2)
def shared_restorer(options: RestoreOptions) -> Restorer:
    """A restorer that later calls with equal options get again, weights loaded."""
    return Restorer.open(options)
