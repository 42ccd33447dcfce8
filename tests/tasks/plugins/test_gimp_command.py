"""What the plug-in for GIMP does outside of GIMP: find the command, run it, say what went wrong."""

import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

import unblur
from reference_pairs import shaken
from unblur.imaging.photo.photo import Photo, read_photo, write_photo
from unblur.tasks.plugins.kinds import own_command

FOLDER = Path(unblur.__file__).parent / "plugins" / "gimp"
NO_SHEBANG = pytest.mark.skipif(sys.platform == "win32", reason="scripts are started by #! here")


@pytest.fixture(scope="module")
def helper():
    spec = importlib.util.spec_from_file_location("helper", FOLDER / "unblur_command.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def note(folder, command):
    (folder / "unblur-plugin.json").write_text(json.dumps({"command": command}))


def program(path, *lines):
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join([f"#!{sys.executable}", *lines, ""]))
    path.chmod(0o755)
    return path


def test_the_noted_command_goes_before_the_path(helper, tmp_path):
    note(tmp_path, [sys.executable, "-P", "-m", "unblur"])
    assert helper.find_command(tmp_path) == [sys.executable, "-P", "-m", "unblur"]


@NO_SHEBANG
def test_without_it_the_path_is_asked(helper, tmp_path, monkeypatch):
    found = program(tmp_path / "bin" / "unblur")
    monkeypatch.setenv("PATH", str(found.parent))
    for command in (["/gone/python"], "no list", []):
        note(tmp_path, command)
        assert helper.find_command(tmp_path) == [str(found)]


def test_where_there_is_none_a_person_learns_what_to_do(helper, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(helper.CommandError, match="unblur plugins install gimp"):
        helper.find_command(tmp_path)
    note(tmp_path, ["/gone/python", "-m", "unblur"])
    with pytest.raises(helper.CommandError, match="/gone/python is not there any more"):
        helper.find_command(tmp_path)


def test_it_restores_as_the_command_does(helper, astronaut, tmp_path, run):
    source = tmp_path / "blurred.png"
    write_photo(Photo(pixels=shaken(astronaut[:96, :128])), source)
    told = ("--method", "network", "--strength", "0.5", "--json")
    by_hand = json.loads(run("restore", source, "-o", "by-hand.png", *told).stdout)
    ticks = []

    said = helper.restore(
        own_command(),
        source,
        tmp_path / "by-plug-in.png",
        method="network",
        strength=0.5,
        tick=lambda: ticks.append(1),
    )

    assert said == "; ".join(by_hand["notes"])
    assert ticks
    expected = read_photo(tmp_path / "by-hand.png").pixels
    np.testing.assert_array_equal(read_photo(tmp_path / "by-plug-in.png").pixels, expected)
    assert not np.array_equal(expected, read_photo(source).pixels)


def test_what_the_command_complains_of_is_told(helper, tmp_path):
    (tmp_path / "no.png").write_bytes(b"no picture")
    with pytest.raises(helper.CommandError, match=r"unblur has failed: .*no\.png"):
        helper.restore(
            own_command(),
            tmp_path / "no.png",
            tmp_path / "out.png",
            method="auto",
            strength=1.0,
            tick=lambda: None,
        )
    with pytest.raises(helper.CommandError, match="/gone/unblur cannot be started"):
        helper.restore(
            ["/gone/unblur"],
            tmp_path / "no.png",
            tmp_path / "out.png",
            method="auto",
            strength=1.0,
            tick=lambda: None,
        )


@NO_SHEBANG
def test_gimps_own_libraries_are_not_handed_on(helper, tmp_path, monkeypatch):
    seen = tmp_path / "seen.json"
    command = program(
        tmp_path / "unblur",
        "import json, os, sys",
        f"json.dump([sys.argv, dict(os.environ)], open({str(seen)!r}, 'w'))",
        "open(sys.argv[4], 'w').close()",
    )
    for name in ("LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH"):
        monkeypatch.setitem(os.environ, name, "/of/gimp")

    helper.restore(
        [str(command)],
        tmp_path / "a.png",
        tmp_path / "b.png",
        method="blind",
        strength=0.25,
        tick=lambda: None,
    )

    arguments, environment = json.loads(seen.read_text())
    assert arguments[1:5] == ["restore", str(tmp_path / "a.png"), "--out", str(tmp_path / "b.png")]
    assert arguments[5:9] == ["--method", "blind", "--strength", "0.25"]
    assert not {"LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH"} & set(environment)


@NO_SHEBANG
def test_in_a_flatpak_the_command_is_started_outside(helper, tmp_path, monkeypatch):
    monkeypatch.setattr(helper, "_FLATPAK", tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    note(tmp_path, ["/not/seen/from/within/python"])
    assert helper.find_command(tmp_path) == ["/not/seen/from/within/python"]
    assert helper.scratch() == tmp_path / "cache"
    program(
        tmp_path / "bin" / "flatpak-spawn",
        "import sys",
        "assert sys.argv[1:4] == ['--host', '--watch-bus', '/outside/unblur']",
        "sys.exit('Portal call failed: org.freedesktop.DBus.Error.ServiceUnknown')",
    )
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    assert shutil.which("flatpak-spawn") == str(tmp_path / "bin" / "flatpak-spawn")
    with pytest.raises(helper.CommandError, match="flatpak override --user --talk-name"):
        helper.restore(
            ["/outside/unblur"],
            tmp_path / "a.png",
            tmp_path / "b.png",
            method="auto",
            strength=1.0,
            tick=lambda: None,
        )
