"""What is compared in a benchmark, and by which rules: every rule has a name and words."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from unblur import checks
from unblur.engines.options import NetworkOptions
from unblur.errors import OptionError
from unblur.metrics import check_metrics
from unblur.tasks.bench.kohler import METRICS as KOHLER_METRICS

BENCHMARKS: Final = ("gopro", "kohler", "pairs")
BLURRED: Final = "blurred"
"""The row that the input itself gets."""
SCENE_METHODS: Final = {"singan": "shrink-first", "singan-grow": "grow"}
"""Methods that learn the sharp photo of every pair before they restore the blurred one, as the
paper on SinGAN does, each with where it starts."""
GUARDS: Final = ("off", "on", "both")
"""Whether networks run behind the guard that keeps what is sharp; ``both`` gives each two rows."""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """The rules of a benchmark."""

    words: str
    metrics: tuple[str, ...]
    half: bool = False
    """Halve the size of both photos before the blurred one is restored."""
    limit: int | None = None
    """So many photos, drawn at random, where nothing else is asked for."""


_SCORED: Final = (
    "Results are rounded to 8 bits as they would be saved; each photo is scored over all pixels "
    "and RGB channels, then the mean over photos is taken. SSIM is Wang 2004: Gaussian 11x11, "
    "sigma 1.5, per channel, where the window fits."
)
PROTOCOLS: Final = {
    "gopro": {
        "standard": Protocol(
            words=f"Test pairs of GoPro, folder blur, at their full size. {_SCORED}",
            metrics=("psnr", "ssim"),
        ),
        "deblurgan": Protocol(
            words="As DeblurGAN's authors tested: both photos of a pair resized to half their "
            "sides (1280x720 to 640x360; antialiased bicubic, rounded to 8 bits) before the "
            f"blurred one is restored. {_SCORED} CW-SSIM is what the package pyssim 0.7.1 "
            "computes, and what the paper prints as SSIM.",
            metrics=("psnr", "ssim", "cw_ssim"),
            half=True,
        ),
        "singan": Protocol(
            words="100 test pairs of GoPro, drawn at random by the seed, at their full size. "
            f"{_SCORED}",
            metrics=("psnr", "ssim"),
            limit=100,
        ),
    },
    "kohler": {
        "standard": Protocol(
            words="Köhler 2012, by the rule of the official script: each result, rounded to 8 "
            "bits, is compared with every sharp frame along its own trajectory; it is scaled "
            "by sum(x z) / sum(z z), moved by whole pixels to where the grey pictures correlate "
            "most, and both are black outside the overlap; the best frame counts, for each "
            "metric alone. PSNR and MS-SSIM (Wang 2003) of the brightness, PSNR (RGB) of the "
            "channels; then the mean over photos.",
            metrics=KOHLER_METRICS,
        ),
    },
    "pairs": {
        "standard": Protocol(
            words=f"Pairs of photos at their full size. {_SCORED}", metrics=("psnr", "ssim")
        ),
    },
}


@dataclass(frozen=True, kw_only=True)
class BenchOptions(NetworkOptions):
    """What to compare on which data set."""

    benchmark: str = "pairs"
    """One of :data:`BENCHMARKS`."""
    protocol: str = "standard"
    """GoPro: ``standard``, ``deblurgan`` or ``singan``; elsewhere ``standard``."""
    models: tuple[str, ...] = ("fast",)
    """Networks by name or file, and classical methods. The blurred input is always compared."""
    restored: tuple[Path, ...] = ()
    """Folders of files that other programs wrote; each is one more method."""
    metrics: tuple[str, ...] = ()
    """Metrics in place of the protocol's, for pairs and GoPro."""
    limit: int | None = None
    """So many photos, drawn by the seed; None takes all, or as many as the protocol says."""
    seed: int = 0
    blurred: Path | None = None
    """Of pairs: the folder of blurred photos, in place of one folder of pairs; with ``sharp``."""
    sharp: Path | None = None
    listed: Path | None = None
    """Of pairs: a list of them, two paths a line; see :mod:`unblur.data.pair_lists`."""
    gamma: bool = False
    """Take GoPro's ``blur_gamma/`` in place of ``blur/``."""
    guard: str = "off"
    """One of :data:`GUARDS`. Off, a row is what a network makes of a photo, as papers print it; on,
    it is what ``unblur restore`` gives, which keeps the original wherever it was sharp."""
    official: bool = False
    """SinGAN: the published schedule, many hours a photo, in place of the fast one."""
    iterations: int | None = None
    """Iterations of each of SinGAN's scales, in place of the schedule's."""
    workers: int = 0
    """Photos to work on at the same time; 0 for as many as there are cores. No number depends on
    it."""

    def __post_init__(self) -> None:
        """Check values.

        Raises:
            OptionError: If one is unknown or out of range.
        """
        checks.known(self, benchmark=BENCHMARKS)
        known = PROTOCOLS[self.benchmark]
        if self.protocol not in known:
            raise OptionError(
                f"unknown protocol {self.protocol!r} of {self.benchmark}; known: {', '.join(known)}"
            )
        super().__post_init__()
        checks.known(self, guard=GUARDS)
        check_metrics(self.metrics)
        scenes = [name for name in self.models if name in SCENE_METHODS]
        if scenes and self.benchmark == "kohler":
            raise OptionError(
                f"{scenes[0]} learns the one sharp photo of a pair; Köhler's set has some 199 for "
                "each blurred one"
            )
        checks.at_least(1, self, "iterations")
        if self.metrics and self.benchmark == "kohler":
            raise OptionError(f"kohler has its own metrics: {', '.join(KOHLER_METRICS)}")
        if self.workers < 0:
            raise OptionError(f"workers must not be negative, got {self.workers}; 0 chooses")
        checks.at_least(1, self, "limit")
        checks.not_negative(self, "seed")
        names = [*self.models, *(str(path) for path in self.restored)]
        if len(set(names)) < len(names):
            raise OptionError(f"each method once, got {', '.join(names)}")

    @property
    def rules(self) -> Protocol:
        """The protocol that was chosen."""
        return PROTOCOLS[self.benchmark][self.protocol]

    @property
    def scored(self) -> tuple[str, ...]:
        """The metrics asked for; not given: those of the protocol."""
        return self.metrics or self.rules.metrics
