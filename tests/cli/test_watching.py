"""The line on a terminal while one photo is restored: on a real pseudo-terminal."""

import os
import re
import select
import sys
import time

import numpy as np
import pytest

from unblur.cli.photos import watching as module
from unblur.cli.photos.watching import watching
from unblur.imaging.photo.photo import Photo, write_photo
from unblur.tasks.progress.stages import doing, heard
from unblur.tasks.restore.file import restore_file
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import shared_restorer

pty = pytest.importorskip("pty", reason="Windows has no pseudo-terminals")
ERASE, CURSOR = b"\x1b[2K", b"\x1b[?25h"


class Terminal:
    """What somebody sees who looks at standard error."""

    def __init__(self, master, slave, patch):
        self.master, self.slave, self.patch, self.seen = master, slave, patch, b""

    def look(self):
        """Look at it: within the test, since pytest puts its own stream there before that."""
        self.patch.setattr(sys, "stderr", self.slave)

    def read(self, seconds=0.05):
        while select.select([self.master], [], [], seconds)[0]:
            self.seen += os.read(self.master, 65536)
        return self.seen

    def wait_for(self, text):
        deadline = time.monotonic() + 60
        while text not in self.read():
            assert time.monotonic() < deadline, self.seen


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(module, "_AFTER_S", 0.0)
    master, slave = pty.openpty()
    with os.fdopen(slave, "w") as stderr:
        yield Terminal(master, stderr, monkeypatch)
    os.close(master)


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / f"{'long' * 10}.png"
    write_photo(Photo(pixels=np.full((8, 8, 3), 0.5, np.float32)), path)
    return path


def test_the_line_names_stage_and_time_left_and_goes_before_anything_is_printed(terminal, photo):
    terminal.look()
    with watching(photo, "auto", before=("open",)) as erase:
        terminal.wait_for(b"getting ready")
        doing("search")
        terminal.wait_for(b"longl\xe2\x80\xa6: looking for the shake")
        assert b" left" not in terminal.seen  # nothing has been seen of how fast it goes here
        doing("weigh")
        terminal.wait_for(b"a few seconds left")
        erase()
        seen = terminal.read()
        assert seen.count(ERASE) > 1
        assert seen.rindex(CURSOR) > seen.rindex(b"weighing")
        doing("undo")
        assert terminal.read(0.3) == seen


@pytest.mark.parametrize(
    ("columns", "name", "bar"),
    [(110, "longl", 24), (80, "longl", 12), (60, "longl", 0), (40, "", 0)],
)
def test_what_is_done_is_whole_on_terminals_of_any_width(
    terminal, photo, monkeypatch, columns, name, bar
):
    monkeypatch.setenv("COLUMNS", str(columns))
    terminal.look()
    with watching(photo, "auto"):
        doing("search")
        doing("weigh")
        terminal.wait_for(b"a few seconds left" if columns > 40 else b"what was found")
    line = re.sub(r"\x1b\[[0-9;?]*\w", "\n", terminal.seen.decode())
    last = [x for x in line.replace("\r", "\n").splitlines() if "weighing" in x][-1]
    assert "weighing what was found" in last
    assert last.startswith(name)
    assert ("━" in line) == (bar > 0)


def test_ctrl_c_takes_the_line_away(terminal, photo):
    terminal.look()

    def stopped():
        with watching(photo, "network"):
            terminal.wait_for(b"reading it")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()

    seen = terminal.read()
    assert seen.rindex(CURSOR) > seen.rindex(b"reading it")
    assert terminal.read(0.3) == seen


def test_nothing_is_drawn_that_ends_soon_or_is_hidden(terminal, photo, monkeypatch):
    terminal.look()
    with watching(photo, "auto", hidden=True):
        doing("search")
        assert terminal.read(0.3) == b""
    monkeypatch.setattr(module, "_AFTER_S", 60.0)
    with watching(photo, "auto"):
        doing("search")
    assert terminal.read(0.2) == b""


def test_nothing_is_drawn_where_nobody_looks(capfd, photo, monkeypatch):
    monkeypatch.setattr(module, "_AFTER_S", 0.0)
    with watching(photo, "auto"):
        doing("search")
        time.sleep(0.2)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("at", ["read", "restore", "write"])
def test_ctrl_c_between_stages_leaves_nothing_half_written(photo, at):
    def stop(stage, share):
        if stage == at:
            raise KeyboardInterrupt

    options = RestoreOptions(method="network")
    with heard(stop), pytest.raises(KeyboardInterrupt):
        restore_file(photo, shared_restorer(options))

    assert list(photo.parent.iterdir()) == [photo]
