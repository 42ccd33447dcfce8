"""Every Python block and every command line of the pages runs, or is at least understood.

The rule, as CONTRIBUTING.md tells it: the blocks of a page run in order in one folder,
which has the small files of `readers_folder.py` at first; what a line's ``-o`` names is removed
before it and must be there afterwards; words in CAPITALS stand for a folder. The tutorial begins
with what a clone has, and nothing is removed. Command lines that
``ONLY_READ`` names, with the reason, and what stands within a sentence, are read by the command's
own parser and not run; later lines may use the network that such a line would have written.
"""

import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import typer

import unblur
from command_line import command_of
from readers_folder import ROOT, make_readers_folder
from unblur import cli
from unblur.errors import NetworkError

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [page for page in PAGES if "_build" not in page.parts]
ONLY_READ = {
    r"^unblur train": "trains for minutes or hours; tests/tasks/train/test_run.py trains a little",
    r"^unblur singan": "learns for minutes; tests/cli/test_singan.py does it on less",
    r"^unblur bench (gopro|kohler)": "needs a data set; test_bench.py has miniatures of both",
    r"^unblur bench detection": "needs a detector; test_cli_detection.py has a small one",
    r"^unblur bench speed": "measures for a minute",
    r"^unblur convert": "needs weights of the authors; test_cli_networks.py makes some",
    r"^unblur models (add|remove)": "needs others' networks; tests/tasks/foreign/ makes some",
    r"--model nafnet": "needs others' network; tests/tasks/foreign/ makes some",
    r"^unblur plugins (install|remove)": "needs an editor; tests/tasks/plugins/ has folders",
    r"^unblur export": "needs a training; test_cli_networks.py has a short one",
    r"^unblur (restore .*|kernel .*)--reference": "takes seconds; tests/cli/test_reference.py does",
    r"^unblur data kernels": "makes hundreds of tries; tests/cli/test_data.py makes a few",
    r"^unblur doctor": "measures for some seconds; test_cli_doctor.py does",
    r"^unblur serve": "waits for visitors",
    r"^unblur scale": "starts a cluster, or measures; test_scale.py has both",
    r"^unblur video .*--start 12 --duration 3": "needs a longer clip; test_cli_video.py cuts one",
}
NO_PYTHON = {"web-server.md": "talks to a server that runs; the tests of the page do that"}
NOT_OURS = re.compile(
    r"^(pipx?|uvx?|docker|make|tensorboard|git|cd|python3?|source \.venv|curl|npm)\b|^\. \.venv"
)
CAPITALS = {
    "PHOTOS": "photos",
    "SHARP_PHOTOS": "photos",
    "PAIRS": "pairs",
    "DIR": "pairs",
    "RESULTS": "results",
    "THEIRS": "results",
    "FRAMES": "frames",
    "REPORT": "report",
    "PORT": "8000",
}
WRITES = ("-o", "--out", "--picture")


def shell_lines(text):
    """Lines of indented and of fenced shell blocks, without their comments."""
    text = re.sub(r"\s*\\\n\s*", " ", text)
    fenced = "\n".join(re.findall(r"```(?:sh|bash|console)\n(.*?)```", text, re.S))
    outside = re.sub(r"```\w+\n.*?```", "", text, flags=re.S)
    indented = "\n".join(re.findall(r"^    (?! )(.*)(?:$)", without_lists(outside), re.M))
    lines = f"{fenced}\n{indented}".splitlines()
    return [line for x in lines if (line := re.sub(r"(^|\s)#\s.*", "", x).strip("$ ").strip())]


def without_lists(text):
    """Four spaces mean code, but not below a list."""
    return re.sub(r"^(?:[-*]|\d+\.) .*(?:\n(?: {2,}.*)?)*", "", text, flags=re.M)


def inline_commands(text):
    text = re.sub(r"```.*?```", "", text, flags=re.S)
    return [" ".join(x.split()) for x in re.findall(r"`((?:unblur|python) [^`]+)`", text)]


def python_blocks(text):
    return re.findall(r"```python\n(.*?)```", text, re.S)


def in_pages(find):
    """Each thing with its page, once."""
    found = [(page, x) for page in PAGES for x in find(page.read_text(encoding="utf-8"))]
    return [
        pytest.param(page, x, id=f"{page.relative_to(ROOT)}: {str(x).strip().splitlines()[0]}")
        for page, x in dict.fromkeys(found)
    ]


def in_small_letters(command):
    def small(match):
        word = match[0]
        assert word in CAPITALS, f"{word}: say in CAPITALS of test_docs.py what it stands for"
        return CAPITALS[word]

    return re.sub(r"(?<![\w./-])[A-Z][A-Z_]{2,}(?=[\s/]|$)", small, command)


def why_only_read(command):
    return next((why for x, why in ONLY_READ.items() if re.search(x, command)), None)


def blocks(text):
    """Python blocks and shell lines, in the order in which they stand."""
    parts = re.split(r"```python\n(.*?)```", text, flags=re.S)
    for index, part in enumerate(parts):
        if index % 2:
            yield "python", part
        else:
            yield from (("shell", line) for line in shell_lines(part))


COMMANDS = [param for param in in_pages(shell_lines) if not NOT_OURS.match(param.values[1])]


RUN = [page for page in PAGES if list(blocks(page.read_text(encoding="utf-8")))]


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    return make_readers_folder(tmp_path_factory.mktemp("reader"))


@pytest.fixture
def folder(template, tmp_path, monkeypatch):
    shutil.copytree(template, tmp_path, symlinks=True, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_commands_and_python_are_found():
    named = {param.values[1].split()[1] for param in COMMANDS}
    assert {"restore", "blur", "video", "train", "singan", "bench"} <= named
    assert len(in_pages(python_blocks)) >= 4
    text = "a `unblur x\n--y` b\n\n    unblur a \\\n      --b  # c\n\n- x\n\n    no\n"
    text += "\n```sh\nunblur c\n```\n"
    assert shell_lines(text) == ["unblur c", "unblur a --b"]
    assert inline_commands(text) == ["unblur x --y"]


@pytest.mark.parametrize("page", RUN, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_blocks_of_a_page_run_in_order_in_one_place(page, folder, capfd, monkeypatch):
    from_nothing = page.name == "tutorial.md"
    if from_nothing:
        start_anew(folder)
    for kind, block in blocks(page.read_text(encoding="utf-8")):
        if kind == "python":
            run_python(page, block, folder)
        elif from_nothing and block.startswith("cd "):
            monkeypatch.chdir(block.removeprefix("cd "))
        elif not NOT_OURS.match(block):
            with monkeypatch.context() as patch:
                run_command(block, folder, capfd, patch, anew=not from_nothing)


def start_anew(folder):
    """Leave what a clone has, with a small photo for an example."""
    photo = (folder / "photo.jpg").read_bytes()
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    (folder / "examples").mkdir()
    (folder / "examples" / "shaken.jpg").write_bytes(photo)


def run_command(line, folder, capfd, monkeypatch, *, anew=True):
    command = in_small_letters(line)
    arguments = shlex.split(command, comments=True)
    written = [Path(b) for a, b in pairwise(arguments) if a in WRITES]
    if why_only_read(command):
        read(arguments)
        for path in written:
            pretend(path)
        return
    # What an earlier line of the page has written is in the way, where a reader starts anew.
    found = [*written, *folder.rglob("*.unblurred.*"), *folder.rglob("*.before-after.*")]
    for path in found if anew else ():
        if path.exists():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    if arguments[0] == "unblur" and not {"|", ">", "<"} & set(arguments):
        monkeypatch.setattr(sys, "argv", arguments)
        monkeypatch.setattr(typer.main, "get_command", command_of)
        with pytest.raises(SystemExit) as stop:
            cli.main()
        status, said = stop.value.code or 0, capfd.readouterr().err
    else:
        paths = f"{Path(sys.executable).parent}:/usr/bin:/bin"
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-ec", command], env={"PATH": paths}, check=False
        )
        status, said = done.returncode, capfd.readouterr().err
        said = "" if said.startswith("standard input -> standard output") else said

    said = re.sub(r"unblur: 1 folder not entered \(day1\).*\n", "", said)  # is to be told
    assert (status, said) == (0, ""), line
    assert all(path.exists() for path in written), line


def pretend(path):
    """What a line that is only read would have written, if later lines can need it: a network."""
    network = ROOT / "src" / "unblur" / "networks" / "fast.onnx"
    if path.suffix == ".onnx":
        path.symlink_to(network)
    elif path.parts[0] == "runs":
        path.mkdir(parents=True)
        (path / "generator.onnx").symlink_to(network)


def run_python(page, code, folder):
    if page.name in NO_PYTHON:
        compile(code, str(page), "exec")
        return
    for written in re.findall(r'write_photo\(.*"([^"]+)"\)', code):
        (folder / written).unlink(missing_ok=True)
    for path in folder.rglob("*.unblurred.*"):
        path.unlink()
    given = {"pixels": np.zeros((64, 64, 3), np.uint8), "__name__": "__main__"}

    exec(compile(code, str(page), "exec"), given)


def test_a_network_is_there_once_the_page_has_trained_it(folder):
    with pytest.raises(NetworkError):
        unblur.Restorer.open(unblur.RestoreOptions(model="runs/mine/generator.onnx"))

    pretend(Path("runs/mine"))

    unblur.Restorer.open(unblur.RestoreOptions(model="runs/mine/generator.onnx", method="network"))


@pytest.mark.parametrize("name", ["commands.md", "recipes.md"])
def test_generated_pages_are_current(name):
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)

    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == generate.PAGES[name]()


@pytest.mark.parametrize(("page", "command"), in_pages(inline_commands))
def test_the_command_within_a_sentence_exists(page, command):
    program, *arguments = shlex.split(command, comments=True)
    if program == "python":
        script = (ROOT / arguments[0]).read_text(encoding="utf-8")
        for flag in arguments[1:]:
            assert not flag.startswith("--") or f'"{flag}"' in script, flag
        return
    found, rest = descend(arguments)
    known = {name for option in found.params for name in option.opts + option.secondary_opts}
    for flag in rest:
        assert not flag.startswith("-") or flag in {*known, "--help", "-"}, flag


def descend(arguments):
    """The command that the first words name, and the other words."""
    found, rest = command_of(cli.app), list(arguments)
    group = found
    while hasattr(found, "commands") and rest and rest[0] in found.commands:
        group, found = found, found.commands[rest.pop(0)]
    if rest and rest[0] in getattr(found, "within", ()):
        found = group.commands[rest.pop(0)]
    if found is group and rest and re.search(r"\.\w+$|^-$", rest[0]):  # a photo, no command
        found = group.commands["restore"]
    return found, rest


def read(arguments):
    """Let the command's own parser read its arguments; it fails on what it does not know."""
    found, rest = descend(arguments[1:])
    assert not hasattr(found, "commands"), f"no such command: {shlex.join(arguments)}"
    found.make_context(found.name, rest)


def test_every_page_is_in_both_indexes():
    folder = ROOT / "docs"
    pages = {
        str(page.relative_to(folder).with_suffix("")) for page in PAGES if folder in page.parents
    }
    trees = re.findall(r"```{toctree}\n(.*?)```", (folder / "index.md").read_text(), re.S)
    listed = [line for tree in trees for line in tree.splitlines() if line and line[0] != ":"]

    assert sorted(listed) == sorted(pages - {"index", "README"})
    on_github = re.findall(r"\]\((\S+?)\.md\)", (folder / "README.md").read_text())
    assert set(on_github) >= pages - {"index", "README", "reference"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_to_files_that_exist(page):
    for target in re.findall(r"\]\(([^)\s#]+)", page.read_text(encoding="utf-8")):
        assert re.match(r"https?://", target) or (page.parent / target).exists(), target
