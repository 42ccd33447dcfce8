"""Restore a photo by finding its blur and undoing it; a network stands by."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.deblur.blind import (
    LEAST_SIDE_PX,
    BlurSearch,
    FoundKernel,
    check_searchable,
    search_blur,
)
from unblur.imaging.deblur.guide import deconvolved_guide
from unblur.imaging.deblur.kernel_support import kernel_extent
from unblur.imaging.deblur.trails import drawn_by, lit, without
from unblur.imaging.deblur.varying_blur import Window, assembled, faded, plan_windows
from unblur.imaging.measure.cells import photo_blur
from unblur.imaging.measure.focus import motion_weight
from unblur.imaging.measure.noise import estimate_noise
from unblur.imaging.tiles import Picture
from unblur.tasks.methods.blur_estimate import BlurEstimate, Tell, undoing
from unblur.tasks.methods.by_place import windows_of
from unblur.tasks.methods.edges import EdgesNetwork
from unblur.tasks.methods.guided import GuidedNetwork
from unblur.tasks.methods.judge import (
    caution_db,
    likeliest,
    measure_kernels,
    measure_places,
    predicted_gains,
)
from unblur.tasks.methods.lights import Lights
from unblur.tasks.methods.network import NetworkMethod, RunTile, Undone
from unblur.tasks.methods.refit import refitted
from unblur.tasks.methods.scales import changing, network_for, network_on, restoring
from unblur.tasks.methods.shrink import shrunk_picture
from unblur.tasks.progress.stages import doing

Float32 = NDArray[np.float32]

_LEAST_BLUR_PX: Final = 2.0
"""Photos that seem to be blurred less are not searched: kernels found in them harm what is sharp
(ADR 0009)."""
_SHORT_BLUR_PX: Final = 3.0
_SHORT_BLUR_DB: Final = 2.0
"""Of photos that seem to be blurred less than the former, some were never sharper: a kernel has to
promise the latter."""
_UNSAFE: Final = "no single motion found that can be undone safely"
_DIFFERENTLY: Final = "blurred differently from place to place"
_WINDOW_PX: Final = 256
"""Whether a kernel fits is judged in windows of this side, of large photos larger ones."""
_MOST_OF_SIDE: Final = 1 / 4
"""Of the photo's shorter side: in less than four times its length a shake shows itself too seldom
for a kernel to be believed."""
_DOUBTED_DB: Final = 1.0
_TRUSTED_DB: Final = 2.5
"""Where a kernel is expected to gain more, it is trusted; less than the former, it is not."""
_SURE_DB: Final = {True: (1.4, 1.8), False: (1.8, 2.2)}
_BOLDER_DB: Final = 2.0
"""Where a photo was blurred the same everywhere, all of it tells more of its kernel than a window
does: if a kernel of light, or one of encoded values, is expected to gain so much in the photo, so
much more is expected in its windows (ADR 0009)."""
_LEAST_SHARE: Final = 0.1
_MOST_SHARE: Final = 0.7
"""A kernel that is trusted in less than the former is not undone; in less than the latter the photo
is said to be undone in parts."""
_BARE_SHARE: Final = 0.25
"""Of encoded values: so much of the deconvolution stays as the network found it."""
_HOPELESS_DB: Final = -0.3
"""A kernel that is expected to give less is not fitted once more."""


@dataclass(frozen=True, eq=False)
class _Looked:
    """An estimate, the kernel that it is about, the signals of all that were found; lights."""

    estimate: BlurEstimate
    found: FoundKernel | None = None
    among: Sequence[dict[str, float]] = ()
    lights: Lights | None = None


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
        change = restored - small
        if (weight := self._weigh(small)) is not None:
            change *= weight[..., None]
        return Undone(changing(picture, change, shrink))

    def _weigh(self, pixels: Float32) -> Float32 | None:
        """How much of what changes is to count, (h, w) in [0, 1]; None: all of it."""
        return motion_weight(pixels) if self.judged else None

    def found(self, pixels: Float32, shrink: int) -> tuple[BlurEstimate, Float32 | None]:
        """What is found in (H, W, 3) pixels, and these without their blur.

        Args:
            pixels: sRGB-encoded in [0, 1].
            shrink: The photo's size by that of the pixels.

        Returns:
            The second is (H, W, 3), not clipped; None if nothing is to be undone.
        """
        looked = self._look(pixels, shrink)
        if not looked.estimate.taken:
            return looked.estimate, None
        return self._restored(pixels, looked)

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

    def _look(self, pixels: Float32, shrink: int) -> _Looked:
        def nothing(words: str) -> _Looked:
            return _Looked(replace(estimate, words=words))

        estimate = BlurEstimate(kernel=None, words="", shrink=shrink)
        if min(pixels.shape[:2]) < LEAST_SIDE_PX:
            return nothing("too small")
        check_searchable(pixels)
        seen = photo_blur(pixels)
        estimate = replace(
            estimate,
            blur_px=None if seen is None else shrink * seen.length_px,
            contrast=float(pixels.mean(axis=2).std()),
        )
        if self.judged and (seen is None or seen.length_px < _LEAST_BLUR_PX):
            estimate = replace(estimate, noise=estimate_noise(pixels))
            return nothing("nothing to find a shake by" if seen is None else "hardly blurred")
        doing("search")
        lights = Lights.of(pixels)
        search = search_blur(
            lights.dark, threads=self.threads, networks=self.edges, told=lights.told
        )
        estimate = replace(estimate, noise=search.noise)
        if not search.kernels:
            return nothing("nothing to find a shake by")
        doing("weigh")
        found, hope, among = self._best(lights, search)
        estimate = replace(undoing(estimate, found), taken=True, gain_db=hope)
        reach = kernel_extent(found.kernel)[0]
        too_far = reach > _MOST_OF_SIDE * min(pixels.shape[:2])
        short = seen is not None and seen.length_px < _SHORT_BLUR_PX
        least = max(caution_db(), _SHORT_BLUR_DB) if short else caution_db()
        if self.judged and (too_far or hope <= least):
            estimate = replace(estimate, taken=False, words=_UNSAFE)
        return _Looked(estimate, found, among, lights)

    def _best(
        self, lights: Lights, search: BlurSearch
    ) -> tuple[FoundKernel, float, list[dict[str, float]]]:
        """The kernel that is expected to give most, how much more than the network; all signals."""
        part = np.ascontiguousarray(lights.dark[search.region])
        plain = network_on(self.network, part)

        def measured(kernels: Sequence[FoundKernel]) -> list[dict[str, float]]:
            return measure_kernels(part, kernels, plain, noise=search.noise, threads=self.threads)

        among = measured(search.kernels)
        hoped = lights.promised(search.kernels, predicted_gains(among, among))
        best = likeliest(search.kernels, hoped, part)
        found, hope = search.kernels[best], hoped[best]
        if self.judged and hope < _HOPELESS_DB:
            return found, hope, among
        again = list(refitted(part, found, search, self.guided, threads=self.threads))
        hoped_again = lights.promised(again, predicted_gains(measured(again), among))
        best = int(np.argmax(hoped_again))
        if hoped_again[best] > hope:
            return again[best], hoped_again[best], among
        return found, hope, among

    def _restored(self, pixels: Float32, looked: _Looked) -> tuple[BlurEstimate, Float32 | None]:
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
        plain = network_on(self.network, pixels)
        shape = pixels.shape[:2]
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
        bounds = _SURE_DB[estimate.linear_light]
        windows = windows_of(pixels, found, self.edges, threads=self.threads)
        sure = 0.0 if windows else float(np.interp(estimate.gain_db, bounds, (0, 1)))
        if windows:
            own = hoped(windows)
            if np.mean(own) < np.mean(hopes):
                windows = []  # their kernels differ by noise
            else:
                hopes = own
                estimate = replace(estimate, words=f"{_DIFFERENTLY}: {estimate.words}")
        trust = np.interp(np.array(hopes) + sure * _BOLDER_DB, (_DOUBTED_DB, _TRUSTED_DB), (0, 1))
        weight = faded(places, trust.tolist(), shape)
        if weight.mean() < _LEAST_SHARE:
            return replace(estimate, taken=False, words=_UNSAFE), None
        if weight.mean() < _MOST_SHARE:
            estimate = replace(estimate, words=f"{estimate.words} in parts of the photo")
        undone = lit(self._undone(pixels, estimate, windows), lamps)
        if weight.min() >= 1:
            return estimate, undone
        known = None if lamps else plain
        plain = network_for(self.network, seen, estimate.blur_px, estimate.shrink, plain=known)
        return estimate, plain + weight[..., None] * (undone - plain)

    def _undone(
        self, pixels: Float32, estimate: BlurEstimate, windows: Sequence[Window] = ()
    ) -> Float32:
        """(h, w, 3) pixels without the blur that was found, not clipped."""
        assert estimate.kernel is not None

        def guide(part: Float32, kernel: Float32, threads: int = 1) -> Float32:
            light, noise = estimate.linear_light, estimate.noise
            return deconvolved_guide(part, kernel, linear_light=light, noise=noise, threads=threads)

        doing("undo")
        if windows:
            shown = assembled(windows, pixels, guide, threads=self.threads)
        else:
            shown = guide(pixels, estimate.kernel, self.threads)
        doing("clean")
        cleaned = self.guided.restore(pixels, shown)[..., :3]
        if not estimate.linear_light:
            cleaned += np.float32(_BARE_SHARE) * (shown[..., :3] - cleaned)
        return cleaned
