import re
import shutil
import subprocess

import pytest
import typer

from all_parameters import all_parameters
from unblur import __version__
from unblur.cli import app
from unblur.cli.help import manual

COMMANDS = typer.main.get_command(app)


@pytest.fixture(scope="module")
def page():
    return "\n".join(manual.write_manual(COMMANDS, version=__version__)) + "\n"


def shown(page):
    """The page without its markup, roughly."""
    plain = re.sub(r"\\f[BIR]|\\&", "", page)
    return plain.replace(r"\-", "-").replace(r"\(aq", "'").replace(r"\(ga", "`")


def sections(page):
    """The text of each command."""
    found = re.split(r'^\.SS "(.*)"\n', shown(page), flags=re.M)
    return dict(zip(found[1::2], found[2::2], strict=True))


def test_every_command_and_every_option_is_there(page):
    of = sections(page)
    told = 0
    for path, command, parameter in all_parameters(COMMANDS):
        if path == "" or hasattr(command, "commands"):
            continue
        for name in (*parameter.opts, *parameter.secondary_opts):
            if name.startswith("-") and name not in {"-h", "--help"}:
                assert re.search(rf"(?<![\w-]){name}(?![\w-])", of[f"unblur {path}"]), (path, name)
                told += 1
    assert told > 150
    assert {"unblur restore", "unblur bench kohler", "unblur singan fit", "unblur man"} <= set(of)
    assert {"unblur scale plan", "unblur blur average", "unblur shakes"} <= set(of)
    assert not {"unblur plan", "unblur average", "unblur kernels"} & set(of)
    assert "--version" in shown(page).split(".SH COMMANDS")[0]


def test_the_help_of_a_command_is_told_in_full(page):
    restore = " ".join(sections(page)["unblur restore"].split())

    assert "unblur restore [OPTION...] PHOTO..." in restore
    assert "Exit status: 0 all restored, 1 some failed, 2 wrong use." in restore
    assert "patterns such as 'holiday/*.jpg', or - for a photo on standard input" in restore
    assert "A name from `unblur models`, or FILE.onnx. [default: fast]" in restore


@pytest.mark.parametrize("group", [(), ("bench",), ("data",), ("singan",)])
def test_what_a_list_of_commands_says_of_each_is_whole_at_80_columns(run, group, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")

    done = run(*group, "--help")

    listed = re.findall(r"^  [a-z]\S* .*", done.stdout.split("--help")[1], re.M)
    assert len(listed) == {(): 20, ("bench",): 5, ("data",): 2, ("singan",): 3}[group]
    assert all(line.endswith(".") for line in listed)
    assert "..." not in listed


def test_it_is_ascii_and_no_line_is_taken_for_a_macro(page):
    page.encode("ascii")
    assert "K\\[u00F6]hler" in page
    macros = {line.split()[0] for line in page.splitlines() if line.startswith((".", "'"))}
    assert macros == {".TH", ".SH", ".SS", ".TP", ".PP"}


def test_signs_of_roff_are_escaped():
    assert manual.roff(r".a\b - 'c' `d` ~ ^") == r"\&.a\eb \- \(aqc\(aq \(gad\(ga \(ti \(ha"


def test_the_command_prints_the_page(run, page):
    done = run("man")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == page


@pytest.mark.skipif(shutil.which("groff") is None, reason="needs groff")
def test_groff_has_nothing_to_say_against_it(page):
    done = subprocess.run(
        ["groff", "-man", "-ww", "-z"], input=page, capture_output=True, text=True, check=True
    )

    assert (done.stdout, done.stderr) == ("", "")
