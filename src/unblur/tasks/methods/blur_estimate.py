"""What was found about a photo's blur, and what is to be done about it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.deblur.kernel_support import kernel_extent

if TYPE_CHECKING:
    from unblur.imaging.deblur.blind import FoundKernel

Float32 = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class BlurEstimate:
    """What was found about a photo's blur, and what is to be done about it.

    Attributes:
        kernel: (K, K), K odd, of sum 1: the likeliest one, of the photo at its own size or, if
            ``shrink`` is more than 1, at one so-manieth of that; None if there is none.
        linear_light: The kernel blurred light; False: encoded values.
        taken: It is to be undone.
        gain_db: Predicted gain over the network that knows no kernel.
        confidence: How like it the kernels of other searches are, 0 to 1.
        noise: Standard deviation of the photo's noise, of sRGB-encoded values.
        shrink: Large photos are looked at, and worked on, at one so-manieth of their size.
        words: For people: what was found.
        blur_px: How long the photo's blur looks, in px of the photo, by how its pixels differ by
            distance, as :func:`unblur.diagnose` measures it; None if there was nothing to judge by.
        contrast: Standard deviation of the photo's brightness, of sRGB-encoded values.

    Examples:
        >>> from unblur import BlurEstimate
        >>> nothing = BlurEstimate(kernel=None, words="too small")
        >>> nothing.taken, nothing.length_px
        (False, None)
        >>> nothing
        <BlurEstimate: too small: network>
    """

    kernel: Float32 | None
    words: str
    linear_light: bool = True
    taken: bool = False
    gain_db: float = 0.0
    confidence: float = 0.0
    noise: float = 0.0
    shrink: int = 1
    blur_px: float | None = None
    contrast: float = 0.0

    def __repr__(self) -> str:
        """What was found, without the kernel's numbers."""
        if self.kernel is None:
            return f"<BlurEstimate: {self.sentence}>"
        return f"<BlurEstimate: {self.sentence}; {self.way}, confidence {self.confidence:.2f}>"

    @property
    def length_px(self) -> float | None:
        """How far the shake reaches along its longest direction, in px of the photo."""
        return None if self.kernel is None else self.shrink * kernel_extent(self.kernel)[0]

    @property
    def angle_deg(self) -> float | None:
        """Of that direction, from the right upwards, 0 to 180."""
        return None if self.kernel is None else kernel_extent(self.kernel)[1]

    @property
    def way(self) -> str:
        """For people: how far, and in which direction."""
        if self.kernel is None:
            return "an unknown way"
        length, angle = kernel_extent(self.kernel)
        return f"{self.shrink * length:.0f} px along {round(angle) % 180} degrees"

    @property
    def sentence(self) -> str:
        """For people: what was found, and what is done."""
        return self.words if self.taken else f"{self.words}: network"

    @property
    def path(self) -> Float32 | None:
        """The kernel, if it is undone."""
        return self.kernel if self.taken else None

    def facts(self) -> dict[str, Any]:
        """What programs want to know, of plain types."""
        length, angle = self.length_px, self.angle_deg
        return {
            "taken": self.taken,
            "length_px": None if length is None else round(length, 1),
            "angle_deg": None if angle is None else round(angle, 1),
            "confidence": round(self.confidence, 3),
            "gain_db": round(self.gain_db, 2),
            "linear_light": self.linear_light,
            "noise": round(self.noise, 5),
            "blur_px": None if self.blur_px is None else round(self.blur_px, 1),
        }


Tell = Callable[[BlurEstimate], None]
"""Is told what was found about a picture's blur."""


def undoing(estimate: BlurEstimate, found: "FoundKernel") -> BlurEstimate:
    """An estimate with what is to be said of a kernel that is undone."""
    length = estimate.shrink * kernel_extent(found.kernel)[0]
    return replace(
        estimate,
        kernel=found.kernel,
        linear_light=found.linear_light,
        confidence=found.agreement,
        words=f"shake of {length:.0f} px found and undone",
    )
