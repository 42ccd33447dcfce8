"""What was found about a blur is kept, and gives the same file as looking for it again."""

import numpy as np

from unblur.tasks.methods.blur_estimate import BlurEstimate
from unblur.web.kept import _read, _write


def test_what_is_kept_is_the_same_to_the_last_bit(tmp_path):
    rng = np.random.default_rng(0)
    kernel, restored = (rng.random(x).astype(np.float32) for x in ((9, 9), (20, 30, 3)))
    found = BlurEstimate(
        kernel=kernel,
        words="shake of 9 px found and undone",
        taken=True,
        gain_db=np.float64(2.1),
        noise=np.float32(0.01),
        blur_px=7.3,
        shrink=2,
    )

    _write(tmp_path / "0.npz", found, restored)
    again, pixels = _read(tmp_path / "0.npz")

    assert np.array_equal(again.kernel, kernel)
    assert pixels.dtype == np.float32
    assert np.array_equal(pixels, restored)
    assert (again.facts(), again.words, again.shrink) == (found.facts(), found.words, 2)
    assert [x.name for x in tmp_path.iterdir()] == ["0.npz"]


def test_nothing_found_is_kept_too_and_a_full_disk_keeps_nothing(tmp_path):
    nothing = BlurEstimate(kernel=None, words="hardly blurred")
    _write(tmp_path / "0.npz", nothing, None)
    again, pixels = _read(tmp_path / "0.npz")
    assert (again.words, again.kernel, again.taken, pixels) == ("hardly blurred", None, False, None)

    _write(tmp_path / "no such folder" / "0.npz", nothing, None)
    assert [x.name for x in tmp_path.iterdir()] == ["0.npz"]
