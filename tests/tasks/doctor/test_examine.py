import errno
import re
import tempfile
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from unblur.imaging.draw.leaves import make_pictures
from unblur.metrics import psnr
from unblur.tasks.doctor import examine as doctor
from unblur.tasks.doctor import self_test
from unblur.tasks.doctor.examine import Examination, Folder, Network, Package
from unblur.tasks.doctor.self_test import EngineTest, SelfTest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def healthy():
    """Findings without a fault."""
    engine = EngineTest(name="onnx", installed=True, gain_db=1.5)
    return Examination(
        machine={},
        core=(Package(name="numpy", version="2.0"),),
        extras=(),
        memory_left_bytes=8_000_000_000,
        temporary=Folder(path="/tmp", free_bytes=9_000_000_000, error=None),
        networks=(Network(name="fast", sha256="00", error=None),),
        self_test=SelfTest(engines=(engine,), default="onnx", error=None, seconds=1.0),
    )


def test_the_tables_are_those_of_pyproject():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = re.compile(r"[\w-]+")

    def bare(requirements):
        return sorted(names.match(text)[0].lower() for text in requirements)

    extras = {
        key: bare(x)
        for key, x in project["optional-dependencies"].items()
        if key not in {"dev", "docs"}
    }

    assert {key: sorted(packages) for key, (packages, _) in doctor.EXTRAS.items()} == extras
    assert sorted(doctor.CORE) == bare(project["dependencies"])


def test_nothing_is_wrong_with_a_healthy_installation(healthy):
    assert healthy.works
    assert healthy.problems == ()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"core": (Package(name="pyvips", version=None),)}, "pyvips is missing"),
        ({"memory_left_bytes": 100_000_000}, "little memory is left, 100 MB"),
        ({"temporary": Folder(path="/t", free_bytes=5_000_000, error=None)}, "/t has 5 MB left"),
        ({"temporary": Folder(path="/t", free_bytes=None, error="read-only")}, "read-only; photos"),
        ({"networks": (Network(name="fast", sha256="0", error="x is damaged"),)}, "x is damaged"),
    ],
)
def test_each_fault_is_one_line(healthy, changed, said):
    (line,) = replace(healthy, **changed).problems

    assert said in line


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        ({"error": "no libfoo.so"}, "engine torch: no libfoo.so"),
        ({"gain_db": -0.5}, "makes the test picture worse, by 0.50 dB"),
        ({"gain_db": 1.0, "agreement_db": 12.0}, "agrees with the first only to 12 dB"),
    ],
)
def test_an_engine_that_fails_or_computes_something_else_is_named(healthy, engine, said):
    engines = (EngineTest(name="torch", installed=True, **engine),)

    (line,) = replace(healthy, self_test=replace(healthy.self_test, engines=engines)).problems

    assert said in line


def test_an_installation_that_cannot_restore_does_not_work(healthy):
    ill = replace(healthy, self_test=replace(healthy.self_test, error="no weights"))

    assert not ill.works
    assert ill.problems == ("restoring a photo fails: no weights",)


def test_the_pictures_are_always_the_same_and_one_is_blurred():
    sharp, blurred = make_pictures()

    assert sharp.shape == blurred.shape == (256, 384, 3)
    assert sharp.dtype == blurred.dtype == np.float32
    assert 0 <= sharp.min() < 0.1
    assert 0.9 < sharp.max() <= 1
    assert 20 < psnr(blurred, sharp) < 32
    assert np.array_equal(make_pictures()[1], blurred)


def test_a_temporary_folder_that_is_not_there_is_a_finding(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))

    found = doctor.check_temporary()

    assert found.path == str(tmp_path / "gone")
    assert "No such file" in found.error
    assert found.free_bytes is None


def test_a_temporary_folder_that_can_be_written_has_free_space_and_is_left_empty(
    monkeypatch, tmp_path
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    found = doctor.check_temporary()

    assert found.error is None
    assert found.free_bytes > 0
    assert list(tmp_path.iterdir()) == []


def test_an_extra_that_is_there_needs_no_line_and_one_that_is_not_gets_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "rawpy", None)

    raw = doctor._extra("raw", *doctor.EXTRAS["raw"])
    classical = doctor._extra("bench", *doctor.EXTRAS["bench"])

    assert raw.packages == (Package(name="rawpy", version=None),)
    assert raw.install == f"pip install -e '{ROOT}[raw]'"
    assert classical.install is None
    assert classical.packages[0].version[0].isdigit()


def test_errors_of_any_kind_become_one_line():
    assert self_test.explain(OSError(errno.ENOSPC, "No space\nleft")) == "[Errno 28] No space left"
    assert self_test.explain(MemoryError()) == "MemoryError"
