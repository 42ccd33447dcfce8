"""Blur batches of tensors at random, on the device where they are: for training on GPUs."""

from typing import Final

import numpy as np

from unblur.errors import MissingExtraError, OptionError
from unblur.imaging.blur.convolution import trim_kernel
from unblur.imaging.blur.kernels import random_kernels
from unblur.tasks.datasets.augment import ROOM_PX, RandomBlur

try:
    import torch
    from torch import Tensor, nn
    from torch.nn import functional
except ImportError as error:
    raise MissingExtraError("torch", extra="train") from error

_ONE: Final = 3
_BATCH: Final = 4
_SEEDS: Final = 2**62
_DIMMEST: Final = 1e-6
"""Value far below which the curve of sRGB is a straight line; keeps gradients of powers finite."""


class RandomBlurBatch(nn.Module):
    """Blur a batch of tensors at random, each as a shaking camera would, where the tensors are.

    The shakes are those of :class:`RandomBlur` of kind ``shake``, drawn by NumPy; the pictures
    are convolved by PyTorch, without leaving their device, and gradients go through. Randomness
    comes from PyTorch's: ``torch.manual_seed`` makes a run repeatable, and the worker processes
    of a ``DataLoader`` differ.

    Args:
        length_px: Length of the whole path in pixels, or the range that it is drawn from.
        exposure: Fractions of the path, in (0, 1], of which each picture gets one.
        preset: Constants of the shake: ``authors`` or ``paper``.
        linear_light: Blur light, as a sensor does; False blurs the encoded values.
        noise_sigma: Standard deviation of noise added to the encoded values, in [0, 1].
        p: Probability that a picture is blurred at all; those that are not keep every bit.
        same_on_batch: One shake for all pictures of a batch, or none for all.
        generator: Where randomness comes from, on the CPU; not given: PyTorch's default.

    Raises:
        OptionError: If an option is out of range.
        MissingExtraError: If PyTorch is not installed.

    References:
        DeblurGAN, Algorithm 1, for the paths.

    Examples:
        >>> import torch
        >>> from unblur import RandomBlurBatch
        >>> shake = RandomBlurBatch(length_px=(5, 30), p=1.0)
        >>> sharp = torch.rand(4, 3, 48, 64)  # on a GPU the result is there, too
        >>> blurred = shake(sharp)
        >>> blurred.shape, bool(blurred.std() < sharp.std())
        (torch.Size([4, 3, 48, 64]), True)
        >>> kernels = shake.draw(sharp)  # to blur something else alike
        >>> torch.equal(shake(sharp, kernels), shake(sharp, kernels))
        True
    """

    def __init__(  # noqa: PLR0913 - each is a documented degree of freedom of the blur
        self,
        *,
        length_px: float | tuple[float, float] = (10.0, 60.0),
        exposure: tuple[float, ...] = (0.1, 0.5, 1.0),
        preset: str = "authors",
        linear_light: bool = True,
        noise_sigma: float = 0.0,
        p: float = 0.5,
        same_on_batch: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.options = RandomBlur(
            length_px=length_px,
            exposure=exposure,
            preset=preset,
            linear_light=linear_light,
            noise_sigma=noise_sigma,
            p=p,
        )
        self.same_on_batch = same_on_batch
        self.generator = generator

    def draw(self, pictures: Tensor) -> Tensor:
        """Draw a kernel for each picture of a batch.

        Args:
            pictures: (B, C, H, W), or one (C, H, W).

        Returns:
            (B, K, K), K odd, non-negative, each summing to 1, on the pictures' device; one that
            is 1 in its centre is of a picture that is not to be blurred.

        Raises:
            OptionError: If the pictures have another shape or type, or are smaller than a path
                may be long.
        """
        count, height, width = _check(pictures)
        least, most = self.options.range_px
        if most * max(self.options.exposure) > min(height, width) - ROOM_PX:
            raise OptionError(
                f"pictures of {width}x{height} px take paths of up to "
                f"{max(min(height, width) - ROOM_PX, 0)} px, got length_px={self.options.length_px}"
            )
        drawn = min(count, 1) if self.same_on_batch else count
        rng = np.random.default_rng(self._seed())
        blurred = rng.uniform(size=drawn) < self.options.p
        kernels = random_kernels(
            drawn,
            rng=rng,
            canvas_px=int(most) + ROOM_PX,
            length_px=rng.uniform(least, most, drawn),
            exposure=self.options.exposure,
            preset=self.options.preset,
        )
        centre = kernels.shape[1] // 2
        kernels[~blurred] = 0
        kernels[~blurred, centre, centre] = 1
        reach = len(trim_kernel(kernels.max(axis=0, initial=0))) // 2 if drawn else 0
        window = slice(centre - reach, centre + reach + 1)
        trimmed = torch.from_numpy(np.ascontiguousarray(kernels[:, window, window]))
        return trimmed.to(pictures.device).expand(count, -1, -1)

    def forward(self, pictures: Tensor, kernels: Tensor | None = None) -> Tensor:
        """Blur a batch.

        Args:
            pictures: (B, C, H, W), or one (C, H, W); floats in [0, 1] of any precision.
            kernels: (B, K, K) from :meth:`draw`, or others; not given: drawn anew.

        Returns:
            The same shape, type, range and device. Beyond its edges a picture is mirrored.

        Raises:
            OptionError: As for :meth:`draw`, or if the kernels do not fit.
        """
        count, _, _ = _check(pictures)
        if kernels is None:
            kernels = self.draw(pictures)
        batch = pictures.reshape(count, *pictures.shape[-3:])
        blurred = blur_batch(batch, kernels, linear_light=self.options.linear_light)
        if self.options.noise_sigma > 0:
            source = torch.Generator(pictures.device).manual_seed(self._seed())
            noise = torch.empty_like(blurred).normal_(generator=source)
            blurred = (blurred + self.options.noise_sigma * noise).clamp(0, 1)
        centre = kernels.shape[-1] // 2
        still = (kernels[:, centre, centre] == 1)[:, None, None, None]
        return torch.where(still.to(batch.device), batch, blurred).reshape(pictures.shape)

    def extra_repr(self) -> str:
        """Name the options, as PyTorch prints them."""
        options = self.options
        shown = f"length_px={options.length_px}, exposure={options.exposure}, p={options.p}"
        return f"{shown}, same_on_batch={self.same_on_batch}"

    def _seed(self) -> int:
        return int(torch.randint(_SEEDS, (), generator=self.generator))


def blur_batch(pictures: Tensor, kernels: Tensor, *, linear_light: bool = True) -> Tensor:
    """Convolve each picture of a batch with its own kernel, as :func:`unblur.blur` does.

    Args:
        pictures: (B, C, H, W) floats in [0, 1].
        kernels: (B, K, K), K odd and not larger than the pictures, non-negative, of sum 1.
        linear_light: Blur light, as a sensor does; False blurs the encoded values.

    Returns:
        The same shape, type, range and device; computed in single precision, or in double of
        pictures of that.

    Raises:
        OptionError: If the kernels do not fit.
    """
    count, _, height, width = pictures.shape
    side = kernels.shape[-1]
    if kernels.ndim != _ONE or kernels.shape != (count, side, side) or side % 2 == 0:
        raise OptionError(
            f"{count} pictures need kernels of shape ({count}, K, K), K odd, got "
            f"{tuple(kernels.shape)}"
        )
    if side > min(height, width):
        raise OptionError(
            f"the kernels of {side}x{side} px are larger than the pictures of {width}x{height}"
        )
    precision = torch.float64 if pictures.dtype is torch.float64 else torch.float32
    encoded = pictures.to(precision).clamp(0, 1)
    light = _convolve(_to_light(encoded) if linear_light else encoded, kernels.to(encoded))
    light = light.clamp(0, 1)
    return (_to_srgb(light) if linear_light else light).to(pictures.dtype)


def _convolve(light: Tensor, kernels: Tensor) -> Tensor:
    """By the Fourier transform: kernels are too large for a sum over their pixels."""
    from scipy.fft import next_fast_len

    height, width = light.shape[-2:]
    reach = kernels.shape[-1] // 2
    if reach == 0 or light.numel() == 0:
        return light
    padded = functional.pad(light, (reach,) * 4, mode="reflect")
    size = [next_fast_len(side + 2 * reach, real=True) for side in (height, width)]
    spectrum = torch.fft.rfft2(padded, s=size) * torch.fft.rfft2(kernels, s=size)[:, None]
    # A product of transforms is shifted by the kernel's centre, and wraps around.
    whole: Tensor = torch.fft.irfft2(spectrum, s=size)
    return whole[..., 2 * reach : 2 * reach + height, 2 * reach : 2 * reach + width]


def _to_light(pixels: Tensor) -> Tensor:
    """As :func:`unblur.imaging.light.srgb_to_linear`, of values in [0, 1]."""
    curve = ((pixels + 0.055) / 1.055) ** 2.4
    return torch.where(pixels <= 0.04045, pixels / 12.92, curve)  # noqa: PLR2004


def _to_srgb(light: Tensor) -> Tensor:
    """As :func:`unblur.imaging.light.linear_to_srgb`, of light in [0, 1]."""
    curve = 1.055 * light.clamp(min=_DIMMEST) ** (1 / 2.4) - 0.055
    return torch.where(light <= 0.0031308, light * 12.92, curve)  # noqa: PLR2004


def _check(pictures: Tensor) -> tuple[int, int, int]:
    """How many pictures, their height and width."""
    shape = tuple(pictures.shape)
    if len(shape) not in {_ONE, _BATCH} or 0 in shape[-3:] or not pictures.is_floating_point():
        raise OptionError(
            f"pictures must be floats of shape (B, C, H, W) or (C, H, W), got {pictures.dtype} of "
            f"{shape}"
        )
    return shape[0] if len(shape) == _BATCH else 1, shape[-2], shape[-1]
