"""Seek the kernel of a blurred plane from coarse to fine, by edges that someone draws."""

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from unblur.imaging import fourier
from unblur.imaging.blur.convolution import trim_kernel
from unblur.imaging.deblur.kernel_search import (
    FAINT_AT_LAST,
    SCALE_STEP,
    centred,
    cleaned,
    first_kernel,
    gradients,
    next_kernel,
    scales_of,
    usable,
)
from unblur.imaging.deblur.kernel_support import dilated
from unblur.imaging.deblur.sharp_edges import wrapped
from unblur.imaging.light import brightness
from unblur.imaging.pyramid import resize_plane

Float32 = NDArray[np.float32]
Bool = NDArray[np.bool_]


class KernelNetworks(Protocol):
    """What the search asks of networks."""

    def draw(self, seen: Float32) -> Float32:
        """Draw the gradients of sharp pictures, (n, 2, h, w), to the right and down.

        ``seen``: (n, 3, h, w), blurred planes and by how much two deconvolutions differ from them.
        """

    def trace(self, seen: Float32) -> Float32:
        """Trace kernels, (n, K, K), non-negative.

        ``seen``: (n, 4, K, K), fits with each of :data:`RIDGES` and the kernels that edges were
        drawn by.
        """


CONTRAST: Final = np.float32(0.25)
"""Standard deviation that planes are brought to, about a mean of 0."""
PRIORS: Final = (0.004, 0.04)
"""Of the two deconvolutions that are shown."""
EVEN: Final = np.float32(0.02)
"""The prior's share that does not rise with the frequency."""
MOST: Final = 3.0
RIDGES: Final = (0.2, 2.0, 20.0)
"""Of three fits: a small one brings noise, a large one a kernel that is too smooth."""
FAINT: Final = 0.05
"""Share of a kernel's largest value that is taken off all of it, as noise."""
_LEAST_FAINT: Final = 0.02
"""The same, where a kernel is nearly right."""
ROUNDS: Final = 2
"""At each scale, in use and in training."""
ROUND_PX: Final = 4
"""So much farther than before a kernel may reach when it is refined."""
MARGIN_PX: Final = 9
_LEAST_PX: Final = 16
_TINY: Final = np.float32(1e-8)
_CLIPPED_SHARE: Final = 0.05


def search_by_edges(
    planes: Sequence[Float32], unusable: Bool, networks: KernelNetworks, *, canvas_px: int
) -> list[Float32]:
    """Seek the kernels of several planes of one photo at once.

    Args:
        planes: (h, w) each: light, or encoded values.
        unusable: (h, w): where the sensor was at its limit.
        networks: Draw the edges, and trace the kernels.
        canvas_px: Most that a kernel may measure.

    Returns:
        (K, K) each, K odd; non-negative, of sum 1; the centre of mass within half a pixel of the
        middle.

    References:
        From coarse to fine as Cho & Lee, *Fast motion deblurring*, SIGGRAPH Asia 2009. The edges
        and the kernel in closed form: docs/adr/0009.
    """
    scales = scales_of(canvas_px)
    kernels = [first_kernel(canvas_px * SCALE_STEP**scales)[0] for _ in planes]
    for scale in range(scales, -1, -1):
        ratio = SCALE_STEP**scale
        rows, columns = (max(_LEAST_PX, round(side * ratio)) for side in unusable.shape)
        out = resize_plane(unusable.astype(np.float32), rows, columns) > _CLIPPED_SHARE
        smaller = [standard(resize_plane(plane, rows, columns)) for plane in planes]
        if scale < scales:
            most = int(np.ceil(canvas_px * ratio)) // 2
            kernels = [next_kernel(kernel, 1 / SCALE_STEP, most)[0] for kernel in kernels]
        for _ in range(ROUNDS):
            kernels = _round(smaller, out, kernels, networks)
    return [centred(cleaned(kernel, FAINT_AT_LAST)) for kernel in kernels]


def refine_by_edges(
    plane: Float32, unusable: Bool, kernel: Float32, networks: KernelNetworks
) -> Float32:
    """Some rounds more from a kernel that was found in a part of a plane, or at a smaller size.

    Args:
        plane: (h, w) light, or encoded values.
        unusable: (h, w): where the sensor was at its limit.
        kernel: (K, K), K odd; what comes back may reach a little farther.
        networks: Draw the edges, and trace the kernel.
    """
    wider, _ = next_kernel(kernel, 1.0, len(kernel) // 2 + ROUND_PX)
    same = standard(plane)
    for _ in range(ROUNDS):
        (wider,) = _round([same], unusable, [wider], networks)
    return centred(cleaned(wider, FAINT_AT_LAST))


def refine_by_pictures(
    plane: Float32, pictures: Sequence[Float32], kernel: Float32, networks: KernelNetworks
) -> Float32:
    """One round more from a kernel, by what was restored with it.

    Args:
        plane: (h, w) light, or encoded values.
        pictures: (h, w) each, of the same: two restorations, which take the place of those that
            the other rounds make for themselves.
        kernel: (K, K), K odd; what comes back may reach a little farther.
        networks: That have learned from such pictures.
    """
    wider = np.pad(to_middle(kernel), ROUND_PX)
    shown = shown_pictures(plane, pictures)
    nowhere = np.zeros(plane.shape, bool)
    (traced,) = _traced([shown[0]], [shown], nowhere, [wider], networks)
    return centred(cleaned(traced, _LEAST_FAINT))


def to_middle(kernel: Float32) -> Float32:
    """A kernel on the least canvas that has its centre of mass in the middle."""
    return trim_kernel(centred(trim_kernel(kernel)))


def shown_planes(pixels: Float32, restored: Float32, *, linear_light: bool) -> list[Float32]:
    """Brightness, (h, w) each, of a photo and of its two restorations.

    Args:
        pixels: (h, w, 3) sRGB-encoded in [0, 1].
        restored: (h, w, 4) from :func:`unblur.imaging.deblur.known.guide.posterior_guide`.
        linear_light: Of light; False: of the values as they are.
    """
    pictures = (pixels, restored[..., :3], restored[..., 3:])
    return [brightness(each, linear_light=linear_light) for each in pictures]


def shown_pictures(plane: Float32, pictures: Sequence[Float32]) -> Float32:
    """What networks that learn from restored pictures are shown.

    Args:
        plane: (h, w).
        pictures: (h, w) each.

    Returns:
        (n, h, w): the plane of mean 0 and of the usual contrast, and by how much each picture
        differs from it.
    """
    same, *restored = _alike([plane, *pictures])
    return np.stack([same, *(np.clip(each, -MOST, MOST) - same for each in restored)])


def _round(
    planes: Sequence[Float32], out: Bool, kernels: Sequence[Float32], networks: KernelNetworks
) -> list[Float32]:
    shown = [
        np.stack([plane, *(each - plane for each in deconvolved(plane, kernel))])
        for plane, kernel in zip(planes, kernels, strict=True)
    ]
    return _traced(planes, shown, out, kernels, networks)


def _traced(
    planes: Sequence[Float32],
    shown: Sequence[Float32],
    out: Bool,
    kernels: Sequence[Float32],
    networks: KernelNetworks,
) -> list[Float32]:
    traced = []
    for plane, kernel, edges in zip(planes, kernels, networks.draw(np.stack(shown)), strict=True):
        reach = len(kernel) // 2
        used = usable(dilated(out, 1 + reach // 2), reach)
        fitted = fits(gradients(plane), edges, used, len(kernel))
        found = networks.trace(np.stack([*fitted, kernel / kernel.max()])[None])[0]
        total = found.sum()
        traced.append(centred(found / total) if total > 0 else kernel)
    return traced


def standard(plane: Float32) -> Float32:
    """A plane of mean 0 and of the contrast that the network knows."""
    return _alike([plane])[0]


def _alike(planes: Sequence[Float32]) -> list[Float32]:
    """Planes changed as the first has to be, to have a mean of 0 and the usual contrast."""
    mean = planes[0].mean(dtype=np.float64).astype(np.float32)
    spread = (planes[0] - mean).std(dtype=np.float64).astype(np.float32)
    times = CONTRAST / max(spread, np.float32(1e-6))
    return [(plane - mean) * times for plane in planes]


def deconvolved(plane: Float32, kernel: Float32) -> list[Float32]:
    """A plane without the blur of a kernel, in closed form, by either prior; (h, w) each."""
    height, width = plane.shape
    reach = len(kernel) // 2
    size = _padded(plane.shape, 2 * reach + MARGIN_PX)
    blur = fourier.kernel_spectrum(kernel, size)
    data = blur.conj() * fourier.forward(wrapped(plane, size), size)
    energy, rough = fourier.squared(blur), fourier.roughness(size) + EVEN
    spectra = (data / (energy + np.float32(prior) * rough) for prior in PRIORS)
    planes = (fourier.inverse(each, size)[:height, :width] for each in spectra)
    return [np.clip(each, -MOST, MOST) for each in planes]


def fits(
    blurred: Sequence[Float32], edges: Sequence[Float32], used: Float32, side: int
) -> list[Float32]:
    """The kernel between gradients by a division in the frequency domain, with each ridge.

    Args:
        blurred: (h, w) each, to the right and down.
        edges: The same of the sharp picture.
        used: (h, w): 1 where the blurred ones may be used, else 0.
        side: Of the kernel, odd.

    Returns:
        (side, side) for each of :data:`RIDGES`, of maximum 1, with negative values between.
    """
    reach = side // 2
    size = _padded(used.shape, 2 * reach)
    spectra = [fourier.forward(each, size) for each in edges]
    seen = [fourier.forward(each * used, size) for each in blurred]
    energy = np.sum([fourier.squared(each) for each in spectra], axis=0)
    cross = np.sum([x * y.conj() for x, y in zip(seen, spectra, strict=True)], axis=0)
    lags = np.arange(-reach, reach + 1)
    kernels = []
    for ridge in RIDGES:
        whole = fourier.inverse(cross / (energy + np.float32(ridge)), size)
        kernel = whole[np.ix_(lags, lags)]
        kernels.append(kernel / max(kernel.max(), _TINY))
    return kernels


def _padded(shape: tuple[int, ...], by: int) -> tuple[int, int]:
    height, width = (fourier.good_size(side + by) for side in shape)
    return height, width
