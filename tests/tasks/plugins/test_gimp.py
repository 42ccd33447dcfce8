"""The plug-in in GIMP 3 itself, without a window: what it gives equals what the command gives."""

import json
import os
import re
import shutil
import subprocess
import time
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import pyvips

from reference_pairs import shaken
from unblur.tasks.plugins.install import install
from unblur.tasks.plugins.places import Machine

IN_GIMP = Path(__file__).with_name("in_gimp.py")
WITH_WINDOWS = Path(__file__).with_name("in_gimp_with_windows.py")


@cache
def gimp():
    """The console of GIMP 3, if there is one; Debian's starts in some seconds, later in one."""
    for name in ("gimp-console-3.0", "gimp-console-3", "gimp-console", "gimp"):
        found = shutil.which(name)
        if found is not None:
            said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
            if re.search(r"version 3\.", said.stdout):
                return found
    return None


needs_gimp = pytest.mark.skipif(
    gimp() is None, reason="needs GIMP 3 (Debian 13: apt-get install gimp)"
)


needs_windows = pytest.mark.skipif(
    any(shutil.which(name) is None for name in ("gimp-3.0", "Xvfb", "xdotool")),
    reason="needs gimp-3.0, Xvfb and xdotool (Debian 13: apt-get install gimp xvfb xdotool)",
)


def batch(file):
    """The words that let GIMP run a file of Python, and end."""
    code = f"exec(compile(open({str(file)!r}).read(), {file.name!r}, 'exec'))"
    return ("--batch-interpreter", "python-fu-eval", "-b", code, "--quit")


@pytest.fixture
def screen():
    """The name of a screen that nobody sees."""
    words = ["Xvfb", "-displayfd", "1", "-screen", "0", "1280x900x24", "-nolisten", "tcp"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        yield f":{server.stdout.readline().strip()}"
        server.terminate()


@pytest.fixture
def pictures(astronaut, tmp_path):
    """The same picture in 8 bits, 16 bits, and grey."""
    blurred = shaken(astronaut[:80, :96])
    part = pyvips.Image.new_from_array(blurred * 65535).cast("ushort")
    part = part.copy(interpretation="rgb16")
    (part >> 8).cast("uchar").copy(interpretation="srgb").write_to_file(tmp_path / "eight.png")
    part.write_to_file(tmp_path / "sixteen.png")
    pyvips.Image.new_from_file(tmp_path / "eight.png").colourspace("b-w").write_to_file(
        tmp_path / "grey.png"
    )
    return tmp_path


@needs_gimp
@pytest.mark.thorough
def test_what_gimp_gets_is_what_the_command_writes(pictures, run):
    settings = pictures / "settings"
    settings.mkdir()
    machine = Machine(environment={"GIMP3_DIRECTORY": str(settings)})
    (state,) = install("gimp", machine=machine)
    expected = {}
    for name, amount in (("eight", 1), ("sixteen", 1), ("grey", 0.5)):
        told = ("--method", "network", "--strength", amount, "-o", f"{name}-done.png")
        assert run("restore", f"{name}.png", *told).returncode == 0
        expected[name] = pyvips.Image.new_from_file(pictures / f"{name}-done.png").numpy()
        before = pyvips.Image.new_from_file(pictures / f"{name}.png").numpy()
        assert not np.array_equal(before, expected[name])
    expected["float"] = expected["sixteen"]  # the most that the command reads

    done = subprocess.run(
        [gimp(), "-idf", *batch(IN_GIMP)],
        env={
            **os.environ,
            "GIMP3_DIRECTORY": str(settings),
            "UNBLUR_PICTURES": str(pictures),
            "UNBLUR_NOTES": str(state.folder / "unblur-plugin.json"),
        },
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )

    assert (pictures / "facts.json").is_file(), done.stdout + done.stderr
    facts = json.loads((pictures / "facts.json").read_text())
    for name, kind in (("eight", "u1"), ("sixteen", "u2"), ("float", "u2"), ("grey", "u1")):
        assert facts[name]["status"] == "success", facts[name]
        raw = np.frombuffer((pictures / f"{name}.raw").read_bytes(), kind)
        np.testing.assert_array_equal(raw.reshape(expected[name].shape), expected[name])
    assert facts["eight"]["layers"] == ["eight.png, unblurred", "eight.png"]
    assert facts["eight"]["untouched"]
    # In the layer itself, and where the selection is only.
    assert facts["grey"]["layers"] == ["grey.png"]
    assert facts["selected"]["changed"] == [[4, 6, 20, 22]]
    # A layer beside the origin: the new one lies above it, masked by the selection.
    assert facts["moved"]["layers"] == ["moved, unblurred", "moved", "eight.png"]
    assert facts["moved"]["offsets"] == [[7, 9], [7, 9], [0, 0]]
    assert facts["moved"]["mask"]
    assert facts["visible"]["layers"] == ["Unblurred", "eight.png"]
    assert facts["missing"]["status"] == "execution-error"
    assert "/gone/python is not there any more" in facts["missing"]["said"]
    assert facts["missing"]["layers"] == ["eight.png"]


@needs_gimp
@needs_windows
@pytest.mark.thorough
def test_the_dialog_is_shown_and_what_is_answered_counts(pictures, screen, run):
    settings = pictures / "settings"
    settings.mkdir()
    install("gimp", machine=Machine(environment={"GIMP3_DIRECTORY": str(settings)}))
    assert run("restore", "eight.png", "-o", "done.png", "--method", "network").returncode == 0
    environment = {
        **os.environ,
        "DISPLAY": screen,
        "GIMP3_DIRECTORY": str(settings),
        "UNBLUR_PICTURES": str(pictures),
    }

    with (
        (pictures / "log").open("w") as log,
        subprocess.Popen(
            ["gimp-3.0", "-ndfs", *batch(WITH_WINDOWS)],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        ) as program,
    ):
        try:
            facts = {
                answer: answered(pictures / f"{answer}.json", key, environment)
                for answer, key in (("cancel", "Escape"), ("ok", "Return"))
            }
            program.wait(60)
        finally:
            program.kill()

    assert facts["cancel"] == {"status": "cancel", "layers": 1}
    assert facts["ok"] == {"status": "success", "layers": 2}
    before = pyvips.Image.new_from_file(pictures / "eight.png").numpy()
    restored = pyvips.Image.new_from_file(pictures / "done.png").numpy()
    for answer, expected in (("cancel", before), ("ok", restored)):
        raw = np.frombuffer((pictures / f"{answer}.raw").read_bytes(), np.uint8)
        np.testing.assert_array_equal(raw.reshape(expected.shape), expected)
    assert "unblur-restore" not in (pictures / "log").read_text()  # GIMP has nothing to complain of


def answered(notes, key, environment):
    """Press a key in the dialog until it is closed; what was noted then."""
    until = time.monotonic() + 300
    while not notes.exists():
        assert time.monotonic() < until, "no dialog"
        words = ["search", "--onlyvisible", "--name", "^Unblur$", "windowfocus", "key", key]
        subprocess.run(["xdotool", *words], env=environment, capture_output=True, check=False)
        time.sleep(1)
    return json.loads(notes.read_text())
