"""Write what the network that knows kernels learns from: photos, kernels, what these give."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from unblur import checks
from unblur.engines import Engine, open_engine
from unblur.errors import DataError, OptionError, PhotoError, TargetError, UnblurError
from unblur.imaging.deblur.blind import search_blur
from unblur.imaging.deblur.kernel_support import agreement
from unblur.imaging.deblur.known.guide import deconvolved_guide
from unblur.imaging.files import replace_file
from unblur.imaging.measure.noise import estimate_noise
from unblur.tasks.datasets.tried_photos import (
    TriedPhoto,
    disturbed,
    eight_bits,
    trimmed,
    try_photo,
)
from unblur.tasks.methods.choosing.judge import measure_kernels
from unblur.tasks.methods.edges import EdgesNetwork
from unblur.tasks.methods.guided import GuidedNetwork
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer
from unblur.weights import find_network

Float32 = NDArray[np.float32]

_EDGE_PX: Final = 8
"""Width of the borders, which scores leave out."""
_KNOWN: Final = 3
"""True kernels of a try without a search: one exact, the others disturbed."""


@dataclass(frozen=True, kw_only=True)
class TryOptions:
    """How tries are made."""

    seed: int = 1
    """A try depends on the seed, its number and the photos alone."""
    search: bool = True
    """Look for the kernels, as restoring does, which takes most of the time; otherwise the true
    one serves, exact and disturbed."""
    second: bool = False
    """For the second network: the guides are what the photo and the first one said together."""
    threads: int = 0
    """0 takes one per core. The files do not depend on it."""

    def __post_init__(self) -> None:
        """Check values."""
        checks.not_negative(self, "seed", "threads")


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What became of one try."""

    path: Path
    there: bool = False
    """It had been made before."""
    error: str | None = None


def write_tries(
    photos: Sequence[Path], out: Path, options: TryOptions, *, count: int
) -> Iterator[Tried]:
    """Blur photos with known kernels, look for these, and undo the blur with all that was found.

    A file holds ``blurred`` and ``sharp``, (h, w, 3) codes of 8 bits; ``guides``, (n, h, w, 4)
    codes: what :func:`unblur.imaging.deblur.known.guide.deconvolved_guide` gives for each kernel,
    or what :func:`~unblur.imaging.deblur.known.guide.posterior_guide` does; ``kernel_0`` and so
    on; and ``done``, JSON: what was done to the photo, how many of the
    kernels were ``found`` (the others are true ones), how ``alike`` those are to the true one,
    their ``signals`` for the judge, the PSNR of the blurred photo and of the guides.

    Args:
        photos: Sharp photos; each try takes one of them.
        out: Folder; a file that is there is not made again, one that was removed is made again,
            byte for byte.
        options: How.
        count: Number of tries.

    Yields:
        One result for each, in order; a bad photo is a result, not an exception.

    Raises:
        DataError: If there are no photos.
        OptionError: If ``count`` is below 1.
        TargetError: If the folder cannot be written.

    References:
        ADR 0009.
    """
    if count < 1:
        raise OptionError(f"count must be at least 1, got {count}")
    if not photos:
        raise DataError("no photos to blur; name a folder with sharp ones")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TargetError(f"{out}: cannot be made ({error.strerror})") from error
    networks = _Networks.opened(options)
    kind = ("found" if options.search else "known") + ("-second" if options.second else "")
    for number in range(count):
        path = out / f"{kind}-{options.seed}-{number:05d}.npz"
        if path.exists():
            yield Tried(path=path, there=True)
            continue
        rng = np.random.default_rng([options.seed, number])
        photo = photos[int(rng.integers(len(photos)))]
        try:
            made = _make(try_photo(photo, rng), rng, networks, options)
        except PhotoError as error:  # which names the file
            yield Tried(path=path, error=str(error))
            continue
        except UnblurError as error:
            yield Tried(path=path, error=f"{photo}: {error}")
            continue
        with replace_file(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **made)
        yield Tried(path=path)


def psnr_inside(pixels: Float32, sharp: Float32) -> float:
    """PSNR in dB of pixels rounded to 8 bits, away from the borders; at most 100."""
    inside = (slice(_EDGE_PX, -_EDGE_PX),) * 2
    error = np.mean((eight_bits(pixels)[inside] - sharp[inside]) ** 2, dtype=np.float64)
    return float(-10 * np.log10(error + 1e-10))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Networks:
    """What tries are made by; None where it is not needed."""

    network: Restorer | None = None
    """Its result is one of the judge's signals."""
    edges: EdgesNetwork | None = None
    """Finds kernels."""
    guided: GuidedNetwork | None = None
    """Makes what the second network is shown."""

    @classmethod
    def opened(cls, options: TryOptions) -> Self:
        def engine(file: Path) -> Engine:
            return open_engine(file, precision="fp32", threads=options.threads)

        network = edges = guided = None
        if options.search:
            plain = RestoreOptions(
                method="network", precision="fp32", threads=options.threads, guard=False
            )
            network, edges = Restorer.open(plain), EdgesNetwork.bundled(engine)
        if options.second:
            guided = GuidedNetwork(engine(find_network("guided")))
        return cls(network=network, edges=edges, guided=guided)


def _make(
    tried: TriedPhoto,
    rng: np.random.Generator,
    networks: _Networks,
    options: TryOptions,
) -> dict[str, Any]:
    """All that a file holds."""
    seen, sharp, truth, facts = tried.blurred, tried.sharp, tried.kernel, dict(tried.facts)
    noise = estimate_noise(seen)
    kernels: list[tuple[Float32, bool]] = []
    network, edges = networks.network, networks.edges
    if network is not None and edges is not None:
        search = search_blur(seen, threads=options.threads, networks=edges)
        kernels += [(each.kernel, each.linear_light) for each in search.kernels]
        part, plain = (
            np.ascontiguousarray(x[search.region]) for x in (seen, network.restore_pixels(seen))
        )
        facts["signals"] = measure_kernels(
            part, search.kernels, plain, noise=noise, threads=options.threads
        )
        if truth is not None:
            facts["alike"] = [round(agreement(each.kernel, truth), 3) for each in search.kernels]
    facts["found"] = len(kernels)
    if truth is not None:
        searched = network is not None
        for number in range(1 if searched else _KNOWN):
            exact = number == 0 and (not searched or rng.uniform() < 0.5)  # noqa: PLR2004
            kernel = trimmed(truth) if exact else disturbed(truth, rng)
            kernels.append((kernel, bool(facts["light"])))
    shown = deconvolved_guide if networks.guided is None else networks.guided.guide_of_second
    guides = [
        shown(seen, kernel, linear_light=light, noise=noise, threads=options.threads)
        for kernel, light in kernels
    ]
    facts["blurred"] = psnr_inside(seen, sharp)
    facts["guides"] = [psnr_inside(guide[..., :3], sharp) for guide in guides]
    facts["lights"] = [light for _, light in kernels]
    facts["size"] = list(seen.shape[:2])
    facts["second"] = options.second
    shape = (0, *seen.shape[:2], 4)
    return {
        "blurred": _codes(seen),
        "sharp": _codes(sharp),
        "guides": np.stack(list(map(_codes, guides))) if guides else np.zeros(shape, np.uint8),
        **{f"kernel_{i}": kernel for i, (kernel, _) in enumerate(kernels)},
        **({} if truth is None else {"truth": trimmed(truth)}),
        "done": np.array(json.dumps(facts)),
    }


def _codes(pixels: Float32) -> NDArray[np.uint8]:
    return np.rint(255 * np.clip(pixels, 0, 1)).astype(np.uint8)
