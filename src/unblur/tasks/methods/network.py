"""Run a network on the tiles of a picture as if it saw the whole."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.engines import Engine
from unblur.errors import NetworkError, OptionError
from unblur.imaging.arrays import from_batch, to_batch
from unblur.imaging.tiles import Picture, Tile, TileNeeds
from unblur.models import HALO_PX, MODELS
from unblur.tasks.methods.blur_estimate import Tell

Float32 = NDArray[np.float32]
RunTile = Callable[[Tile], Float32]
"""What a tile keeps, restored: (h, w, 3)."""


class Undone:
    """What gives tiles of a picture whose blur was found and undone."""

    def __init__(self, run: RunTile) -> None:
        self._run = run

    def __call__(self, tile: Tile) -> Float32:
        """What a tile keeps, restored: (h, w, 3)."""
        return self._run(tile)


_LEAST_PX: Final = 8
"""Networks mirror their input's edges; shorter sides have too little to mirror."""
_COPIES_BYTES_PER_PX: Final = 60
"""The tile itself, as it is read, fed to the network, returned and blended."""
_FOREIGN_BYTES_PER_PX: Final = 1500
"""Of networks that are not in the table of models."""
_BAND_BYTES: Final = 500_000_000
"""Working memory of one band of a network that runs layer by layer."""


class NetworkMethod:
    """A network as a way of restoring.

    Args:
        engine: Runs the network.
        facts: What the network file says of itself.
        path: The file; needed to tile a network that normalises by the whole picture.

    Raises:
        NetworkError: If it was not written by unblur.
    """

    def __init__(self, engine: Engine, facts: Mapping[str, str], path: Path | None = None) -> None:
        self.engine = engine
        try:
            self.multiple_of = int(facts["unblur.multiple_of"])
            self.receptive_field_px = int(facts["unblur.receptive_field_px"])
        except (KeyError, ValueError) as error:
            raise NetworkError(
                "the network was not written by unblur: expected the metadata unblur.multiple_of "
                f"and unblur.receptive_field_px, got {', '.join(facts) or 'none'}"
            ) from error
        spec = MODELS.get(facts.get("unblur.model", ""))
        if spec is not None and spec.channels != (3, 3):
            raise NetworkError(
                f"the network {facts['unblur.model']!r} needs to see a deconvolution; it restores "
                "by method auto or blind, not by itself"
            )
        self._path = path
        self._random = "unblur.dropout" in facts
        self._sees_whole = facts.get("unblur.tiling", "exact") == "global"
        self._halo_px = int(facts.get("unblur.halo_px", HALO_PX))
        self._fixed = _sides(facts.get("unblur.fixed"))
        key = f"{engine.name}-{engine.precision}"
        said = int(facts.get(f"unblur.bytes_per_px.{key}", _FOREIGN_BYTES_PER_PX))
        memory = spec.bytes_per_px.get(key, said) if spec else said
        self.needs = TileNeeds(
            # Where layers see all of the picture before the next one begins, tiles need nothing.
            halo_px=0 if self._sees_whole else -(-self.receptive_field_px // 2),
            grid_px=int(facts.get("unblur.grid_px", self.multiple_of)),
            bytes_per_px=memory + _COPIES_BYTES_PER_PX,
            most_px=self._fixed,
        )

    def prepare(self, picture: Picture, *, tiled: bool, tell: Tell | None = None) -> RunTile:
        """What restores a tile, or all, of this picture.

        A network that normalises by the whole picture restores all of it now, layer by layer.

        Raises:
            OptionError: If the engine runs such a network on whole pictures only.
            TargetError: If the temporary folder is full.
        """
        if tiled and self._sees_whole and self._random:
            # Where bands meet, or a layer is computed again, other values would be dropped.
            raise OptionError(
                f"a network that drops values at random must see all of a photo at once, and "
                f"{picture.width}x{picture.height} px are too many; use tile=off, or export it "
                "without --stochastic"
            )
        if tiled and self._sees_whole:
            from unblur.engines.graph import Graph
            from unblur.tasks.methods.layers import LayeredNetwork

            graph = Graph(self._file().read_bytes())
            network = LayeredNetwork(
                self.engine, graph, multiple_of=self.multiple_of, halo_px=self._halo_px
            )
            restored = network.restore(picture, band_px=_BAND_BYTES // self.needs.bytes_per_px)
            return lambda tile: restored.read(*tile.kept)

        def run(tile: Tile) -> Float32:
            pixels = picture.read(*tile.seen)
            height, width, _ = pixels.shape
            batch = self.batch(pixels)
            return from_batch(self.engine.run(batch), height=height, width=width)[tile.inside]

        return run

    def batch(self, pixels: Float32) -> Float32:
        """What the network is given of (H, W, 3): (1, 3, H', W'), mirrored where it must grow."""
        batch = to_batch(pixels, multiple_of=self.multiple_of, least_px=_LEAST_PX)
        if self._fixed is None:
            return batch
        below, right = (
            most - side for most, side in zip(self._fixed, batch.shape[2:], strict=True)
        )
        return np.pad(batch, ((0, 0), (0, 0), (0, below), (0, right)), mode="reflect")

    def _file(self) -> Path:
        if self._path is None:
            raise NetworkError("a network that is not in a file cannot be tiled; use tile=off")
        return self._path


def _sides(text: str | None) -> tuple[int, int] | None:
    """Height and width from ``HxW``."""
    if text is None:
        return None
    height, width = map(int, text.split("x"))
    return height, width
