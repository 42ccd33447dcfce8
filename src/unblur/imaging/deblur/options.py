"""What the classical methods can be told, and the kernel that each works with."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unblur import checks
from unblur.choices import CLASSICAL as METHODS
from unblur.errors import OptionError
from unblur.imaging.blur.psf import fit_kernel, gaussian_kernel

Float32 = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class DeconvolutionOptions:
    """How strongly to restore; the defaults were measured (docs/restore-methods.md)."""

    balance: float | None = None
    """Wiener: smoothness against fidelity. None takes 0.003, or what the picture suggests if the
    method is ``unsupervised-wiener``."""
    iterations: int | None = None
    """Richardson-Lucy: more are sharper and noisier. None takes 30 with a kernel, 5 without."""
    guess_px: float = 1.5
    """Standard deviation of the Gaussian that stands in for an unknown kernel."""
    radius_px: float = 3.0
    """Unsharp mask: standard deviation of its Gaussian."""
    amount: float = 0.4
    """Unsharp mask: how much of the detail is added."""
    seed: int = 0
    """Of the sampler in ``unsupervised-wiener``."""

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            OptionError: If a value is out of range.
        """
        if self.balance is not None and not 0 < self.balance < float("inf"):
            raise OptionError(f"balance must be positive, got {self.balance}; 0.003 is usual")
        if self.iterations is not None and not 1 <= self.iterations <= 1000:  # noqa: PLR2004
            raise OptionError(f"iterations must be from 1 to 1000, got {self.iterations}")
        for name in ("guess_px", "radius_px"):
            if not 0 < getattr(self, name) <= 50:  # noqa: PLR2004
                raise OptionError(f"{name} must be above 0, at most 50, got {getattr(self, name)}")
        if not 0 <= self.amount <= 20:  # noqa: PLR2004
            raise OptionError(f"amount must be from 0 to 20, got {self.amount}")
        checks.not_negative(self, "seed")


def choose_kernel(
    method: str, kernel: Float32 | None, options: DeconvolutionOptions, shape: tuple[int, ...]
) -> Float32:
    """Check that a method and a kernel fit, and trim the kernel, or guess one.

    Raises:
        OptionError: If they do not.
    """
    checks.check_known("method", method, METHODS)
    if kernel is None:
        if method == "wiener":
            raise OptionError("wiener needs a kernel; unsupervised-wiener guesses one")
        return gaussian_kernel(options.guess_px)
    if method == "unsharp-mask":
        raise OptionError("unsharp-mask takes no kernel; wiener and richardson-lucy do")
    return fit_kernel(kernel, shape[0], shape[1])
