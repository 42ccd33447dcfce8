"""`--device`, of every command that runs networks: what was asked for arrives, or is one line."""

import warnings

import numpy as np
import onnxruntime
import pytest
import typer

from all_parameters import all_parameters
from photo_sets import save, save_pair
from small_detector import block_detector, blocks
from small_network import sharpening_network
from unblur import Photo, write_photo
from unblur.cli import app
from unblur.engines import OnnxEngine, warn_once
from unblur.errors import DeviceWarning
from unblur.tasks.bench.methods import open_methods
from unblur.tasks.bench.options import BenchOptions
from unblur.tasks.doctor import self_test
from unblur.tasks.doctor.self_test import EngineTest
from video_files import pan, write_video

COMMANDS = typer.main.get_command(app)
CPU = "CPUExecutionProvider"
SMALL = ("--model", "small.onnx", "--engine", "onnx")


@pytest.fixture
def files(tmp_path, photo):
    """What the commands below are given."""
    sharpening_network(tmp_path / "small.onnx")
    write_photo(Photo(pixels=np.full((64, 80, 3), 0.5, np.float32)), tmp_path / "flat.png")
    write_video(tmp_path / "clip.mkv", pan(2))
    save_pair(tmp_path / "pairs", "a")
    save_pair(tmp_path / "gopro" / "test" / "scene", "000001")
    return tmp_path


@pytest.fixture
def detected(tmp_path):
    """Pairs on which a detector finds something."""
    for part in ("blur", "sharp"):
        save(np.uint8(blocks(c3r1=(1, 0, 0)) * 255), tmp_path / "detected" / part / "a.png")
    return block_detector(tmp_path / "blocks.onnx")


@pytest.fixture
def built_for_cuda(monkeypatch):
    """ONNX Runtime says it was built with CUDA; that it does not start is up to the real one.

    Warnings are printed, as they are without pytest.
    """
    warn_once.cache_clear()
    built = ["CUDAExecutionProvider", CPU]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: built)
    with warnings.catch_warnings():
        warnings.simplefilter("always", DeviceWarning)
        yield


ASKED = {
    "restore": ("photo.jpg",),
    "diagnose": ("photo.jpg",),
    "video": ("clip.mkv",),
    "serve": ("--port", "0"),
    "kernel": ("photo.jpg", "-o", "kernel.png"),
    "bench gopro": ("gopro", "-o", "report"),
    "bench kohler": ("kohler", "-o", "report"),
    "bench pairs": ("pairs", "-o", "report"),
    "bench speed": (),
    "bench detection": ("pairs", "--detector", "detector.onnx", "-o", "report"),
    "scale": ("photos", "out"),
    "scale plan": ("--photos", "10"),
    "doctor": (),
}


def test_every_command_that_runs_networks_has_it_and_says_the_same():
    found = {
        path: (parameter.metavar, parameter.help)
        for path, _, parameter in all_parameters(COMMANDS)
        if "--device" in parameter.opts
    }
    with_engines = {
        path for path, _, parameter in all_parameters(COMMANDS) if "--engine" in parameter.opts
    }

    assert set(found) == set(ASKED)
    assert with_engines < set(found)
    assert len(set(found.values())) == 1


@pytest.mark.parametrize("command", ASKED)
def test_a_device_that_there_is_not_is_refused_before_anything_is_done(run, files, command):
    before = sorted(files.rglob("*"))

    done = run(*command.split(), *ASKED[command], "--device", "abacus")

    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("unblur: unknown device 'abacus'; known: auto, cpu, cuda, tensorrt,")
    assert sorted(files.rglob("*")) == before


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("restore", "photo.jpg", *SMALL), 0),
        (("diagnose", "photo.jpg", *SMALL, "--method", "network"), 0),
        (("video", "clip.mkv", *SMALL, "--codec", "ffv1"), 0),
        (("kernel", "flat.png", "-o", "kernel.png", "--engine", "onnx"), 2),
        (("bench", "gopro", "gopro", *SMALL, "-o", "report"), 0),
        (("bench", "pairs", "pairs", *SMALL, "-o", "report"), 0),
        (("bench", "speed", *SMALL, "--size", "64x64", "--runs", "1", "--no-reference"), 0),
    ],
)
def test_one_that_does_not_start_is_one_line_and_the_cpu_computes(
    run, files, built_for_cuda, words, status
):
    done = run(*words, "--device", "cuda:3")

    lines = [line for line in done.stderr.splitlines() if "device" in line]
    assert done.returncode == status, done.stderr
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith(
        "unblur: device cuda:3 cannot be used (cuda: CUDAExecutionProvider does not start"
    )
    assert lines[0].endswith("; the CPU computes instead")


def test_so_is_it_where_a_detector_compares(run, detected, built_for_cuda, tmp_path):
    sharpening_network(tmp_path / "small.onnx")
    done = run("bench", "detection", "detected", "--detector", detected, *SMALL, "-o", "report",
               "--pictures", 0, "--device", "cuda:3")  # fmt: skip

    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith("unblur: device cuda:3 cannot be used (cuda: CUDAExecutionProvider")


def test_a_plan_is_not_made_from_the_speed_of_another_device(run, built_for_cuda, tmp_path):
    sharpening_network(tmp_path / "small.onnx")
    plan = ("scale", "plan", "--photos", "10", "--megapixels", "0.02", "--model", "small.onnx")

    refused = run(*plan, "--device", "dml")
    made = run(*plan)

    assert refused.returncode == 2
    (line,) = refused.stderr.splitlines()
    assert line.startswith("unblur: device dml cannot be used here (`unblur doctor` says why);")
    assert "bench speed --device dml --json" in line
    assert made.returncode == 0
    assert " threads: " in made.stdout


def test_a_benchmark_names_the_device_unless_it_is_the_cpu(tmp_path, monkeypatch):
    network = sharpening_network(tmp_path / "small.onnx")
    options = BenchOptions(models=(str(network),), engine="onnx", device="cpu")

    plain = open_methods(options, [])[1].facts
    monkeypatch.setattr(
        OnnxEngine, "device", property(lambda self: "cuda:0", lambda *_: None), raising=False
    )
    there = open_methods(options, [])[1].facts

    assert "device" not in plain
    assert there == {**plain, "device": "cuda:0"}


@pytest.mark.parametrize(
    ("device", "on"),
    [
        ("dml", {"onnx": "dml", "openvino": "cpu", "torch": "cpu"}),
        ("cuda:1", {"onnx": "cuda:1", "openvino": "cpu", "torch": "cuda:1"}),
        ("1", {"onnx": "1", "openvino": "cpu", "torch": "1"}),
        ("auto", {"onnx": "auto", "openvino": "auto", "torch": "auto"}),
    ],
)
def test_the_doctor_tests_each_engine_where_it_can_compute(monkeypatch, device, on):
    tried = {}
    monkeypatch.setattr(
        self_test,
        "_try_engine",
        lambda name, where, *_: (
            tried.setdefault(name, where) and EngineTest(name=name, installed=False),
            None,
        ),
    )
    monkeypatch.setattr(self_test, "_restore_photo", lambda _, where: f"as on {where}")

    assert self_test.run_self_test(device).default == f"as on {device}"
    assert tried == on
