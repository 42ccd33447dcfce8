import json

import numpy as np
import pytest
import skimage.data

from reference_pairs import second_shot, shaken
from unblur import Photo, read_photo, write_photo
from unblur.metrics import psnr


@pytest.fixture(scope="module")
def sharp():
    return skimage.data.coffee()[40:300, 120:400].astype(np.float32) / 255


@pytest.fixture
def pair(sharp, tmp_path):
    """A blurred photo and a second shot of 16 bits, in the folder that commands run in."""
    write_photo(Photo(pixels=shaken(sharp)), tmp_path / "blurred.png")
    write_photo(Photo(pixels=second_shot(sharp), bits=16), tmp_path / "second.png")
    return tmp_path


def test_restore_takes_a_reference_and_the_preview_has_its_confidence(run, pair, sharp):
    done = run("restore", "blurred.png", "--reference", "second.png", "--preview")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("blurred.png -> blurred.unblurred.png")
    restored, blurred = (read_photo(pair / f"blurred{x}.png").pixels for x in (".unblurred", ""))
    assert psnr(restored, sharp) > psnr(blurred, sharp) + 5
    confidence = read_photo(pair / "blurred.confidence.png")
    assert confidence.grey
    assert confidence.pixels.shape == sharp.shape
    assert confidence.pixels.mean() > 0.5
    assert (pair / "blurred.before-after.jpg").is_file()


def test_the_reason_is_printed_if_the_reference_does_not_fit(run, pair, sharp):
    write_photo(Photo(pixels=shaken(sharp[:96, :128])), pair / "blurred.png", overwrite=True)
    black = Photo(pixels=np.zeros((80, 90, 3), np.float32))
    write_photo(black, pair / "black.png")

    with_it = run("restore", "blurred.png", "--reference", "black.png", "-o", "with.png")
    without = run("restore", "blurred.png", "-o", "without.png")

    assert (with_it.returncode, with_it.stderr) == (0, "")
    assert "(black.png not used: " in with_it.stdout
    assert without.returncode == 0
    assert (pair / "with.png").read_bytes() == (pair / "without.png").read_bytes()


def test_several_photos_share_a_reference_and_are_done_once(run, pair, sharp):
    # Too small to search for a shake, which would take seconds.
    for name, seed in (("blurred.png", 1), ("more.png", 9)):
        write_photo(Photo(pixels=shaken(sharp[:60, :80], seed=seed)), pair / name, overwrite=True)
    black = Photo(pixels=np.zeros((80, 90, 3), np.float32))  # is seen to be of no use at once
    write_photo(black, pair / "black.png")
    command = ("restore", "blurred.png", "more.png", "-o", "out", "--reference", "black.png")

    first, again = run(*command, "--json"), run(*command, "--json")

    assert first.returncode == again.returncode == 0
    skipped = [
        [json.loads(line)["skipped"] for line in done.stdout.splitlines()]
        for done in (first, again)
    ]
    assert skipped == [[False, False], [True, True]]
    other = run(*command, "--reference-is", "noisy")
    assert other.returncode == 0  # done in another way: results are left as they are
    assert other.stdout.count("left as it was: made earlier with other options") == 2


def test_a_reference_that_is_missing_or_goes_with_nothing_is_one_line(run, pair):
    missing = run("restore", "blurred.png", "--reference", "none.png")
    both = run("restore", "blurred.png", "--reference", "second.png", "--kernel", "k.png")
    kind = run("restore", "blurred.png", "--reference", "second.png", "--reference-is", "soft")

    assert [done.returncode for done in (missing, both, kind)] == [2, 2, 2]
    assert missing.stderr.startswith("unblur: none.png: cannot be opened")
    assert "takes no kernel" in both.stderr
    assert "known: sharp, noisy" in kind.stderr
    assert all(len(done.stderr.splitlines()) == 1 for done in (missing, both, kind))


def test_kernel_writes_what_restore_reads(run, pair, sharp):
    done = run("kernel", "blurred.png", "--reference", "second.png", "-o", "kernel.png")
    restored = run("restore", "blurred.png", "--kernel", "kernel.png", "-o", "known.png")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("blurred.png -> kernel.png  ")
    assert restored.returncode == 0
    assert read_photo(pair / "kernel.png").bits == 16
    scores = [psnr(read_photo(pair / x).pixels, sharp) for x in ("known.png", "blurred.png")]
    assert scores[0] > scores[1] + 1.5


def test_kernel_says_in_one_line_what_is_wrong(run, pair):
    write_photo(Photo(pixels=np.zeros((80, 90, 3), np.float32)), pair / "black.png")
    before = (pair / "blurred.png").read_bytes()
    base = ("kernel", "blurred.png", "--reference")

    for arguments, why in (
        ((*base, "black.png", "-o", "k.png"), "black.png: the reference is too dark"),
        ((*base, "none.png", "-o", "k.png"), "none.png: cannot be opened"),
        ((*base, "second.png", "-o", "k.jpg"), "cannot write '.jpg'"),
        ((*base, "second.png", "-o", "blurred.png", "--overwrite"), "is one of the photos"),
        ((*base, "second.png", "-o", "black.png"), "exists; --overwrite"),
    ):
        done = run(*arguments)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert why in done.stderr
    assert not (pair / "k.png").exists()
    assert (pair / "blurred.png").read_bytes() == before
