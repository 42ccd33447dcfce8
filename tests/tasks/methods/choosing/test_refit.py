from dataclasses import replace

import numpy as np
import pytest

from shaken_photo import sharp_coffee
from unblur import blur, psnr
from unblur.engines import OnnxEngine
from unblur.imaging.deblur.blind import BlurSearch, FoundKernel
from unblur.imaging.deblur.kernel_search import centred
from unblur.imaging.deblur.known.guide import deconvolved_guide
from unblur.tasks.methods.choosing.refit import refitted
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
