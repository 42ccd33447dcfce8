import numpy as np
import pytest

from unblur.imaging.tiles import plan_tiles, run_tiled


@pytest.mark.parametrize("size", [(16, 16), (160, 48), (176, 336)])
def test_kept_parts_cover_everything_once(size):
    seen = np.zeros(size, int)
    for tile in plan_tiles(*size, core_px=60, overlap_px=20, multiple_of=16):
        seen[tile.kept] += 1
        for outer, inner in zip(tile.seen, tile.kept, strict=True):
            assert outer.start <= inner.start < inner.stop <= outer.stop
            assert outer.start % 16 == outer.stop % 16 == 0

    assert (seen == 1).all()


def test_overlap_of_the_reach_gives_the_whole_result():
    def smear(batch):  # each pixel depends on 8 to its left and above
        return sum(np.roll(batch, (k, k), (2, 3)) for k in range(9))

    batch = np.random.default_rng(0).random((2, 3, 96, 128), dtype=np.float32)

    tiled = run_tiled(smear, batch, core_px=32, overlap_px=8, multiple_of=4)

    np.testing.assert_allclose(tiled[:, :, 8:, 8:], smear(batch)[:, :, 8:, 8:], rtol=1e-6)
