import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import skimage.data

from interruptible import interruptible
from shaken_photo import shaken, sharp_coffee
from small_disk import small_disk
from unblur.imaging.blur.blur import blur
from unblur.imaging.blur.kernels import random_kernels
from unblur.imaging.photo.photo import Photo, read_photo, write_photo
from unblur.metrics import psnr


def leftovers(folder):
    return [path.name for path in folder.rglob(".unblur*") if path.name != ".unblur.jsonl"]


def test_a_blurred_photo_comes_out_sharper_beside_the_source(run_process, tmp_path, astronaut):
    kernel = random_kernels(1, rng=np.random.default_rng(3), length_px=30, exposure=(1.0,))[0]
    blurred = blur(astronaut, kernel)
    write_photo(Photo(pixels=blurred), tmp_path / "shaken.png")

    done = run_process("restore", "shaken.png")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("shaken.png -> shaken.unblurred.png")
    restored = read_photo(tmp_path / "shaken.unblurred.png").pixels
    assert psnr(restored, astronaut) > psnr(blurred, astronaut) + 0.5


def test_several_photos_and_a_folder_go_into_a_folder(run, tmp_path, photo):
    (tmp_path / "more").mkdir()
    shutil.copy(photo, tmp_path / "more" / "second.jpg")
    shutil.copy(photo, tmp_path / "more" / "second.unblurred.jpg")  # an earlier result

    done = run("restore", "photo.jpg", "more", "-o", "out")

    assert done.returncode == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == [".unblur.jsonl", "photo.unblurred.jpg", "second.unblurred.jpg"]


def test_out_names_a_file_of_another_format(run, tmp_path, photo):
    assert run("restore", photo, "-o", "result.tiff").returncode == 0

    assert read_photo(tmp_path / "result.tiff").format == "tiff"


def test_preview_holds_both_halves(run, tmp_path, photo):
    assert run("restore", photo, "--preview").returncode == 0

    both = read_photo(tmp_path / "photo.before-after.jpg").pixels
    before = read_photo(photo).pixels
    assert both.shape == (128, 2 * 128 + 4, 3)
    assert psnr(both[40:, :128], before[40:]) > 30  # below the label


def test_a_preview_is_named_like_the_result_and_the_line_says_where_it_is(run, tmp_path, photo):
    (tmp_path / "sharp").mkdir()

    named = run("restore", photo, "-o", "sharp/better.png", "--preview")
    beside = run("restore", photo, "--preview")

    assert ", before and after: sharp/better.before-after.jpg (" in named.stdout
    assert (tmp_path / "sharp" / "better.before-after.jpg").is_file()
    preview = tmp_path / "photo.before-after.jpg"
    assert f", before and after: {preview} (" in beside.stdout
    assert preview.is_file()


@pytest.mark.parametrize("tiles", ["in memory", "streamed"])
def test_a_photo_that_is_sharp_already_is_said_to_be(run, tmp_path, tiles, monkeypatch):
    if tiles == "streamed":
        monkeypatch.setattr("unblur.tasks.restore.file._LARGE_MEGAPIXELS", 0.01)
    sharp = skimage.data.rocket().astype(np.float32) / 255
    write_photo(Photo(pixels=sharp), tmp_path / "sharp.png")
    write_photo(Photo(pixels=shaken(sharp_coffee())[0][:128, :160]), tmp_path / "shaken.png")

    done = run("restore", "sharp.png", "shaken.png", "-o", "out")
    weak = run("restore", "shaken.png", "--strength", "0", "-o", "weak.png")

    first, second, *_ = done.stdout.splitlines()
    assert first.endswith(" s (hardly changed: sharp already)")
    assert second.startswith("shaken.png -> out/shaken.unblurred.png")
    assert "hardly changed" not in second + weak.stdout
    assert weak.stdout.endswith(" s (strength 0 %)\n")  # nothing was looked for or undone
    assert (
        read_photo(tmp_path / "weak.png").pixels == read_photo(tmp_path / "shaken.png").pixels
    ).all()


def test_where_noise_hides_the_blur_a_second_shot_is_advised(run, tmp_path):
    sharp = skimage.data.coffee()[:300, :300].astype(np.float32) / 255
    rng = np.random.default_rng(3)
    (kernel,) = random_kernels(1, rng=rng, length_px=60, exposure=(1.0,))
    dark = blur(0.06 * sharp, kernel) + rng.normal(0, 2 / 255, sharp.shape)
    write_photo(Photo(pixels=np.clip(dark, 0, 1).astype(np.float32)), tmp_path / "dark.png")

    said = run("restore", "dark.png").stdout
    diagnosed = run("diagnose", "dark.png").stdout
    quickly = run("diagnose", "dark.png", "--method", "network").stdout

    assert "hardly changed: too dark or too noisy to tell" in said
    assert "a second shot would help (--reference)" in said
    reason = "too dark or too noisy to tell; if it is blurred, a second shot would help"
    assert diagnosed == quickly == f"dark.png: {reason} (--reference)\n"


def test_a_slip_in_the_ending_of_the_target_makes_no_folder(run, tmp_path, photo):
    slip = run("restore", photo, "-o", "x.jgp")
    unknown = run("restore", photo, "-o", "x.july")

    assert (slip.returncode, slip.stderr) == (
        2,
        "unblur: x.jgp: '.jgp' is no ending of a photo; use .jpg, or x.jgp/ for a folder\n",
    )
    assert "use .jpg .jpeg .png" in unknown.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]
    assert run("restore", photo, "-o", "x.july/").returncode == 0
    assert run("restore", photo, "-o", "x.july", "--overwrite").returncode == 0  # it is there now
    assert (tmp_path / "x.july" / "photo.unblurred.jpg").is_file()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--method", "unsharp-mask"),
        ("--reference", "photo.jpg"),
        ("--engine", "torch"),
        ("--engine", "openvino"),
    ],
)
def test_a_missing_extra_is_wrong_use_in_one_line_and_nothing_is_done(tmp_path, photo, arguments):
    (tmp_path / "bare").mkdir()
    missing = ("cv2", "openvino", "skimage", "torch")
    # For `find_spec` and for `import` they are not installed.
    code = f"import sys\nsys.modules |= dict.fromkeys({missing})\n"
    (tmp_path / "bare" / "sitecustomize.py").write_text(code)
    shutil.copy(photo, tmp_path / "second.jpg")
    names = "photo.jpg", "second.jpg"
    command = [sys.executable, "-m", "unblur", "restore", *names, "-o", "out", *arguments]

    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "bare")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"unblur: [\w-]+ is not installed; pip install .*\[\w+\]'\n", done.stderr)
    assert not (tmp_path / "out").exists()


def test_previews_of_namesakes_do_not_collide(run, tmp_path, photo):
    write_photo(read_photo(photo), tmp_path / "photo.png")

    done = run("restore", "photo.jpg", "photo.png", "--preview")

    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "photo.before-after.jpg").is_file()
    assert (tmp_path / "photo.png.before-after.jpg").is_file()


def test_a_photo_that_is_named_twice_is_restored_once(run, photo):
    done = run("restore", photo, photo)

    assert (done.returncode, len(done.stdout.splitlines())) == (0, 1)


def test_what_the_format_of_the_target_cannot_hold_is_said(run, tmp_path, astronaut):
    alpha = np.full((60, 60), 99, np.uint16)  # too small to search for a shake
    deep = Photo(pixels=astronaut[:60, :60].copy(), alpha=alpha, bits=16)
    write_photo(deep, tmp_path / "deep.png")

    done = run("restore", "deep.png", "-o", "flat.jpg")

    assert done.returncode == 0
    assert "alpha left out" in done.stdout
    assert "16 bits became 8" in done.stdout
    assert "became" not in run("restore", "deep.png", "-o", "deep.tiff").stdout


def test_a_target_format_that_is_not_written_is_wrong_use(run, tmp_path, photo):
    done = run("restore", photo, "-o", "moving.gif")

    assert done.returncode == 2
    assert "cannot write '.gif'; use .jpg" in done.stderr
    assert not (tmp_path / "moving.gif").exists()


def test_json_prints_one_object_a_photo_and_nothing_else(run_process, tmp_path, photo):
    done = run_process("restore", photo, "missing.jpg", "--json")

    first, second = map(json.loads, done.stdout.splitlines())
    assert (done.returncode, first["error"], second["target"]) == (1, None, None)
    assert first["target"] == str(tmp_path / "photo.unblurred.jpg")
    assert first["seconds"] > 0
    assert "missing.jpg" in second["error"]


def test_quiet_prints_nothing(run, photo):
    done = run("restore", photo, "-q")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("size", [(1, 1), (3, 700), (4097, 2), (17, 33)])
def test_odd_sizes_keep_their_size(run, tmp_path, size):
    pixels = np.random.default_rng(0).random((*size, 3), dtype=np.float32)
    write_photo(Photo(pixels=pixels), tmp_path / "odd.png")

    assert run("restore", "odd.png").returncode == 0

    assert read_photo(tmp_path / "odd.unblurred.png").pixels.shape == pixels.shape


def test_first_page_of_several_is_restored_and_said(run, tmp_path, photo):
    from PIL import Image

    frames = [Image.open(photo), Image.new("RGB", (128, 128), "red")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "pages.tif", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "moving.webp", save_all=True, append_images=frames[1:])

    done = run("restore", "moving.gif", "pages.tif", "moving.webp")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("first of 2") == 3
    assert (tmp_path / "moving.unblurred.png").is_file()


def truncated(path, photo):
    path.write_bytes(photo.read_bytes()[:-2000])


def text(path, _):
    path.write_text("this is not a picture, whatever its name says\n")


def bomb(path, _):
    import struct
    import zlib

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    squeezed = zlib.compress(b"\0" * 180_001, 9)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", squeezed)
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("name", "make", "said"),
    [
        ("missing.jpg", lambda *_: None, "no such file"),
        ("empty.jpg", lambda path, _: path.touch(), "empty"),
        ("cut.jpg", truncated, "cut.jpg"),
        ("text.png", text, "not a photo"),
        ("bomb.png", bomb, "--max-megapixels"),
        ("folder.jpg", lambda path, _: path.mkdir(), "no photos"),
    ],
)
def test_a_bad_photo_is_one_line_and_the_others_are_done(run, tmp_path, photo, name, make, said):
    make(tmp_path / name, photo)
    if name == "folder.jpg":  # an empty folder is wrong use, not a bad photo
        done = run("restore", name)
        assert done.returncode == 2
    else:
        done = run("restore", name, photo)
        assert done.returncode == 1
        assert (tmp_path / "photo.unblurred.jpg").is_file()
        assert done.stderr.splitlines()[-1] == "unblur: 1 of 2 photos failed"

    line = done.stderr.splitlines()[0]
    assert line.startswith("unblur: ")
    assert name in line
    assert said in line
    assert len(done.stderr.splitlines()) <= 2
    assert "Traceback" not in done.stderr
    assert leftovers(tmp_path) == []


def test_a_bomb_says_its_size_and_stays_small(tmp_path):
    bomb(tmp_path / "bomb.png", None)
    code = (
        "import resource, subprocess, sys\n"
        "done = subprocess.run([sys.executable, '-m', 'unblur', 'restore', 'bomb.png'],"
        " capture_output=True, text=True)\n"
        "print(done.stderr, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert "60000" in done.stdout
    assert "200" in done.stdout
    assert int(done.stdout.split()[-1]) < 1e6  # kB


def test_max_megapixels_is_a_limit_that_can_be_set(run, photo):
    refused = run("restore", photo, "--max-megapixels", "0.01")
    assert refused.returncode == 1
    assert "128" in refused.stderr

    assert run("restore", photo, "--max-megapixels", "0.02").returncode == 0


def test_an_existing_target_is_left_alone_unless_told(run, tmp_path, photo):
    target = tmp_path / "photo.unblurred.jpg"
    target.write_text("precious")

    refused = run("restore", photo)
    assert refused.returncode == 1
    assert "--overwrite" in refused.stderr
    assert target.read_text() == "precious"

    assert run("restore", photo, "--overwrite").returncode == 0
    assert read_photo(target).pixels.shape == (128, 128, 3)


def test_the_source_is_never_the_target(run, tmp_path, photo):
    (tmp_path / "link.jpg").symlink_to(photo)
    before = photo.read_bytes()

    for target in ("photo.jpg", "link.jpg"):
        done = run("restore", photo, "-o", target, "--overwrite")
        assert done.returncode == 1
        assert "source" in done.stderr

    assert photo.read_bytes() == before


def test_two_sources_of_one_name_are_refused_before_anything_is_written(run, tmp_path, photo):
    (tmp_path / "other").mkdir()
    shutil.copy(photo, tmp_path / "other" / "photo.jpg")

    done = run("restore", photo, "other/photo.jpg", "-o", "out")

    assert done.returncode == 2
    assert "other/photo.jpg" in done.stderr
    assert not (tmp_path / "out").exists()


def test_several_photos_do_not_fit_in_one_file(run, tmp_path, photo):
    shutil.copy(photo, tmp_path / "b.jpg")

    done = run("restore", photo, "b.jpg", "-o", "one.jpg")

    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("nosuch", "known: fast"),
        ("nosuch.onnx", "no such network file"),
        ("corrupt.onnx", "not a network"),
        ("foreign.onnx", "expected"),
    ],
)
def test_a_bad_network_is_wrong_use_in_one_line(run, tmp_path, photo, model, said):
    import onnx
    from onnx import TensorProto, helper

    (tmp_path / "corrupt.onnx").write_bytes(b"\x08\x07garbage" * 50)
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 10]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", value[:1], value[1:])
    opset = helper.make_opsetid("", 17)
    onnx.save(
        helper.make_model(graph, opset_imports=[opset], ir_version=8), tmp_path / "foreign.onnx"
    )

    done = run("restore", photo, "--model", model, "--engine", "onnx")

    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert model in done.stderr
    assert said in done.stderr


def test_an_image_network_of_other_makers_is_run(run, tmp_path, photo, monkeypatch):
    monkeypatch.setenv("UNBLUR_DATA", str(tmp_path / "data"))
    import onnx
    from onnx import TensorProto, helper

    shape = ["b", 3, "h", "w"]
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", value[:1], value[1:])
    opset = helper.make_opsetid("", 17)
    onnx.save(
        helper.make_model(graph, opset_imports=[opset], ir_version=8), tmp_path / "other.onnx"
    )

    done = run("restore", photo, "--model", "other.onnx", "--no-guard", "-o", "same.png")

    assert (done.returncode, done.stderr) == (0, "")
    before, after = (read_photo(path).pixels for path in (photo, tmp_path / "same.png"))
    assert np.abs(before - after).max() < 1 / 255


@pytest.mark.parametrize(
    "arguments", [["--engine", "warp"], ["--max-megapixels", "-1"], ["--nosuch"], []]
)
def test_wrong_use_is_exit_status_2(run, photo, arguments):
    photos = [photo] if arguments else []

    done = run("restore", *photos, *arguments)

    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_target_folder_that_cannot_be_written_is_one_line(run, tmp_path, photo):
    (tmp_path / "file").touch()

    done = run("restore", photo, "-o", "file/folder")

    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "file/folder" in done.stderr


def test_read_only_folders_and_full_disks_are_one_line(run, tmp_path, photo):
    with small_disk(tmp_path / "disk", "4k") as disk:
        full = run("restore", photo, "-o", disk)
        assert (full.returncode, len(full.stderr.splitlines())) == (1, 1)
        assert "space" in full.stderr
        assert list(disk.iterdir()) == []

        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        read_only = run("restore", photo, "-o", disk)
        assert (read_only.returncode, len(read_only.stderr.splitlines())) == (1, 1)
        assert "read-only" in read_only.stderr.lower()


def test_ctrl_c_leaves_no_partial_file(tmp_path):
    import signal
    import time

    large = np.tile(skimage.data.astronaut(), (6, 6, 1)).astype(np.float32) / 255
    write_photo(Photo(pixels=large), tmp_path / "large.png")
    process = subprocess.Popen(
        interruptible("restore", "-v", "large.png"),
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    # Once the engine is there the photo is being restored, for some seconds on any machine.
    assert "engine" in process.stderr.readline()
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)

    assert process.returncode == 130
    assert stderr.splitlines()[-1] == "unblur: interrupted"
    assert "Traceback" not in stderr
    assert [path.name for path in tmp_path.iterdir()] == ["large.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_several_photos_have_a_progress_bar_on_a_terminal(tmp_path, photo):
    import os
    import pty

    shutil.copy(photo, tmp_path / "second.jpg")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "unblur", "restore", "photo.jpg", "second.jpg"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    process = subprocess.Popen(
        command, cwd=tmp_path, stderr=theirs, stdout=subprocess.PIPE, text=True, env=environment
    )
    os.close(theirs)
    shown = b""
    with open(ours, "rb", buffering=0) as terminal:  # noqa: PTH123 - a descriptor, not a path
        while True:
            try:
                part = terminal.read(4096)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            shown += part
    lines, _ = process.communicate(timeout=60)

    assert b"restoring" in shown
    assert b"100%" in shown or b"50%" in shown
    assert b"2/2" in shown or b"1/2" in shown
    said = lines.splitlines()
    assert [" -> " in line for line in said] == [True] * 2 + [False] * (len(said) - 2)
    assert said[-1].startswith("2 restored in ")
    assert len(said) == 5  # one a photo; how long each took, how many hardly changed, and the sum
