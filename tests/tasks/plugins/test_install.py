"""Plug-ins go where editors look, call this unblur, and spare what is not unblur's."""

import json
import shutil
import subprocess
import sys
import zipfile

import pytest

from unblur.errors import OptionError, TargetError
from unblur.tasks.plugins.install import install, remove, states
from unblur.tasks.plugins.kinds import own_command
from unblur.tasks.plugins.places import Machine
from unblur.weights import find_network


@pytest.fixture
def machine(tmp_path):
    return Machine(system="linux", home=tmp_path, environment={})


def started(home, *folders):
    for folder in folders:
        (home / folder).mkdir(parents=True)


def files_below(folder):
    return sorted(str(x.relative_to(folder)) for x in folder.rglob("*") if x.is_file())


@pytest.mark.parametrize(
    ("system", "environment", "there", "expected"),
    [
        ("linux", {}, [".config/GIMP/3.0"], [".config/GIMP/3.0"]),
        (
            "linux",
            {},
            [".config/GIMP/2.10", ".config/GIMP/3.2", ".config/GIMP/3.10", ".config/GIMP/3.0"],
            [".config/GIMP/3.10"],
        ),
        (
            "linux",
            {},
            [".config/GIMP/3.0", ".var/app/org.gimp.GIMP/config/GIMP/3.2"],
            [".config/GIMP/3.0", ".var/app/org.gimp.GIMP/config/GIMP/3.2"],
        ),
        ("linux", {"XDG_CONFIG_HOME": "xdg"}, ["xdg/GIMP/3.0"], ["xdg/GIMP/3.0"]),
        ("linux", {"GIMP3_DIRECTORY": "mine"}, ["mine", ".config/GIMP/3.0"], ["mine"]),
        (
            "darwin",
            {},
            ["Library/Application Support/GIMP/3.0"],
            ["Library/Application Support/GIMP/3.0"],
        ),
        ("win32", {"APPDATA": "Roaming"}, ["Roaming/GIMP/3.0"], ["Roaming/GIMP/3.0"]),
    ],
)
def test_gimp_looks_into_the_folder_of_its_version(tmp_path, system, environment, there, expected):
    started(tmp_path, *there)
    named = {name: str(tmp_path / folder) for name, folder in environment.items()}
    machine = Machine(system=system, home=tmp_path, environment=named)

    put = install("gimp", machine=machine)

    assert [state.folder for state in put] == [
        tmp_path / folder / "plug-ins" / "unblur" for folder in expected
    ]
    for state in put:
        assert files_below(state.folder) == ["unblur-plugin.json", "unblur.py", "unblur_command.py"]


def test_what_is_put_there_calls_this_very_unblur(machine, tmp_path):
    started(tmp_path, ".config/GIMP/3.0")
    (state,) = install("gimp", machine=machine)

    notes = json.loads((state.folder / "unblur-plugin.json").read_text())
    assert notes["command"] == [sys.executable, "-P", "-m", "unblur"]
    # In the plug-in's folder, where a file unblur.py would be taken for the package.
    said = subprocess.run(
        [*notes["command"], "--version"],
        cwd=state.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == f"unblur {state.version}\n"
    if sys.platform != "win32":
        assert (state.folder / "unblur.py").stat().st_mode & 0o111 == 0o111


def test_one_file_names_itself(monkeypatch, tmp_path):
    one = tmp_path / "unblur.pyz"
    with zipfile.ZipFile(one, "w") as archive:
        archive.writestr("__main__.py", "")
    monkeypatch.setattr(sys, "argv", [str(one)])
    assert own_command() == [sys.executable, str(one)]
    one.rename(tmp_path / "unblur.exe")  # what pip makes on Windows has a ZIP file at its end
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "unblur.exe")])
    assert own_command() == [sys.executable, "-P", "-m", "unblur"]


def test_a_file_of_another_stays_unless_overwrite_is_said(machine, tmp_path):
    folder = tmp_path / ".config/GIMP/3.0/plug-ins/unblur"
    started(tmp_path, folder)
    (folder / "unblur.py").write_text("mine")

    with pytest.raises(TargetError, match=r"unblur\.py: is there already.*--overwrite"):
        install("gimp", machine=machine)
    assert files_below(folder) == ["unblur.py"]
    assert (folder / "unblur.py").read_text() == "mine"

    install("gimp", overwrite=True, machine=machine)
    assert "Gimp.PlugIn" in (folder / "unblur.py").read_text()


def test_what_an_older_unblur_has_put_there_is_replaced_and_what_was_changed_is_not(
    machine, tmp_path
):
    started(tmp_path, ".config/GIMP/3.0")
    (state,) = install("gimp", machine=machine)
    install("gimp", machine=machine)
    file = state.folder / "unblur.py"
    file.write_text("# mine now\n")

    with pytest.raises(TargetError, match="--overwrite"):
        install("gimp", machine=machine)
    with pytest.raises(TargetError, match="was changed"):
        remove("gimp", machine=machine)
    assert file.read_text() == "# mine now\n"
    assert (state.folder / "unblur_command.py").exists()


def test_it_goes_without_a_trace_and_leaves_what_is_not_its_own(machine, tmp_path):
    started(tmp_path, ".config/GIMP/3.0")
    (state,) = install("gimp", machine=machine)
    started(state.folder, "__pycache__")
    assert [x.version for x in states(machine) if x.plugin.name == "gimp"] == [state.version]

    remove("gimp", machine=machine)

    assert not state.folder.exists()
    assert [x.version for x in states(machine) if x.plugin.name == "gimp"] == [None]
    with pytest.raises(OptionError, match="is not installed"):
        remove("gimp", machine=machine)

    install("gimp", machine=machine)
    (state.folder / "notes.txt").write_text("mine")
    remove("gimp", machine=machine)
    assert files_below(state.folder) == ["notes.txt"]


def test_without_an_editor_a_folder_can_be_named(machine, tmp_path):
    with pytest.raises(OptionError, match=r"no folder of GIMP 3 was found.*--to"):
        install("gimp", machine=machine)
    with pytest.raises(OptionError, match="no such folder"):
        install("gimp", to=tmp_path / "nowhere", machine=machine)
    with pytest.raises(OptionError, match="there are: gimp, darktable, darktable-network"):
        install("photoshop", machine=machine)

    (state,) = install("gimp", to=tmp_path, machine=machine)
    assert state.folder == tmp_path / "unblur"
    assert remove("gimp", to=tmp_path, machine=machine)[0].folder == state.folder


@pytest.mark.parametrize("before", [None, b"", b'require "mine"', b'require "mine"\r\nx = 1\r\n'])
def test_darktables_luarc_gets_a_line_and_loses_it(machine, tmp_path, before):
    started(tmp_path, ".config/darktable")
    luarc = tmp_path / ".config/darktable/luarc"
    if before is not None:
        luarc.write_bytes(before)

    install("darktable", machine=machine)
    install("darktable", machine=machine)

    said = luarc.read_bytes()
    assert said.startswith(before or b"")
    assert said.count(b'require "unblur/unblur"') == 1
    assert b'require "unblur/unblur"' in b"".join(said.splitlines(keepends=True)[-1:])
    remove("darktable", machine=machine)
    assert luarc.read_bytes().rstrip(b"\n") == (before or b"").rstrip(b"\n")


def test_darktables_network_is_where_its_sources_look(tmp_path):
    started(tmp_path, "xdg/darktable", "local/darktable")
    environment = {"XDG_CONFIG_HOME": str(tmp_path / "xdg"), "XDG_DATA_HOME": str(tmp_path / "d")}
    machine = Machine(system="linux", home=tmp_path, environment=environment)
    (state,) = install("darktable-network", machine=machine)
    assert state.folder == tmp_path / "d" / "darktable" / "models" / "denoise-unblur"
    said = json.loads((state.folder / "config.json").read_text())
    assert (said["id"], said["task"], said["backend"]) == ("denoise-unblur", "denoise", "onnx")
    assert (state.folder / "model.onnx").read_bytes() == find_network("fast").read_bytes()

    environment = {"LOCALAPPDATA": str(tmp_path / "local")}
    machine = Machine(system="win32", home=tmp_path, environment=environment)
    (state,) = install("darktable-network", machine=machine)
    assert state.folder == tmp_path / "local" / "darktable" / "models" / "denoise-unblur"


def test_the_network_takes_and_gives_what_darktable_does():
    # Values of sRGB from 0 to 1, planes of colours, square tiles of 256 to 2048 px.
    import onnxruntime

    session = onnxruntime.InferenceSession(find_network("fast"), providers=["CPUExecutionProvider"])
    (taken,), (given,) = session.get_inputs(), session.get_outputs()
    assert (taken.type, given.type) == ("tensor(float)", "tensor(float)")
    assert taken.shape[1] == given.shape[1] == 3
    assert session.get_modelmeta().custom_metadata_map["unblur.multiple_of"] == "16"


@pytest.mark.skipif(shutil.which("luac5.4") is None, reason="needs luac5.4, of Debian's lua5.4")
def test_what_darktable_loads_is_lua(machine, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", '/a "folder"\\naïve\n/python')
    started(tmp_path, ".config/darktable")
    (state,) = install("darktable", machine=machine)
    for file in state.folder.glob("*.lua"):
        subprocess.run(["luac5.4", "-p", file], check=True)
    code = f"io.write(dofile('{state.folder}/command.lua')[1])"
    said = subprocess.run(["lua5.4", "-e", code], capture_output=True, text=True, check=True)
    assert said.stdout == sys.executable


def test_the_command_says_where_it_put_it(run, tmp_path):
    done = run("plugins", "install", "gimp", "--to", tmp_path)
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        f"{tmp_path}: {tmp_path / 'unblur'}",
        "Restart GIMP; it is in Filters > Enhance > Unblur (motion blur)",
    ]
    (tmp_path / "unblur" / "unblur.py").write_text("mine")
    refused = run("plugins", "install", "gimp", "--to", tmp_path)
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert run("plugins", "install", "gimp", "--to", tmp_path, "--overwrite").returncode == 0
    assert run("plugins", "remove", "gimp", "--to", tmp_path).stdout == (
        f"removed {tmp_path / 'unblur'}\n"
    )


def test_the_list_says_where_each_is(run, tmp_path, monkeypatch):
    monkeypatch.setenv("GIMP3_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path / "none"))
    assert f"  not installed: {tmp_path / 'plug-ins' / 'unblur'}" in run("plugins").stdout
    assert run("plugins", "install", "gimp").returncode == 0
    said = run("plugins", "list").stdout
    assert f"  installed, of unblur 0.1.0: {tmp_path / 'plug-ins' / 'unblur'}" in said
    assert said.count("its editor was not found") == 2
    (line,) = run("plugins", "list", "--json").stdout.splitlines()
    assert json.loads(line)["name"] == "gimp"
