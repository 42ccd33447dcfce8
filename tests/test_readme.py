"""What README and comparisons promise beyond that commands run, which test_docs.py looks after."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import skimage.data

from reference_pairs import shaken
from unblur.imaging.photo.photo import Photo, read_photo, write_photo
from unblur.metrics import psnr

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_methods_are_compared_and_scored_as_the_page_says(run, tmp_path):
    page = (ROOT / "docs" / "reproduction.md").read_text()
    command, *_ = re.findall(r"^    unblur (bench pairs[^#\n]*)", page, re.M)
    (scoring,) = re.findall(r"^    unblur (score [^#\n]*)", page, re.M)
    command = command.replace("DIR", "pairs")
    sharp = skimage.data.coffee()[40:240, 120:340].astype("float32") / 255
    folders = {"pairs/blur": shaken(sharp), "pairs/sharp": sharp}
    folders |= {"restored": shaken(sharp), "sharp": sharp}
    for name, pixels in folders.items():
        (tmp_path / name).mkdir(parents=True)
        write_photo(Photo(pixels=pixels), tmp_path / name / "cup.png")

    done = run(*shlex.split(command))
    scored = run(*shlex.split(scoring))

    assert (done.returncode, scored.returncode) == (0, 0), done.stderr + scored.stderr
    assert {"blurred", "fast", "unsharp-mask"} <= set(re.findall(r"[\w-]+", done.stdout))
    assert (tmp_path / "report" / "report.html").stat().st_size > 10_000
    assert f"{psnr(shaken(sharp), sharp):.2f}" in scored.stdout


def test_it_is_read_in_three_minutes():
    assert len(README.split()) < 700


def test_pictures_and_links_exist():
    for target in re.findall(r"\]\((?!https://)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_shaken_photo_is_made_by_the_example_and_restored_by_the_demo(run, tmp_path):
    script = ROOT / "examples" / "shake_a_photo.py"
    subprocess.run([sys.executable, script, tmp_path / "again.jpg"], check=True)
    shaken = read_photo(ROOT / "examples" / "shaken.jpg").pixels
    assert psnr(read_photo(tmp_path / "again.jpg").pixels, shaken) > 50

    assert run("restore", ROOT / "examples" / "shaken.jpg", "-o", "out.png").returncode == 0

    sharp = Photo(pixels=skimage.data.astronaut().astype("float32") / 255)
    write_photo(sharp, tmp_path / "sharp.png")
    restored = read_photo(tmp_path / "out.png").pixels
    assert psnr(restored, sharp.pixels) > psnr(shaken, sharp.pixels) + 1
