import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import skimage.data

from reference_pairs import second_shot, shaken
from unblur.imaging.photo import Photo, read_photo, write_photo
from unblur.metrics import psnr

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
RESTORES = re.findall(r"^    (unblur restore [^#\n]*[^#\s])", README, re.M)


@pytest.fixture
def folder(tmp_path, photo):
    """What a reader of the README has: a photo, a folder of photos, and two shots of a scene."""
    (tmp_path / "holiday").mkdir()
    shutil.copy(photo, tmp_path / "holiday" / "beach.jpg")
    sharp = skimage.data.coffee()[40:300, 120:400].astype("float32") / 255
    shots = {"blurred": shaken(sharp), "sharp": second_shot(sharp)}
    shots["short"] = second_shot(sharp, noise=25 / 255)
    for name, pixels in shots.items():
        write_photo(Photo(pixels=pixels), tmp_path / f"{name}.jpg", quality=95)
    return tmp_path


def test_the_readme_shows_commands():
    assert len(RESTORES) >= 3


@pytest.mark.parametrize("command", RESTORES)
def test_commands_do_what_the_readme_says(run, folder, command):
    arguments = shlex.split(command)[1:]
    if "runs/fast/generator.onnx" in command:
        network = folder / "runs/fast/generator.onnx"
        network.parent.mkdir(parents=True)
        shutil.copy(ROOT / "src/unblur/networks/fast.onnx", network)

    done = run(*arguments)

    assert (done.returncode, done.stderr) == (0, "")
    assert list(folder.rglob("*.unblurred.jpg"))


def test_methods_are_compared_and_scored_as_the_readme_says(run, tmp_path):
    command, scoring = re.findall(r"^    unblur (bench pairs[^#\n]*|score [^#\n]*)", README, re.M)
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


def test_every_flag_in_the_readme_exists(run):
    for command, text in re.findall(r"unblur (\w+)([^`\n]*)", README):
        if command not in {"restore", "train", "models"}:
            continue
        flags = re.findall(r"--[\w-]+", text.split("#")[0])
        told = run(command, "--help").stdout
        for flag in flags:
            assert flag in told


def test_python_blocks_run(folder):
    blocks = re.findall(r"```python\n(.*?)```", README, re.S)
    assert blocks
    program = "import numpy as np\npixels = np.zeros((64, 64, 3), np.uint8)\n" + "\n".join(blocks)

    subprocess.run([sys.executable, "-c", program], cwd=folder, check=True)

    assert (folder / "photo.unblurred.jpg").is_file()


def test_pictures_and_links_exist():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
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
