from dataclasses import replace

import numpy as np
import pytest

from shaken_photo import shaken, sharp_coffee
from unblur import blur, psnr
from unblur.engines import OnnxEngine
from unblur.imaging.deblur.blind import BlurSearch, FoundKernel
from unblur.imaging.deblur.kernel_search import centred
from unblur.imaging.deblur.kernel_support import agreement
from unblur.imaging.deblur.known.guide import deconvolved_guide
from unblur.tasks.methods.choosing.refit import by_pictures, refitted
from unblur.tasks.methods.edges import EdgesNetwork
from unblur.tasks.methods.guided import GuidedNetwork
from unblur.weights import find_network


@pytest.fixture(scope="module")
def guided():
    return GuidedNetwork(OnnxEngine(find_network("guided"), threads=1))


def dwelt_and_gone_on():
    """The kernel of a path that stays for half of the time and then leaves fast."""
    kernel = np.zeros((33, 33), np.float32)
    for step in range(10):
        kernel[21 - step, 11 + step] = 0.5 / 10
    kernel[21:24, 9:12] += 0.5 / 9
    return centred(kernel)


def gain(seen, kernel, guided):
    """Of what the network makes of a photo with a kernel, over the photo, dB."""
    guide = deconvolved_guide(seen, kernel, linear_light=True, noise=0.5 / 255, threads=1)
    restored = np.clip(guided.restore(seen, guide)[..., :3], 0, 1)
    return psnr(restored, sharp_coffee()) - psnr(seen, sharp_coffee())


def test_the_faint_end_of_a_path_is_found_from_where_it_dwelt(guided):
    rng = np.random.default_rng(1)
    seen = blur(sharp_coffee(), dwelt_and_gone_on(), noise_sigma=0.5 / 255, rng=rng)
    seen = np.clip(seen, 0, 1)
    first = FoundKernel(kernel=np.full((3, 3), 1 / 9, np.float32), linear_light=True)
    whole = tuple(slice(0, side) for side in seen.shape[:2])
    others = [replace(first, search=1), replace(first, search=2, linear_light=False)]
    search = BlurSearch(region=whole, noise=0.5 / 255, kernels=[first, *others])

    kernels = list(refitted(seen, first, search, guided, threads=1))

    assert len(kernels) == 2
    for each in kernels:
        assert each.kernel.min() >= 0
        assert each.kernel.sum() == pytest.approx(1, abs=1e-4)
        assert each.kernel.shape[0] % 2 == 1
    before, *after = (gain(seen, x.kernel, guided) for x in (first, *kernels))
    assert max(after) > before + 0.5


def off(kernel):
    """A kernel that is nearly right: its path is wider, and bends."""
    return centred((kernel + 0.3 * np.roll(kernel, (1, 1), (0, 1)) + 0.3 * kernel.T) / 1.6)


def test_what_was_restored_with_a_kernel_makes_it_better(guided):
    networks = EdgesNetwork.bundled(lambda file: OnnxEngine(file, threads=1)).second
    seen, (true,) = shaken(sharp_coffee(), 5)
    found = FoundKernel(kernel=off(true), linear_light=True)

    traced = by_pictures(
        seen, found, noise=0.5 / 255, guided=guided, networks=networks, threads=1
    ).kernel

    assert traced.sum() == pytest.approx(1, abs=1e-4)
    assert traced.min() >= 0
    before, after = (agreement(each, centred(true)) for each in (found.kernel, traced))
    assert after > before + 0.02
    assert gain(seen, traced, guided) > gain(seen, found.kernel, guided) + 0.3


class Elsewhere:
    """Traces a path that nothing took."""

    def draw(self, seen):
        return np.zeros((len(seen), 2, *seen.shape[2:]), np.float32)

    def trace(self, fits):
        traced = np.zeros((len(fits), *fits.shape[2:]), np.float32)
        traced[:, 0] = traced[:, :, 0] = 1
        return traced


def test_a_kernel_that_explains_far_less_is_not_taken(guided):
    seen, (true,) = shaken(sharp_coffee(), 5)
    found = FoundKernel(kernel=centred(true), linear_light=True)

    kept = by_pictures(seen, found, noise=0, guided=guided, networks=Elsewhere(), threads=1)

    assert kept is found
