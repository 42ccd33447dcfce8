"""How commands are found: help in panels, a photo as the first word, commands within, old names."""

import re
import shutil
import subprocess
import sys

import pytest
import typer

from unblur.cli import app, panels

ROOT_COMMAND = typer.main.get_command(app)
QUICK = ("--method", "unsharp-mask")
EVERYDAY = (
    *("--out", "--recursive", "--method", "--strength"),
    *("--reference", "--preview", "--overwrite", "--quiet"),
)


def test_the_help_of_all_commands_fits_one_screen_in_panels(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")

    shown = run("--help").stdout

    assert len(shown.splitlines()) <= 50
    assert max(map(len, shown.splitlines())) <= 80
    assert re.findall(r"^(\w.*):$", shown, re.M) == [
        *("Options", "Photos", "Make pairs", "Train and compare", "Many machines", "Help")
    ]
    assert not {*panels.RENAMED} & set(re.findall(r"^  (\S+)", shown, re.M))


def test_the_help_of_restore_shows_the_everyday_options_first(run):
    shown = run("restore", "--help").stdout

    assert tuple(re.findall(r"^  (?:-\w, )?(--[\w-]+)", shown, re.M))[:8] == EVERYDAY
    everyday = shown.split("Options:")[1].split("\n\n")[0]
    assert re.findall(r"(--[\w-]+) ", everyday)[-1] == "--help"


def test_the_files_of_other_commands_are_not_read():
    program = (
        "import sys\n"
        "from unblur.cli import app\n"
        "app(['restore', '--help'], standalone_mode=False)\n"
        "print(sorted(x for x in sys.modules if x.startswith('unblur.cli.')), file=sys.stderr)\n"
    )

    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=True, capture_output=True, text=True)

    read = re.findall(r"unblur\.cli\.\w+\.(\w+)", done.stderr)
    assert read == ["restore"]


def test_a_photo_in_place_of_a_command_is_restored(run, photo, tmp_path):
    done = run("photo.jpg", *QUICK)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("photo.jpg -> photo.unblurred.jpg")
    assert (tmp_path / "photo.unblurred.jpg").is_file()


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("missing.jpg", "unblur: missing.jpg: cannot be opened (no such file or directory)"),
        ("*.gif", "unblur: *.gif: no photo fits this pattern"),
        ("diagnosee", "Did you mean 'diagnose'"),
        ("nothing", "No such command 'nothing'"),
    ],
)
def test_what_is_no_photo_and_no_command_is_said(run, word, said):
    done = run(word, *QUICK)

    assert done.returncode in {1, 2}
    assert said in done.stderr


@pytest.mark.parametrize(
    ("command", "option", "hint"),
    [
        ("restore", "--sharpness", "--strength"),
        ("restore", "--streng", "--strength"),
        ("restore", "--output", "--out"),
        ("restore", "--recursiv", "--recursive"),
        ("restore", "--colour", None),
        ("serve", "--sharpness", None),
        ("models list", "--jsn", "--json"),
    ],
)
def test_an_option_that_there_is_not_gets_a_sensible_hint_or_none(run, command, option, hint):
    done = run(*command.split(), option, "x")

    assert done.returncode == 2
    assert f"No such option: {option}" in done.stderr
    hints = re.findall(r"--[\w-]+", done.stderr.split(f"No such option: {option}")[1])
    assert hints == ([hint] if hint else [])


def test_options_may_come_before_the_photo_too(run, photo, tmp_path):
    done = run(*QUICK, "--out=x.png", photo)

    assert (done.returncode, (tmp_path / "x.png").exists()) == (0, True)
    assert run("--version").stdout.startswith("unblur ")


def test_a_strength_in_percent_is_told_how_shares_are_written(run, photo):
    done = run("restore", photo, "--strength", "50")

    assert done.returncode == 2
    assert done.stderr == "unblur: strength must be from 0 to 1, got 50.0; half is 0.5 or 50%\n"


def test_a_strength_may_be_written_in_percent_as_the_page_says_it(run, photo, tmp_path):
    for name, half in (("share.png", "0.5"), ("percent.png", "50%"), ("spaced.png", "50 %")):
        done = run(photo, *QUICK, "--strength", half, "-o", name)
        assert done.returncode == 0, done.stderr
    as_share = (tmp_path / "share.png").read_bytes()
    assert (tmp_path / "percent.png").read_bytes() == as_share
    assert (tmp_path / "spaced.png").read_bytes() == as_share

    done = run("restore", photo, "--strength", "half")

    assert done.returncode == 2
    assert "'half' is no share; half is 0.5 or 50%" in done.stderr


def test_a_folder_of_a_command_s_name_is_named_as_a_path(run, photo, tmp_path):
    (tmp_path / "scale").mkdir()
    shutil.copy(photo, tmp_path / "scale")

    done = run("./scale", *QUICK)

    assert done.returncode == 0
    assert (tmp_path / "scale-unblurred" / "photo.unblurred.jpg").is_file()


def test_commands_within_others_have_help_of_their_own(run):
    scale, plan = run("scale", "--help").stdout, run("scale", "plan", "--help").stdout

    assert "\nCommands:\n  plan  Estimate time, machines and cost of an archive." in scale
    assert plan.startswith("Usage: unblur scale plan [OPTIONS]")
    assert "--workers" in scale
    assert "--workers" not in plan
    assert run("blur", "average", "--help").stdout.startswith("Usage: unblur blur average ")


@pytest.mark.parametrize("old", panels.RENAMED)
def test_old_names_work_and_say_the_new_one(run, old):
    shown = run(old, "--help")
    new = run(*panels.RENAMED[old].split(), "--help")

    assert (shown.returncode, new.stderr) == (0, "")
    assert f"`unblur {old}` is called `unblur {panels.RENAMED[old]}` now" in shown.stderr
    assert shown.stdout.split("\n\n", 1)[1] == new.stdout.split("\n\n", 1)[1]
