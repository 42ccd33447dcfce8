"""How a pyramid of GANs is fitted to one photo: the published schedule, and a fast one."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from unblur import checks
from unblur.errors import OptionError

LEAST_PHOTO_PX: Final = 32
"""A photo with a shorter side has too few patches to learn from."""
LEAST_SIZE_PX: Final = 25


@dataclass(frozen=True, kw_only=True)
class SinGANOptions:
    """How to fit; the defaults are the published ones, :func:`fast_options` ours.

    References:
        Shaham et al., *SinGAN*, ICCV 2019, section 2 and supplementary material.
    """

    scales: int = 8
    max_size_px: int = 250
    """Long side of the photo at the finest scale."""
    iterations: int = 2000
    """Iterations of each scale."""
    critic_steps: int = 3
    generator_steps: int = 3
    reconstruction: float = 10.0
    """Weight of the squared error of the reconstruction; alpha in the papers."""
    penalty: float = 0.1
    """Weight of the gradient penalty."""
    noise: float = 0.1
    """Noise of a scale, relative to what its generator has to add (RMSE)."""
    learning_rate: float = 5e-4
    decay_at: float = 0.8
    """Share of the iterations after which the learning rate is a tenth."""
    crop_px: int = 0
    """Side of the random part that an iteration looks at; 0 is all."""
    pool: int = 0
    """Number of random pictures of the scales below, drawn once and then reused; 0 draws anew."""
    coarse_scales: int = 0
    """So many scales, from the coarsest, have values of their own for the two that follow."""
    coarse_iterations: int = 2000
    coarse_reconstruction: float = 10.0
    settle: float = 0.0
    """Last share of the iterations, with batch statistics as they are when restoring."""
    bf16: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        """Check values."""
        least = {"scales": 1, "iterations": 1, "critic_steps": 1, "generator_steps": 1}
        least |= {
            "coarse_scales": 0,
            "coarse_iterations": 1,
            "max_size_px": LEAST_SIZE_PX,
            "crop_px": 0,
            "pool": 0,
            "seed": 0,
        }
        for name, value in least.items():
            checks.at_least(value, self, name)
        checks.not_negative(self, "reconstruction", "coarse_reconstruction", "penalty", "noise")
        checks.positive(self, "learning_rate")
        checks.share(self, "decay_at", "settle")

    def iterations_of(self, scale: int) -> int:
        """Iterations of a scale, counted from the coarsest, 0."""
        return self.coarse_iterations if scale < self.coarse_scales else self.iterations

    def reconstruction_of(self, scale: int) -> float:
        """Weight of the reconstruction at a scale, counted from the coarsest, 0."""
        return self.coarse_reconstruction if scale < self.coarse_scales else self.reconstruction

    def as_dict(self) -> dict[str, Any]:
        """The options as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "SinGANOptions":
        """The options that :meth:`as_dict` gave.

        Raises:
            OptionError: If a name is unknown.
        """
        unknown = sorted(set(values) - {field.name for field in fields(cls)})
        if unknown:
            raise OptionError(f"unknown options of SinGAN: {', '.join(unknown)}")
        return cls(**values)


def fast_options(**changes: Any) -> SinGANOptions:
    """What gives about the same pictures in a small part of the time; changed as wished.

    One step of each network an iteration in place of three, random parts in place of the whole
    photo, random pictures of the scales below drawn beforehand, and fewer iterations, of which
    the last fit the weights to the batch statistics that are used afterwards. Where the networks
    are small, and the layout of random samples is decided, more of them cost little. At the finer
    scales the reconstruction weighs ten times as much: what SinGAN's authors take for
    super-resolution, and deblurring is the same climb.
    """
    fast: dict[str, Any] = {
        "iterations": 300,
        "critic_steps": 1,
        "generator_steps": 1,
        "reconstruction": 100.0,
        "coarse_scales": 3,
        "coarse_iterations": 800,
        "crop_px": 96,
        "pool": 32,
        "settle": 0.2,
        "bf16": True,
    }
    return SinGANOptions(**(fast | changes))
