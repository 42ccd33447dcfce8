"""Undo a kernel, and run the networks that know it: on tiles, with what they say of their error."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from unblur.engines import Engine
from unblur.errors import NetworkError
from unblur.imaging.arrays import from_batch, to_batch
from unblur.imaging.deblur.known.guide import beside_guide, deconvolved_guide, posterior_guide
from unblur.imaging.deblur.known.posterior import KERNEL_ERROR, posterior_mean
from unblur.imaging.deblur.varying_blur import Window, assembled
from unblur.imaging.tiles import TileNeeds, plan_tiles
from unblur.tasks.progress.stages import doing
from unblur.weights import find_network

Float32 = NDArray[np.float32]

WHOLE_PX: Final = 1_500_000
TILE_PX: Final = 2048
"""Larger pictures go through the network in tiles of this side; of smaller ones, most would be what
they see around them."""
_LEAST_PX: Final = 8
_BARE_SHARE: Final = 0.25
"""Of encoded values: so much of the deconvolution stays as the network found it."""


class GuidedNetwork:
    """The network that is shown a photo and its deconvolution, and the one that comes after it.

    Args:
        engine: Runs the former.
        second: Runs the latter, which is shown what the photo made of the former's picture; None:
            there is none.

    Raises:
        NetworkError: If an engine holds another network.
    """

    def __init__(self, engine: Engine, second: Engine | None = None) -> None:
        self._engine, self._second = engine, second
        for each in (engine, second or engine):
            got = each.metadata.get("unblur.model", "another")
            if got != "guided":
                raise NetworkError(f"expected the network that knows kernels, guided, got {got}")
        facts = engine.metadata
        self._multiple = int(facts["unblur.multiple_of"])
        halo = -(-int(facts["unblur.receptive_field_px"]) // 2)
        self._needs = TileNeeds(halo_px=halo, grid_px=self._multiple, bytes_per_px=400)

    @classmethod
    def bundled(cls, opened: Callable[[Path], Engine]) -> Self:
        """With the networks that come with unblur.

        Args:
            opened: Opens a network file.
        """
        return cls(*(opened(find_network(name)) for name in ("guided", "guided-second")))

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
        """Undo a blur: by physics, by a network, by what the photo says of it; the last two twice.

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
        blur = _Blur(kernel, windows, linear_light, noise, threads)
        shown, bare = self._said_together(pixels, blur)
        if self._second is None:
            return np.ascontiguousarray(shown[..., :3])
        cleaned = self._restored(self._second, pixels, shown)
        del shown  # large photos fill the memory
        return blur.agreed(pixels, cleaned, bare, kernel_error=None)

    def guide_of_second(
        self,
        pixels: Float32,
        kernel: Float32,
        *,
        linear_light: bool,
        noise: float,
        threads: int = 0,
    ) -> Float32:
        """What the second network is shown, which is what the photo and the first say together.

        Args:
            pixels: As in :meth:`undo`.
            kernel: As there.
            linear_light: As there.
            noise: As there.
            threads: As there.

        Returns:
            (H, W, 4), from :func:`unblur.imaging.deblur.known.guide.posterior_guide`.
        """
        shown, _ = self._said_together(pixels, _Blur(kernel, (), linear_light, noise, threads))
        return shown

    def _said_together(self, pixels: Float32, blur: "_Blur") -> tuple[Float32, Float32 | None]:
        """What the second network is shown, and the deconvolution, of which encoded values keep."""
        doing("undo")
        guide = blur.guide(pixels)
        doing("clean")
        cleaned = self._restored(self._engine, pixels, guide)
        bare = None if blur.linear_light else guide[..., :3]
        del guide  # large photos fill the memory
        return posterior_guide(blur.agreed(pixels, cleaned, bare), cleaned), bare

    def restore(self, pixels: Float32, guide: Float32 | None) -> Float32:
        """Restore a photo by the first network alone.

        Args:
            pixels: (H, W, 3) sRGB-encoded in [0, 1].
            guide: (H, W, 4), from :func:`deconvolved_guide`; None: there is no kernel.

        Returns:
            (H, W, 4): the restored photo, not clipped, and the logarithm of its expected error.
        """
        return self._restored(self._engine, pixels, guide)

    def _restored(self, engine: Engine, pixels: Float32, guide: Float32 | None) -> Float32:
        height, width, _ = pixels.shape
        whole = (slice(0, height), slice(0, width))
        restored = np.empty((height, width, 4), np.float32)
        side = None if height * width <= WHOLE_PX else TILE_PX
        for tile in plan_tiles(whole, height, width, side, self._needs):
            part = None if guide is None else guide[tile.seen]
            batch = to_batch(
                beside_guide(pixels[tile.seen], part),
                multiple_of=self._multiple,
                least_px=_LEAST_PX,
            )
            rows, columns = pixels[tile.seen].shape[:2]
            run = from_batch(engine.run(batch), height=rows, width=columns)
            restored[tile.kept] = run[tile.inside]
        return restored


@dataclass(frozen=True, eq=False)
class _Blur:
    """A blur, and how it is undone; attributes as in :meth:`GuidedNetwork.undo`."""

    kernel: Float32
    windows: Sequence[Window]
    linear_light: bool
    noise: float
    threads: int

    def guide(self, pixels: Float32) -> Float32:
        """What the first network is shown, (h, w, 4)."""
        guide = partial(deconvolved_guide, linear_light=self.linear_light, noise=self.noise)
        if not self.windows:
            return guide(pixels, self.kernel, threads=self.threads)
        return assembled(self.windows, pixels, partial(guide, threads=1), threads=self.threads)

    def agreed(
        self,
        pixels: Float32,
        cleaned: Float32,
        bare: Float32 | None,
        *,
        kernel_error: float | None = KERNEL_ERROR,
    ) -> Float32:
        """What a photo and a network's picture of it, with its expected error, say together.

        Args:
            pixels: (h, w, 3).
            cleaned: (h, w, 4) of the network.
            bare: (h, w, 3) the deconvolution; None: nothing is kept of it.
            kernel_error: See :func:`posterior_mean`.
        """
        agreed = partial(
            posterior_mean,
            linear_light=self.linear_light,
            noise=self.noise,
            kernel_error=kernel_error,
        )
        if self.windows:
            undone = assembled(
                self.windows,
                np.concatenate([pixels, cleaned], axis=2),
                lambda part, kernel: agreed(part[..., :3], part[..., 3:], kernel, threads=1),
                threads=self.threads,
            )
        else:
            undone = agreed(pixels, cleaned, self.kernel, threads=self.threads)
        if bare is not None:
            undone += np.float32(_BARE_SHARE) * (bare - undone)
        return undone
