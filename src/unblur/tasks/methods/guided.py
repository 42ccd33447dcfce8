"""Undo a kernel, and run the network that knows it: on tiles, with what it says of its error."""

from collections.abc import Sequence
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.engines import Engine
from unblur.errors import NetworkError
from unblur.imaging.arrays import from_batch, to_batch
from unblur.imaging.deblur.known.guide import beside_guide, deconvolved_guide
from unblur.imaging.deblur.known.posterior import posterior_mean
from unblur.imaging.deblur.varying_blur import Window, assembled
from unblur.imaging.tiles import TileNeeds, plan_tiles
from unblur.tasks.progress.stages import doing

Float32 = NDArray[np.float32]

WHOLE_PX: Final = 1_500_000
TILE_PX: Final = 2048
"""Larger pictures go through the network in tiles of this side; of smaller ones, most would be what
they see around them."""
_LEAST_PX: Final = 8
_BARE_SHARE: Final = 0.25
"""Of encoded values: so much of the deconvolution stays as the network found it."""


class GuidedNetwork:
    """The network that is shown a photo and its deconvolution.

    Args:
        engine: Runs it.

    Raises:
        NetworkError: If the engine holds another network.
    """

    def __init__(self, engine: Engine) -> None:
        facts = engine.metadata
        if facts.get("unblur.model") != "guided":
            got = facts.get("unblur.model", "another")
            raise NetworkError(f"expected the network that knows kernels, guided, got {got}")
        self._engine = engine
        self._multiple = int(facts["unblur.multiple_of"])
        halo = -(-int(facts["unblur.receptive_field_px"]) // 2)
        self._needs = TileNeeds(halo_px=halo, grid_px=self._multiple, bytes_per_px=400)

    def undo(
        self,
        pixels: Float32,
        kernel: Float32,
        windows: Sequence[Window] = (),
        *,
        linear_light: bool,
        noise: float,
        threads: int = 0,
    ) -> Float32:
        """Undo a blur: by physics, by the network, and by what the photo says of the latter.

        Args:
            pixels: (H, W, 3) sRGB-encoded in [0, 1].
            kernel: (K, K), K odd, non-negative, of sum 1.
            windows: That cover the photo, each with a kernel of its own, which count instead.
            linear_light: It blurred light; False: the values as they are.
            noise: Standard deviation of the photo's noise, of sRGB-encoded values.
            threads: To work with; 0 takes one per core. The result does not depend on it.

        Returns:
            (H, W, 3) sRGB-encoded in [0, 1].
        """
        guide = partial(deconvolved_guide, linear_light=linear_light, noise=noise)
        agreed = partial(posterior_mean, linear_light=linear_light, noise=noise)
        doing("undo")
        if windows:
            shown = assembled(windows, pixels, partial(guide, threads=1), threads=threads)
        else:
            shown = guide(pixels, kernel, threads=threads)
        doing("clean")
        cleaned = self.restore(pixels, shown)
        bare = None if linear_light else shown[..., :3]
        del shown  # large photos fill the memory
        if windows:
            undone = assembled(
                windows,
                np.concatenate([pixels, cleaned], axis=2),
                lambda part, kernel: agreed(part[..., :3], part[..., 3:], kernel, threads=1),
                threads=threads,
            )
        else:
            undone = agreed(pixels, cleaned, kernel, threads=threads)
        if bare is not None:
            undone += np.float32(_BARE_SHARE) * (bare - undone)
        return undone

    def restore(self, pixels: Float32, guide: Float32 | None) -> Float32:
        """Restore a photo.

        Args:
            pixels: (H, W, 3) sRGB-encoded in [0, 1].
            guide: (H, W, 4), from :func:`deconvolved_guide`; None: there is no kernel.

        Returns:
            (H, W, 4): the restored photo, not clipped, and the logarithm of its expected error.
        """
        height, width, _ = pixels.shape
        whole = (slice(0, height), slice(0, width))
        restored = np.empty((height, width, 4), np.float32)
        side = None if height * width <= WHOLE_PX else TILE_PX
        for tile in plan_tiles(whole, height, width, side, self._needs):
            part = None if guide is None else guide[tile.seen]
            restored[tile.kept] = self._batch(pixels[tile.seen], part)[tile.inside]
        return restored

    def _batch(self, pixels: Float32, guide: Float32 | None) -> Float32:
        height, width, _ = pixels.shape
        batch = to_batch(
            beside_guide(pixels, guide), multiple_of=self._multiple, least_px=_LEAST_PX
        )
        return from_batch(self._engine.run(batch), height=height, width=width)
