"""Align a sharp picture with a blurred one to a fraction of a pixel.

What the blurred picture shows is compared with what the sharp one would show, blurred alike: the
kernel between the two is estimated in turn with the homography. A kernel and a shift can stand for
each other; the kernel's centre of mass is kept at its centre, so that the blurred picture stays
where it is.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.deblur.kernel_fit import fit_kernel_to
from unblur.imaging.deblur.kernel_support import (
    above_noise,
    centre_of_mass,
    cleaned,
    cut,
    dilated,
    trimmed,
)
from unblur.imaging.register.warping import (
    INSIDE,
    correlate,
    eroded,
    local_scale,
    ndimage,
    opencv,
    resized,
    scaled_kernel,
    shrunk,
    tukey,
    warp,
)

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

_LONG_SIDES_PX: Final = (160, 320, 640, 1280)
_REACH: Final = 0.055
_REACH_PX: Final = 24
"""How far a kernel reaches to each side: as a share of the long side, and at least."""
_ROUNDS: Final = (2, 3)
"""At a coarser size and at the finest: the kernel, then the homography."""
_STEPS: Final = 4
_STILL_PX: Final = 0.01
_BETTER: Final = 0.998
"""Another round must lower the misfit below this share."""
_BOUND: Final = 0.2
"""What misses by more counts as this, a share of the contrast."""
_LEAST_SPREAD: Final = 0.02
"""Of what is left, as a share of the contrast: without noise all else would seem an outlier."""
_LOW_PASS: Final = 0.03
"""Slower changes than so, as a share of the long side, are light, not structure."""


@dataclass(frozen=True, eq=False)
class Alignment:
    """Where a reference lies.

    Attributes:
        homography: (3, 3), (x, y, 1) px of the blurred plane to px of the reference.
        kernel: (K, K), K odd, of sum 1: how the blurred plane is blurred, at its scale below.
        scale: Size at which the kernel was estimated, of the blurred plane's own.
        agreement: Correlation of the structures of the blurred plane and of the reference
            blurred alike, over the part where both are.
    """

    homography: Float64
    kernel: Float32
    scale: float
    agreement: float


def align(
    blurred: Float32,
    reference: Float32,
    start: Float64 | Alignment,
    *,
    most_px: int = _LONG_SIDES_PX[-1],
    usable: Bool | None = None,
) -> Alignment:
    """Refine a homography, coarse to fine.

    Args:
        blurred: (H, W), any range.
        reference: (H', W'), not blurred, of about the same exposure.
        start: A first homography, within about 3 % of the long side; or what was found before,
            which is refined at larger sizes only.
        most_px: Long side of the finest.
        usable: (H', W'): pixels of the reference to go by; None means all.

    Raises:
        MissingExtraError: If OpenCV or SciPy is not installed.
    """
    longest = max(blurred.shape)
    last = min(longest, most_px)
    if isinstance(start, Alignment):
        homography, kernel, before = start.homography, start.kernel, start.scale * longest
    else:
        homography, kernel, before = start, None, 0.0
    sizes = [side for side in _LONG_SIDES_PX if before < side < 0.8 * last] + [last]
    for size in sizes:
        level = _Level(blurred, reference, homography, size / longest, usable)
        if kernel is not None:
            level.start(scaled_kernel(kernel, size / before))
        level.refine(_ROUNDS[size == last])
        homography, kernel, before = level.homography(), level.kernel, size
    return Alignment(homography, level.kernel, size / longest, level.agreement())


class _Level:
    """Both planes at one size."""

    def __init__(
        self,
        blurred: Float32,
        reference: Float32,
        homography: Float64,
        scale: float,
        usable: Bool | None,
    ) -> None:
        rows, columns = (max(8, round(side * scale)) for side in blurred.shape)
        small, self._ours = resized(blurred, rows, columns)
        self._shape = small.shape
        # The reference as large as it is seen here, or warping would alias.
        middle = np.array([blurred.shape[1] / 2, blurred.shape[0] / 2])
        finer = local_scale(homography, middle) / scale
        other, self._theirs = shrunk(reference, 1 / finer)
        self._matrix = self._theirs @ homography @ np.linalg.inv(self._ours)
        self._usable = None
        if usable is not None:
            self._usable = resized(usable.astype(np.float32), *other.shape)[0]
        known = np.ones(other.shape, np.float32) if self._usable is None else self._usable
        ours, reached = warp(known, self._matrix, small.shape)
        low_px = _LOW_PASS * max(small.shape)
        self._sharp = _structure(other, known, low_px)
        self._blurred = _structure(small, (reached & (ours > INSIDE)).astype(np.float32), low_px)
        reach = max(5, round(max(_REACH * max(blurred.shape), _REACH_PX) * scale))
        self._support = np.ones((2 * reach + 1, 2 * reach + 1), bool)
        self.kernel: Float32 = np.zeros((1, 1), np.float32)
        self._weight = np.ones(small.shape, np.float32)

    def start(self, kernel: Float32) -> None:
        """Look for the kernel only near where it is known to be."""
        self._support = trimmed(dilated(np.pad(above_noise(kernel), 3), 3))

    def homography(self) -> Float64:
        whole = np.linalg.inv(self._theirs) @ self._matrix @ self._ours
        return np.asarray(whole / whole[2, 2], np.float64)

    def refine(self, rounds: int) -> None:
        """Kernel and homography in turn, as long as both planes agree better."""
        self._estimate_kernel()
        best, before = (self._matrix, self.kernel), self._misfit()
        for _ in range(rounds):
            for _ in range(_STEPS):
                if self._step() < _STILL_PX:
                    break
            self._estimate_kernel()
            now = self._misfit()
            if now < before:
                best = self._matrix, self.kernel
            if now > before * _BETTER:
                break
            before = now
        self._matrix, self.kernel = best

    def _misfit(self) -> float:
        """Mean of what is left, where what moved counts little."""
        warped, reached = self._warped()
        seen = self._seen(reached)
        if not seen.any():
            return np.inf
        again, ours = self._blur(warped)[seen], self._blurred[seen]
        again = again * (float(ours @ again) / max(float(again @ again), 1e-12))
        return float(np.minimum(np.abs(ours - again), _BOUND * float(ours.std())).mean())

    def agreement(self) -> float:
        """Correlation over the part that both show, outliers and all."""
        warped, reached = self._warped()
        seen = self._seen(reached)
        if seen.mean() < 0.02:  # noqa: PLR2004 - next to nothing
            return 0.0
        again = self._blur(warped)[seen]
        ours = self._blurred[seen]
        again, ours = again - again.mean(), ours - ours.mean()
        norms = float(np.linalg.norm(again) * np.linalg.norm(ours))
        return float(again @ ours) / norms if norms > 0 else 0.0

    def _estimate_kernel(self) -> None:
        """The kernel between the planes as they lie, moved to its centre of mass."""
        morph = ndimage()
        warped, reached = self._warped()
        seen = morph.binary_erosion(reached, np.ones((3, 3)))
        fit = fit_kernel_to(
            self._blurred,
            warped * reached,
            self._weight * eroded(seen, self._support),
            self._support,
        )
        kernel = cleaned(fit.kernel)
        offset = centre_of_mass(kernel)
        kernel = morph.shift(np.pad(kernel, 2), -offset, order=1)
        self.kernel = cut(kernel / kernel.sum())
        move = np.eye(3)
        move[:2, 2] = -offset[::-1]
        self._matrix = self._matrix @ move
        self._support = trimmed(dilated(np.pad(self.kernel > 0, 2), 2))

    def _step(self) -> float:
        """One step of Gauss and Newton for the homography; how far it moves the corners, px."""
        warped, reached = self._warped()
        seen = self._seen(reached)
        again = self._blur(warped)
        # A first gain, or what is only darker would seem to be an outlier.
        part = again[seen]
        again = again * (float(self._blurred[seen] @ part) / max(float(part @ part), 1e-12))
        down, right = np.gradient(again)
        rows, columns = self._shape
        half = max(rows, columns) / 2
        v = ((np.arange(rows, dtype=np.float32) - (rows - 1) / 2) / half)[:, None]
        u = ((np.arange(columns, dtype=np.float32) - (columns - 1) / 2) / half)[None]
        slopes = [
            *(right * each for each in (np.float32(1), u, v)),
            *(down * each for each in (np.float32(1), u, v)),
            -(right * u + down * v) * u,
            -(right * u + down * v) * v,
            again,
            np.ones_like(again),
        ]
        left = self._blurred - again
        weight = seen * tukey(left, seen, _LEAST_SPREAD * float(self._blurred[seen].std()))
        self._weight = weight.astype(np.float32)
        jacobian = np.stack([slope[seen] for slope in slopes])
        weighted = jacobian * weight[seen]
        normal = (weighted @ jacobian.T).astype(np.float64)
        normal += np.eye(len(normal)) * 1e-6 * np.trace(normal) / len(normal)
        p = np.linalg.solve(normal, (weighted @ left[seen]).astype(np.float64))
        a, b, c, d, e, f, g, h = p[:8] / half
        move = np.array([[1 + b, c, a], [e, 1 + f, d], [g, h, 1]])
        unit = np.array([[1 / half, 0, -(columns - 1) / 2 / half],
                         [0, 1 / half, -(rows - 1) / 2 / half], [0, 0, 1]])  # fmt: skip
        self._matrix = self._matrix @ np.linalg.inv(unit) @ move @ unit
        return float(np.abs(p[:8]).sum())

    def _warped(self) -> tuple[Float32, Bool]:
        """The reference as it lies, and where it reaches and is of use."""
        warped, reached = warp(self._sharp, self._matrix, self._shape)
        if self._usable is not None:
            reached &= warp(self._usable, self._matrix, self._shape)[0] > INSIDE
        return warped, reached

    def _blur(self, plane: Float32) -> Float32:
        return correlate(plane, self.kernel[::-1, ::-1])

    def _seen(self, reached: Bool) -> Bool:
        return eroded(reached, self.kernel > 0)


def _structure(plane: Float32, known: Float32, low_px: float) -> Float32:
    """A plane without its slow changes, by the mean of what is known around."""
    cv2 = opencv()
    sums = (
        cv2.GaussianBlur(part, (0, 0), low_px, borderType=cv2.BORDER_CONSTANT)
        for part in (plane * known, known)
    )
    return np.asarray(plane - next(sums) / np.maximum(next(sums), np.float32(1e-3)), np.float32)
