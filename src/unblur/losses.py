"""Training losses; batches are (B, 3, H, W) in [0, 1], every loss is a mean over the batch."""

from collections.abc import Callable

import torch
from torch import Tensor

Critic = Callable[[Tensor], Tensor]
"""Maps photos (B, 3, H, W) to scores (B, ...), unbounded; more is sharper."""
Features = Callable[[Tensor], Tensor]
"""Maps photos (B, 3, H, W) to a map of features (B, C, H', W')."""


def charbonnier(restored: Tensor, sharp: Tensor, *, epsilon: float = 1e-3) -> Tensor:
    """Mean of sqrt(d^2 + epsilon^2): the absolute difference, smooth at zero.

    Args:
        restored: (B, C, H, W).
        sharp: Same shape.
        epsilon: Difference below which the loss turns quadratic, in the range of the pixels.

    References:
        Charbonnier et al., *Two deterministic half-quadratic regularization algorithms*, 1994.
    """
    return torch.sqrt((restored - sharp).square() + epsilon**2).mean()


def l1(restored: Tensor, sharp: Tensor) -> Tensor:
    """Mean absolute difference.

    Args:
        restored: (B, C, H, W).
        sharp: Same shape.
    """
    return _difference(restored, sharp).abs().mean()


def mse(restored: Tensor, sharp: Tensor) -> Tensor:
    """Mean squared difference.

    Args:
        restored: (B, C, H, W).
        sharp: Same shape.
    """
    return _difference(restored, sharp).square().mean()


def log_mse(restored: Tensor, sharp: Tensor, *, floor: float = 3e-4) -> Tensor:
    """Mean over the batch of ln(MSE + floor), the MSE being each sample's own.

    Up to a factor this is PSNR, so a mildly blurred sample counts as much as a hopeless one; a
    plain mean of errors hears the hopeless ones only.

    Args:
        restored: (B, C, H, W).
        sharp: Same shape.
        floor: Error (3e-4 is 35 dB) far below which a sample weighs as in a plain mean; without
            it, samples that are all but sharp would drown the others.

    References:
        Chen et al., *Simple baselines for image restoration*, ECCV 2022, train on PSNR too.
    """
    return torch.log(_per_sample((restored - sharp).square()) + floor).mean()


def log_frequency(restored: Tensor, sharp: Tensor, *, floor: float = 3e-3) -> Tensor:
    """Mean over the batch of ln(:func:`frequency` + floor), each sample's own.

    Args:
        restored: (B, C, H, W).
        sharp: Same shape.
        floor: As for :func:`log_mse`, in the units of :func:`frequency`.
    """
    return torch.log(_per_sample(_spectral_difference(restored, sharp)) + floor).mean()


def frequency(restored: Tensor, sharp: Tensor) -> Tensor:
    """Mean absolute difference of the real and imaginary parts of the Fourier transforms.

    The transform is orthonormal, so a difference that is spread like noise costs here about
    what it costs in pixels, whatever the size of the crop.

    Args:
        restored: (B, C, H, W).
        sharp: Same shape.

    References:
        Cho et al., *Rethinking coarse-to-fine approach in single image deblurring*, ICCV 2021,
        eq. 6, with another normalisation.
    """
    return _spectral_difference(restored, sharp).mean()


def perceptual(
    features: Features, restored: Tensor, sharp: Tensor, *, add_channels: bool = False
) -> Tensor:
    """Mean squared difference of features, over all of their values.

    Args:
        features: A frozen network, such as :func:`unblur.models.vgg.load_vgg` gives.
        restored: (B, 3, H, W).
        sharp: Same shape; no gradient flows into it.
        add_channels: Add up the channels of the map, as the paper's formula has it literally:
            of 256 channels that is 256 times the mean.

    References:
        Kupyn et al., *DeblurGAN*, CVPR 2018, the equation after eq. 6. It divides by width and
        height of the map only; this, like the authors' code, by the channels, too, which is what
        their weight of 100 goes with.
    """
    with torch.no_grad():
        wanted = features(sharp)
    loss = mse(features(restored), wanted)
    return loss * wanted.shape[1] if add_channels else loss


def log_perceptual(
    features: Features, restored: Tensor, sharp: Tensor, *, floor: float = 0.3
) -> Tensor:
    """Mean over the batch of ln(:func:`perceptual` + floor), each sample's own.

    Args:
        features: As for :func:`perceptual`.
        restored: (B, 3, H, W).
        sharp: Same shape; no gradient flows into it.
        floor: As for :func:`log_mse`, in the units of :func:`perceptual`, in which photos of an
            ordinary shake are some 10 to 20 from the sharp ones.
    """
    with torch.no_grad():
        wanted = features(sharp)
    difference = _difference(features(restored), wanted)
    return torch.log(_per_sample(difference.square()) + floor).mean()


def total_variation(restored: Tensor) -> Tensor:
    """Mean absolute step to the pixel below, plus that to the pixel on the right.

    Args:
        restored: (B, C, H, W), H and W at least 2.

    References:
        Rudin et al., *Nonlinear total variation based noise removal algorithms*, 1992, in the
        anisotropic form. DeblurGAN, section 3.1, finds that it lowers PSNR.
    """
    down = _difference(restored[..., 1:, :], restored[..., :-1, :])
    right = _difference(restored[..., 1:], restored[..., :-1])
    return down.abs().mean() + right.abs().mean()


def wgan_critic(real: Tensor, fake: Tensor) -> Tensor:
    """What a Wasserstein critic minimises: E[fake] - E[real]; the gradient penalty comes on top.

    Args:
        real: Scores of sharp photos, (B, ...).
        fake: Scores of restored photos, (B, ...).

    References:
        Gulrajani et al., *Improved training of Wasserstein GANs*, 2017, eq. 3, first part;
        DeblurGAN, eq. 3.
    """
    return _wide(fake).mean() - _wide(real).mean()


def wgan_generator(fake: Tensor) -> Tensor:
    """What the generator minimises against a Wasserstein critic: -E[fake].

    Args:
        fake: Scores of restored photos, (B, ...).

    References:
        Kupyn et al., *DeblurGAN*, CVPR 2018, eq. 6.
    """
    return -_wide(fake).mean()


def gradient_penalty(
    critic: Critic, real: Tensor, fake: Tensor, *, alpha: Tensor | torch.Generator
) -> Tensor:
    """Mean over the batch of (|gradient| - 1)^2, at a point between real and fake.

    What is differentiated is a sample's opinion as the losses count it, the mean of its scores,
    and the norm is over all values of the sample. (The authors of DeblurGAN add up the scores
    and take the norm over the channels of each pixel, which is another condition.)

    Args:
        critic: Samples must not mix in it.
        real: (B, C, H, W) sharp photos.
        fake: Same shape, restored photos.
        alpha: (B,) in [0, 1), the share of the real photo in each sample's point; or a generator
            on the CPU to draw them from.

    Returns:
        A scalar that can be differentiated by the critic's weights.

    References:
        Gulrajani et al., 2017, eq. 3, second part; DeblurGAN, eq. 4; without the weight of 10.
    """
    if isinstance(alpha, torch.Generator):
        alpha = torch.rand(len(real), generator=alpha)
    share = alpha.to(real).view(-1, *[1] * (real.ndim - 1))
    between = torch.lerp(fake.detach(), real.detach(), share).requires_grad_()
    opinions = critic(between).reshape(len(between), -1).mean(dim=1)
    (gradient,) = torch.autograd.grad(opinions.sum(), between, create_graph=True)
    norms = torch.linalg.vector_norm(_wide(gradient).flatten(start_dim=1), dim=1)
    penalty: Tensor = (norms - 1).square().mean()
    return penalty


def patch_gradient_penalty(critic: Critic, real: Tensor, fake: Tensor, *, alpha: Tensor) -> Tensor:
    """Mean over pixels of (|gradient of all scores, over the channels| - 1)^2.

    What SinGAN's authors compute with a critic of patches; :func:`gradient_penalty` is the
    textbook's. A pixel counts in as many scores as there are patches around it.

    Args:
        critic: See :func:`gradient_penalty`.
        real: (B, C, H, W).
        fake: Same shape.
        alpha: (B,) in [0, 1), the share of the real picture in each sample's point.

    References:
        Shaham et al., *SinGAN*, ICCV 2019, their code's ``calc_gradient_penalty``.
    """
    share = alpha.to(real).view(-1, *[1] * (real.ndim - 1))
    between = torch.lerp(fake.detach(), real.detach(), share).requires_grad_()
    scores = _wide(critic(between)).sum()
    (gradient,) = torch.autograd.grad(scores, between, create_graph=True)
    # Where the gradient is zero its norm has no derivative; the authors' gives NaN there.
    norms = (_wide(gradient).square().sum(dim=1) + 1e-12).sqrt()
    penalty: Tensor = (norms - 1).square().mean()
    return penalty


def relativistic_ls_critic(real: Tensor, fake: Tensor) -> Tensor:
    """The critic's side of a relativistic average least-squares game.

    A real photo should score one more than the mean of the fakes, a fake one less than the mean
    of the real ones.

    Args:
        real: Scores of sharp photos, (B, ...).
        fake: Scores of restored photos, (B, ...).

    References:
        Kupyn et al., *DeblurGAN-v2*, ICCV 2019, eq. 4; Jolicoeur-Martineau, 2018, section 4.
    """
    real, fake = _wide(real), _wide(fake)
    return (real - fake.mean() - 1).square().mean() + (fake - real.mean() + 1).square().mean()


def relativistic_ls_generator(real: Tensor, fake: Tensor) -> Tensor:
    """The generator's side of the game: the same with the roles exchanged.

    Args:
        real: Scores of sharp photos, (B, ...).
        fake: Scores of restored photos, (B, ...).

    References:
        As for :func:`relativistic_ls_critic`.
    """
    return relativistic_ls_critic(real=fake, fake=real)


def _difference(a: Tensor, b: Tensor) -> Tensor:
    return _wide(a) - _wide(b)


def _wide(x: Tensor) -> Tensor:
    """Half precision is for networks; sums and squares need more."""
    return x.float() if x.dtype in {torch.float16, torch.bfloat16} else x


def _spectral_difference(restored: Tensor, sharp: Tensor) -> Tensor:
    spectrum = torch.fft.rfft2(restored.float() - sharp.float(), norm="ortho")
    return torch.view_as_real(spectrum).abs()


def _per_sample(values: Tensor) -> Tensor:
    return values.flatten(start_dim=1).mean(dim=1)
