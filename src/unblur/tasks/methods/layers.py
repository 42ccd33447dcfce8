"""Run a network that normalises by the whole picture on one band of it after the other.

Layer by layer instead of tile by tile: no layer begins before the one in front of a
normalisation, or of a mean over the picture, has seen all bands, so every band is normalised by
the exact statistics of the whole picture (docs/adr/0006). What lies between two layers waits in
temporary files.
"""

import tempfile
import weakref
from collections.abc import Iterator
from io import FileIO
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.engines import Engine, Graph, Part, RunPart
from unblur.errors import NetworkError, TargetError
from unblur.imaging.tiles import Picture
from unblur.models import HALO_PX

Float16 = NDArray[np.float16]
Float32 = NDArray[np.float32]

_GRID_PX: Final = 8
"""Bands begin on multiples of this, at least."""
_LEAST_ROWS: Final = 64
_TOGETHER: Final = 2
"""Layers that run together at most, for the sake of the surroundings."""
_KEPT_VALUES: Final = 40
"""Per pixel of the picture; layers with more are computed again rather than kept on disk."""


class LayeredNetwork:
    """A network cut at its normalisations.

    Args:
        engine: Runs the parts.
        graph: The whole.
        multiple_of: The sides of what the network sees are multiples of this.
        halo_px: More than a layer, or those that run together, reach beyond a band.
    """

    def __init__(
        self, engine: Engine, graph: Graph, *, multiple_of: int, halo_px: int = HALO_PX
    ) -> None:
        self.graph, self.multiple_of, self.halo_px = graph, multiple_of, halo_px
        self._engine = engine

    def restore(self, picture: Picture, *, band_px: int) -> "RestoredPicture":
        """Restore a whole picture.

        Args:
            picture: Any size.
            band_px: Pixels that a band may have at most; see :func:`plan_bands`.

        Returns:
            The restored picture, to be read in parts.

        Raises:
            TargetError: If the temporary folder is full.
            NetworkError: If a layer's values are beyond half precision.
        """
        try:
            return self._restore(_Padded(picture, self.multiple_of), band_px)
        except OSError as error:
            folder = tempfile.gettempdir()
            raise TargetError(
                f"{folder}: no room for {picture.width} x {picture.height} px between the layers "
                f"of the network ({error.strerror}); name another folder with TMPDIR"
            ) from error

    def _restore(self, picture: "_Padded", band_px: int) -> "RestoredPicture":
        graph = self.graph
        grid = max(self.multiple_of, _GRID_PX)
        size = (picture.height, picture.width)
        bands = list(plan_bands(*size, band_px, halo_px=self.halo_px, grid_px=grid))
        kept: dict[str, _Layer] = {}
        moments: dict[str, Float32] = {}
        start: int | None = None
        for norm in range(len(graph)):
            live = graph.live(norm)
            statistics = _Statistics(graph, norm)
            made: dict[str, _Layer] = {}
            part, run = self._open(start, norm)
            for seen, inside in bands:
                outputs = run(_inputs(graph, part, picture, kept, moments, seen))
                statistics.add(outputs, seen, inside, picture.width)
                new = {key: outputs[f"{key}.half"] for key in live & set(part.outputs)}
                values = sum(layer.size for layer in new.values())
                too_many = values > _KEPT_VALUES * (seen.stop - seen.start) * picture.width
                if too_many and norm - (-1 if start is None else start) < _TOGETHER:
                    continue
                for key, layer in new.items():
                    if key not in made:
                        made[key] = _Layer(layer, seen, picture)
                    made[key].write(layer, seen, inside)
            moments |= statistics.moments()
            if made:
                start = norm
                kept = {key: x for key, x in (kept | made).items() if key in live}
        whole = RestoredPicture(picture)
        part, run = self._open(start, None)
        for seen, inside in bands:
            outputs = run(_inputs(graph, part, picture, kept, moments, seen))
            whole.write(outputs[graph.output], seen, inside)
        return whole

    def _open(self, start: int | None, stop: int | None) -> tuple[Part, RunPart]:
        """A part, anew each time: engines keep the memory of all that is open."""
        part = self.graph.part(start, stop)
        return part, self._engine.open_part(part.model)


def plan_bands(
    height: int, width: int, band_px: int, *, halo_px: int = HALO_PX, grid_px: int = _GRID_PX
) -> Iterator[tuple[slice, slice]]:
    """Rows that are looked at and, of them, rows that count; all bands are equally high.

    Args:
        height: Of the picture, in px; a multiple of the network's strides.
        width: Of the picture, in px.
        band_px: Pixels that a band may have at most; it has 64 rows at least, and four times the
            halo.
        halo_px: Rows above and below that count nothing.
        grid_px: Bands begin on multiples of this.
    """
    halo = -(-halo_px // grid_px) * grid_px
    least = max(_LEAST_ROWS, 4 * halo)
    rows = min(height, max(least, band_px // width // grid_px * grid_px))
    top = 0
    while top < height:
        first = max(0, min(top - halo, height - rows))
        bottom = height if first + rows >= height else first + rows - halo
        yield slice(first, first + rows), slice(top, bottom)
        top = bottom


class RestoredPicture:
    """A restored picture in a temporary file; a picture that is read in parts."""

    def __init__(self, like: "_Padded") -> None:
        self.height, self.width = like.picture.height, like.picture.width
        self._row = like.width
        self._file = _temporary(self)

    def write(self, values: Float32, seen: slice, inside: slice) -> None:
        """Keep the rows that count, of (1, 3, h, W)."""
        core = values[0, :, _scaled(inside, seen, values.shape[2])]
        self._file.seek(12 * self._row * inside.start)
        _write(self._file, np.ascontiguousarray(core.transpose(1, 2, 0)))

    def read(self, rows: slice, columns: slice) -> Float32:
        """A part of it, (h, w, 3)."""
        pixels = np.empty((rows.stop - rows.start, self._row, 3), np.float32)
        self._file.seek(12 * self._row * rows.start)
        _fill(pixels, self._file)
        return np.ascontiguousarray(pixels[:, columns])


class _Padded:
    """A picture, mirrored to the right and below so that its sides are multiples."""

    def __init__(self, picture: Picture, multiple_of: int) -> None:
        self.picture = picture
        self.height, self.width = (
            -(-side // multiple_of) * multiple_of for side in (picture.height, picture.width)
        )

    def batch(self, rows: slice) -> Float32:
        """Rows of it, (1, 3, h, W)."""
        there = slice(rows.start, min(rows.stop, self.picture.height))
        planes = self.picture.read(there, slice(0, self.picture.width)).transpose(2, 0, 1)
        below, right = rows.stop - there.stop, self.width - self.picture.width
        if below or right:
            planes = np.pad(planes, ((0, 0), (0, below), (0, right)), mode="reflect")
        return np.ascontiguousarray(planes[None])


def _inputs(
    graph: Graph,
    part: Part,
    picture: _Padded,
    kept: "dict[str, _Layer]",
    moments: dict[str, Float32],
    seen: slice,
) -> dict[str, Any]:
    """What a part takes for some rows."""
    inputs: dict[str, Any] = {
        f"{name}.half": kept[name].read(seen) for name in part.inputs if name in kept
    }
    inputs |= {name: picture.batch(seen) for name in part.inputs if name not in kept}
    for norm in part.norms:
        inputs |= {key: moments[key] for key in graph.statistics(norm)}
    return inputs


class _Statistics:
    """Mean and variance of what a normalisation takes, from the rows of the bands; or the mean."""

    def __init__(self, graph: Graph, norm: int) -> None:
        self._norm, self._epsilon = norm, graph.epsilons[norm]
        self._count = 0
        names = ("sum", "square")[: len(graph.statistics(norm))]
        self._sums: dict[str, Any] = dict.fromkeys(names, 0.0)

    def add(self, outputs: dict[str, Any], seen: slice, inside: slice, width: int) -> None:
        """The sums of a band's rows, of which some count."""
        for what in self._sums:
            rows = outputs[f"{what}.{self._norm}"][0]
            core = rows[:, _scaled(inside, seen, rows.shape[1])]
            self._sums[what] = self._sums[what] + core.sum(axis=1, dtype=np.float64)
        shrink = (seen.stop - seen.start) // rows.shape[1]
        self._count += core.shape[1] * (width // shrink)

    def moments(self) -> dict[str, Float32]:
        """What to multiply by and to add, or the mean, by name.

        Raises:
            NetworkError: If they are not finite.
        """
        mean = self._sums["sum"] / self._count
        found = {f"mean.{self._norm}": mean}
        if self._epsilon is not None:
            variance = np.maximum(self._sums["square"] / self._count - mean**2, 0)
            scale = 1 / np.sqrt(variance + self._epsilon)
            found = {f"scale.{self._norm}": scale, f"shift.{self._norm}": -mean * scale}
        if not all(np.isfinite(sums).all() for sums in self._sums.values()):
            raise NetworkError(
                "a layer of the network has values beyond half precision; restore with tile=off"
            )
        return {key: x.astype(np.float32).reshape(1, -1, 1, 1) for key, x in found.items()}


class _Layer:
    """What lies between two layers, in a temporary file, channel after channel."""

    def __init__(self, like: Float16, seen: slice, picture: _Padded) -> None:
        _, self._channels, rows, self._width = like.shape
        self._shrink = (seen.stop - seen.start) // rows
        self._height = picture.height // self._shrink
        self._file = _temporary(self)

    def write(self, values: Float16, seen: slice, inside: slice) -> None:
        """Keep the rows that count."""
        core = values[0, :, _scaled(inside, seen, values.shape[2])]
        for channel, plane in enumerate(core):
            self._seek(channel, inside.start)
            _write(self._file, np.ascontiguousarray(plane))

    def read(self, seen: slice) -> Float16:
        """Rows, (1, C, h, w)."""
        rows = (seen.stop - seen.start) // self._shrink
        values = np.empty((1, self._channels, rows, self._width), np.float16)
        for channel in range(self._channels):
            self._seek(channel, seen.start)
            _fill(values[0, channel], self._file)
        return values

    def _seek(self, channel: int, row: int) -> None:
        row //= self._shrink
        self._file.seek(2 * self._width * (channel * self._height + row))


def _temporary(owner: object) -> FileIO:
    """A file without a name that is closed when its owner is gone."""
    file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
    weakref.finalize(owner, file.close)
    return file


def _write(file: FileIO, values: NDArray[Any]) -> None:
    left = values.data.cast("B")
    while left:
        left = left[file.write(left) :]


def _fill(values: NDArray[Any], file: FileIO) -> None:
    left = values.data.cast("B")
    while left:
        left = left[file.readinto(left) :]


def _scaled(inside: slice, seen: slice, rows: int) -> slice:
    """The rows that count, in a layer that has so many for all that is seen."""
    shrink = (seen.stop - seen.start) // rows
    return slice((inside.start - seen.start) // shrink, (inside.stop - seen.start) // shrink)
