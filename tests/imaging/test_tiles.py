import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unblur.errors import OptionError
from unblur.imaging.tiles import ArrayPicture, TileNeeds, choose_side, plan_tiles

NEEDS = TileNeeds(halo_px=20, grid_px=16, bytes_per_px=100)


def everything(height, width):
    return slice(0, height), slice(0, width)


@given(
    height=st.integers(1, 400),
    width=st.integers(1, 400),
    side=st.integers(80, 300) | st.none(),
    halo=st.integers(0, 30),
    grid=st.sampled_from([1, 4, 16]),
)
def test_kept_parts_cover_everything_once(height, width, side, halo, grid):
    needs = TileNeeds(halo_px=halo, grid_px=grid, bytes_per_px=1)
    count = np.zeros((height, width), int)
    for tile in plan_tiles(everything(height, width), height, width, side, needs):
        count[tile.kept] += 1
        for outer, inner, whole in zip(tile.seen, tile.kept, (height, width), strict=True):
            assert outer.start % grid == 0
            assert outer.stop % grid == 0 or outer.stop == whole
            assert outer.start == 0 or outer.start <= inner.start - halo
            assert outer.stop == whole or outer.stop >= inner.stop + halo
            assert side is None or outer.stop - outer.start <= side

    assert (count == 1).all()


def test_a_region_is_covered_and_surrounded():
    region = (slice(50, 170), slice(33, 90))
    count = np.zeros((300, 300), int)
    for tile in plan_tiles(region, 300, 300, 96, NEEDS):
        count[tile.kept] += 1
        assert tile.seen[0].start <= tile.kept[0].start - 20
        assert tile.seen[1].stop >= tile.kept[1].stop + 20

    assert (count[region] == 1).all()
    assert count.sum() == 120 * 57


@given(height=st.integers(20, 120), width=st.integers(20, 120), side=st.integers(40, 100))
def test_overlap_of_the_reach_gives_the_whole_result(height, width, side):
    def smear(pixels):  # each pixel depends on 8 in each direction
        padded = np.pad(pixels, ((8, 8), (8, 8), (0, 0)))
        h, w, _ = pixels.shape
        return sum(padded[k : k + h, k : k + w] for k in range(17))

    pixels = np.random.default_rng(0).random((height, width, 3), dtype=np.float32)
    needs = TileNeeds(halo_px=8, grid_px=4, bytes_per_px=1)
    whole = smear(pixels)
    picture = ArrayPicture(pixels)
    for tile in plan_tiles(everything(height, width), height, width, side, needs):
        part = smear(picture.read(*tile.seen))[tile.inside]
        np.testing.assert_allclose(part, whole[tile.kept], rtol=1e-5)


def test_auto_takes_the_whole_where_memory_allows_and_else_what_fits():
    assert choose_side("auto", NEEDS, 1000, 1000, memory_bytes=100_000_000) is None
    side = choose_side("auto", NEEDS, 1001, 1000, memory_bytes=100_000_000)
    assert side == 1000
    assert choose_side("auto", NEEDS, 1000, 1000, memory_bytes=1) == 80  # it has to be something
    assert choose_side("off", NEEDS, 10_000, 10_000, memory_bytes=1) is None


def test_a_tile_of_surroundings_only_is_refused():
    with pytest.raises(OptionError, match=r"at least 80 px.*20 px on each side.*got 64; auto"):
        choose_side(64, NEEDS, 1000, 1000, memory_bytes=1)
    assert choose_side(80, NEEDS, 1000, 1000, memory_bytes=1) == 80
    assert choose_side(64, NEEDS, 64, 50, memory_bytes=1) is None  # it holds the whole picture


def test_what_needs_the_whole_picture_is_shown_all_of_it_or_refused():
    whole = TileNeeds(halo_px=None, grid_px=1, bytes_per_px=100)

    (tile,) = plan_tiles((slice(50, 60), slice(7, 90)), 300, 200, None, whole)
    assert tile.seen == (slice(0, 300), slice(0, 200))
    assert tile.kept == (slice(50, 60), slice(7, 90))
    assert choose_side("auto", whole, 1000, 1000, memory_bytes=100_000_000) is None
    assert choose_side("off", whole, 1001, 1000, memory_bytes=1) is None
    assert choose_side(1001, whole, 1001, 1000, memory_bytes=100_100_000) is None
    with pytest.raises(
        OptionError, match=r"1000 x 1001 px.* 0\.1 GB .*needed and 0\.0 GB are left"
    ):
        choose_side("auto", whole, 1001, 1000, memory_bytes=1)
    with pytest.raises(OptionError, match="got tile 500; auto or off"):
        choose_side(500, whole, 1001, 1000, memory_bytes=10**9)
