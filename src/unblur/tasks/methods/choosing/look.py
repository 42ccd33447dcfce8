"""Look for the blur of a photo, and decide whether to undo it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.deblur.blind import (
    CLIPPED,
    LEAST_SIDE_PX,
    FoundKernel,
    check_searchable,
    search_blur,
)
from unblur.imaging.deblur.kernel_support import kernel_extent
from unblur.imaging.light import CameraCurve, brightness
from unblur.imaging.measure.cells import photo_blur
from unblur.imaging.measure.detail import choose_region
from unblur.imaging.measure.noise import estimate_noise
from unblur.tasks.methods.blur_estimate import BlurEstimate, undoing
from unblur.tasks.methods.choosing.choose import (
    LONG_BLUR_PX,
    best_kernel,
    needed_db,
    over_scales_db,
)
from unblur.tasks.methods.choosing.contrast import camera_curve
from unblur.tasks.methods.choosing.lights import Lights
from unblur.tasks.methods.choosing.refit import by_pictures
from unblur.tasks.methods.edges import EdgesNetwork
from unblur.tasks.methods.guided import GuidedNetwork
from unblur.tasks.methods.network import NetworkMethod
from unblur.tasks.progress.stages import doing, unheard

Float32 = NDArray[np.float32]

UNSAFE: Final = "no single motion found that can be undone safely"
_LEAST_BLUR_PX: Final = 2.0
"""Photos that seem to be blurred less are not searched: kernels found in them harm what is sharp
(ADR 0009)."""
_MOST_OF_SIDE: Final = 1 / 4
"""Of the photo's shorter side: a longer shake shows itself too seldom to be believed."""
_TRACED_PX: Final = 768
"""Side of the part by which a kernel is traced once more: the more of a photo, the better."""
ALIKE: Final = 0.65
"""What moved by itself, and what is found without a camera's contrast, is believed if the
kernels of other searches are so much like its own."""


@dataclass(frozen=True, eq=False)
class Looked:
    """What was found in a photo.

    Attributes:
        estimate: For who asks.
        found: The kernel that was judged; the estimate's is the same, traced once more. None if
            there is none.
        among: The judge's signals of all kernels that were found.
        lights: Of the photo.
        part: Where it was looked at.
        curve: Of the camera: all of the above is about the photo without it.
    """

    estimate: BlurEstimate
    found: FoundKernel | None = None
    among: Sequence[dict[str, float]] = ()
    lights: Lights | None = None
    part: tuple[slice, slice] = (slice(None), slice(None))
    curve: CameraCurve = field(default_factory=CameraCurve)


@dataclass(frozen=True, eq=False)
class Sight:
    """What it takes to look.

    Attributes:
        network: Knows no kernel; what it restores is one of the judge's signals.
        guided: Restores by a kernel.
        edges: Draws what kernels are found by.
        judged: Ask the judge whether a kernel is to be taken. False takes the best one always.
        threads: To work with; 0 takes one per core.
    """

    network: NetworkMethod
    guided: GuidedNetwork
    edges: EdgesNetwork
    judged: bool
    threads: int

    def look(self, pixels: Float32, shrink: int, *, light_alone: bool = False) -> Looked:
        """Look at (H, W, 3) pixels, sRGB-encoded in [0, 1], without the camera's contrast if any.

        Args:
            pixels: What to look at.
            shrink: The photo's size by that of the pixels.
            light_alone: Ask no kernels of encoded values, and for no contrast.
        """
        return self._traced(self._seen(pixels, shrink, light_alone=light_alone))

    def _seen(self, pixels: Float32, shrink: int, *, light_alone: bool) -> Looked:
        looked = self._look(pixels, shrink, light_alone=light_alone)
        if looked.found is None or looked.lights is None or light_alone:
            return looked
        estimate = looked.estimate
        if (estimate.blur_px or 0) >= shrink * LONG_BLUR_PX[0]:
            return looked  # kernels found in averaged frames bend to any curve (ADR 0011)
        part = np.ascontiguousarray(looked.lights.dark[looked.part])
        curve = camera_curve(part, looked.found.kernel, noise=estimate.noise)
        if not curve.strength:
            return looked
        with unheard():  # stages come once, in their order
            again = self._look(curve.undone(pixels), shrink, light_alone=True)
        better = again.estimate.gain_db > estimate.gain_db
        if again.found is None or again.estimate.confidence < ALIKE or not better:
            return looked
        seen = replace(again.estimate, blur_px=estimate.blur_px, contrast=estimate.contrast)
        return replace(again, estimate=seen, curve=curve)

    def _traced(self, looked: Looked) -> Looked:
        """The same with the kernel that is to be undone traced once more.

        What is found stays as it was: the judge was calibrated with such kernels.
        """
        found, lights = looked.found, looked.lights
        if found is None or lights is None or not looked.estimate.taken:
            return looked
        if (networks := self.edges.second) is None:
            return looked
        plane, clipped = brightness(lights.dark, linear_light=True), lights.dark.max(axis=2)
        where = choose_region(plane, clipped > CLIPPED, _TRACED_PX)
        part = np.ascontiguousarray(lights.dark[where])
        noise, threads = looked.estimate.noise, self.threads
        with unheard():  # stages come once, in their order
            traced = by_pictures(
                part, found, noise=noise, guided=self.guided, networks=networks, threads=threads
            )
        return replace(looked, estimate=undoing(looked.estimate, traced))

    def _look(self, pixels: Float32, shrink: int, *, light_alone: bool = False) -> Looked:
        def nothing(words: str) -> Looked:
            return Looked(replace(estimate, words=words))

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
        lights = Lights.of(pixels, alone=light_alone)
        search = search_blur(
            lights.dark, threads=self.threads, networks=self.edges, told=lights.told
        )
        estimate = replace(estimate, noise=search.noise)
        if not search.kernels:
            return nothing("nothing to find a shake by")
        doing("weigh")
        found, hope, among = best_kernel(
            lights, search, self.network, self.guided, judged=self.judged, threads=self.threads
        )
        reach = kernel_extent(found.kernel)[0]
        too_far = reach > _MOST_OF_SIDE * min(pixels.shape[:2])
        seen_px = None if seen is None else seen.length_px
        hope = over_scales_db(hope, seen_px)
        estimate = replace(undoing(estimate, found), taken=True, gain_db=hope)
        if self.judged and (too_far or hope <= needed_db(seen_px)):
            estimate = replace(estimate, taken=False, words=UNSAFE)
        return Looked(estimate, found, among, lights, search.region)
