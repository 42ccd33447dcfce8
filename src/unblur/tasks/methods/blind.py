"""Restore a photo by finding its blur and undoing it; a network stands by."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.deblur.trails import drawn_by, lit, without
from unblur.imaging.deblur.varying_blur import Window, plan_windows
from unblur.imaging.measure.focus import motion_weight
from unblur.imaging.measure.moved import moved_part
from unblur.imaging.tiles import Picture
from unblur.tasks.methods.blur_estimate import BlurEstimate, Tell
from unblur.tasks.methods.by_place import bolder_db, trusted, windows_of, windows_there
from unblur.tasks.methods.choosing.judge import measure_places, predicted_gains
from unblur.tasks.methods.choosing.look import ALIKE, UNSAFE, Looked, Sight
from unblur.tasks.methods.edges import EdgesNetwork
from unblur.tasks.methods.guided import GuidedNetwork
from unblur.tasks.methods.network import NetworkMethod, RunTile, Undone
from unblur.tasks.methods.scales import changing, network_for, network_on, restoring
from unblur.tasks.methods.shrink import shrunk_picture
from unblur.tasks.progress.stages import doing, unheard

Float32 = NDArray[np.float32]

_IN_PARTS: Final = " in parts of the photo"
_DIFFERENTLY: Final = "blurred differently from place to place"
_WINDOW_PX: Final = 256
"""Whether a kernel fits is judged in windows of this side, of large photos larger ones."""
_LEAST_SHARE: Final = 0.1
_MOST_SHARE: Final = 0.7
"""A kernel trusted in less than the former is not undone; less than the latter, in parts."""


class BlindMethod:
    """Find the blur, undo it in light, and let a network that knows the kernel clean up.

    Args:
        network: Restores where no kernel is taken; its result is one of the judge's signals.
        guided: Cleans up.
        edges: Draws what kernels are found by.
        judged: Ask the judge whether a kernel is to be taken. False takes the best one always.
        threads: To look for the blur with; 0 takes one per core.
    """

    def __init__(
        self,
        network: NetworkMethod,
        guided: GuidedNetwork,
        edges: EdgesNetwork,
        *,
        judged: bool = True,
        threads: int = 0,
    ) -> None:
        self.network = network
        self.guided = guided
        self.edges = edges
        self.needs = network.needs
        self.judged = judged
        self.threads = threads

    def prepare(self, picture: Picture, *, tiled: bool, tell: Tell | None = None) -> RunTile:
        """What restores a tile, or all, of this picture.

        Args:
            picture: Any size.
            tiled: It is not restored at once.
            tell: Is told what was found.
        """
        small, shrink = shrunk_picture(picture)
        estimate, restored = self.found(small, shrink)
        if tell is not None:
            tell(estimate)
        if restored is None:
            seen, weigh = (small, shrink), self._weigh
            blur_px = estimate.blur_px
            return restoring(self.network, picture, seen, blur_px, tiled=tiled, weigh=weigh)
        return Undone(changing(picture, restored - small, shrink))

    def _weigh(self, pixels: Float32) -> Float32 | None:
        """How much of what changes is to count, (h, w) in [0, 1]; None: all of it."""
        return motion_weight(pixels) if self.judged else None

    def _weighed(self, pixels: Float32, restored: Float32) -> Float32:
        weight = self._weigh(pixels)
        return restored if weight is None else pixels + weight[..., None] * (restored - pixels)

    def found(self, pixels: Float32, shrink: int) -> tuple[BlurEstimate, Float32 | None]:
        """What is found in (H, W, 3) pixels, and these without their blur.

        Args:
            pixels: sRGB-encoded in [0, 1].
            shrink: The photo's size by that of the pixels.

        Returns:
            The second is (H, W, 3), not clipped; None if nothing is to be undone.
        """
        looked = self._look(pixels, shrink)
        estimate, restored = looked.estimate, None
        if estimate.taken:
            estimate, restored = self._restored(looked.curve.undone(pixels), looked)
        if restored is not None:
            restored = looked.curve.applied(restored)
            return estimate, self._weighed(pixels, restored)
        if self.judged and (part := moved_part(pixels)) is not None:
            doing("follow")
            with unheard():  # of another search: stages come once, in their order
                near = self._look(np.ascontiguousarray(pixels[part]), shrink, light_alone=True)
            if near.estimate.taken and near.estimate.confidence >= ALIKE:
                return self._where_moved(pixels, near, estimate)
        return estimate, None

    def look(self, picture: Picture) -> BlurEstimate:
        """Look for the blur of a picture of any size."""
        return self.estimate(*shrunk_picture(picture))

    def estimate(self, pixels: Float32, shrink: int = 1) -> BlurEstimate:
        """Look for the blur of (H, W, 3) pixels, and decide whether to undo it.

        Args:
            pixels: sRGB-encoded in [0, 1].
            shrink: The photo's size by that of the pixels.
        """
        return self._look(pixels, shrink).estimate

    def _look(self, pixels: Float32, shrink: int, *, light_alone: bool = False) -> Looked:
        judged, threads = self.judged, self.threads
        sight = Sight(self.network, self.guided, self.edges, judged=judged, threads=threads)
        return sight.look(pixels, shrink, light_alone=light_alone)

    def _restored(self, pixels: Float32, looked: Looked) -> tuple[BlurEstimate, Float32 | None]:
        """Pixels without the blur, where the kernel fits; the rest by the network.

        Returns:
            The estimate, and (h, w, 3), not clipped; None if the kernel fits nowhere.
        """
        estimate, found, lights = looked.estimate, looked.found, looked.lights
        assert found is not None
        assert lights is not None
        more = lights.more_db(found)
        lamps = drawn_by(lights.trails, found.kernel, pixels.shape)
        seen, pixels = pixels, without(pixels, [lamp.trail for lamp in lamps])
        if not self.judged:
            return estimate, lit(self._undone(pixels, estimate), lamps)
        doing("follow")
        plain, shape = network_on(self.network, pixels), pixels.shape[:2]
        places = plan_windows(shape, max(_WINDOW_PX, round((shape[0] * shape[1]) ** 0.5 / 4)))

        def hoped(windows: Sequence[Window] = ()) -> list[float]:
            signals = measure_places(
                pixels,
                found,
                plain,
                places,
                noise=estimate.noise,
                windows=windows,
                threads=self.threads,
            )
            return [gain + more for gain in predicted_gains(signals, looked.among)]

        hopes = hoped()
        windows = windows_of(pixels, found, self.edges, threads=self.threads)
        more_sure = bolder_db(estimate.gain_db, linear_light=estimate.linear_light)
        if windows:
            more_sure, own = 0.0, hoped(windows)
            if np.mean(own) < np.mean(hopes):
                windows = []  # their kernels differ by noise
            else:
                hopes = own
                estimate = replace(estimate, words=f"{_DIFFERENTLY}: {estimate.words}")
        weight = trusted(places, [hope + more_sure for hope in hopes], shape)
        if weight.mean() < _LEAST_SHARE:
            return replace(estimate, taken=False, words=UNSAFE), None
        if weight.mean() < _MOST_SHARE:
            estimate = replace(estimate, words=f"{estimate.words}{_IN_PARTS}")
        undone = lit(self._undone(pixels, estimate, windows), lamps)
        if weight.min() >= 1:
            return estimate, undone
        known = None if lamps else plain
        plain = network_for(self.network, seen, estimate.blur_px, estimate.shrink, plain=known)
        return estimate, plain + weight[..., None] * (undone - plain)

    def _where_moved(
        self, pixels: Float32, near: Looked, photos: BlurEstimate
    ) -> tuple[BlurEstimate, Float32 | None]:
        """Pixels without the blur of a part that moved by itself, as far as that goes.

        Args:
            pixels: The photo.
            near: What was found in the part.
            photos: What was found in the photo.
        """
        found, estimate = near.found, near.estimate
        assert found is not None
        assert estimate.kernel is not None
        plain = network_on(self.network, pixels)
        places, noise = plan_windows(pixels.shape[:2], _WINDOW_PX), estimate.noise
        signals = measure_places(pixels, found, plain, places, noise=noise, threads=self.threads)
        weight = trusted(places, predicted_gains(signals, near.among), pixels.shape[:2])
        if (there := windows_there(estimate.kernel, weight)) is None:
            return photos, None
        part, windows, weight = there
        seen = np.ascontiguousarray(pixels[part])
        undone, blur_px = self._undone(seen, estimate, windows), photos.blur_px
        plain = network_for(self.network, pixels, blur_px, photos.shrink, plain=plain)
        plain = self._weighed(pixels, plain)
        plain[part] += weight[..., None] * (undone - plain[part])
        return replace(estimate, words=f"{estimate.words}{_IN_PARTS}", blur_px=blur_px), plain

    def _undone(
        self, pixels: Float32, estimate: BlurEstimate, windows: Sequence[Window] = ()
    ) -> Float32:
        """(h, w, 3) pixels without the blur that was found, not clipped."""
        assert estimate.kernel is not None
        light, noise, threads = estimate.linear_light, estimate.noise, self.threads
        return self.guided.undo(
            pixels, estimate.kernel, windows, linear_light=light, noise=noise, threads=threads
        )
