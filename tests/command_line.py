"""The command line, called in the process of the tests."""

import logging
import os
import signal
import sys
import warnings
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
import typer

SIGNALS = (signal.SIGINT, signal.SIGTERM)

_command = cache(typer.main.get_command)
"""Made of the functions' signatures, of all commands: a tenth of a second each time."""


@contextmanager
def as_it_was():
    """Put back what a command may leave changed, since its process is thought to end."""
    environment = dict(os.environ)
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    loggers = [x for x in logging.root.manager.loggerDict.values() if isinstance(x, logging.Logger)]
    levels = {logger: logger.level for logger in loggers}
    try:
        with warnings.catch_warnings():
            yield
    finally:
        if dict(os.environ) != environment:
            os.environ.clear()
            os.environ.update(environment)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for logger, level in levels.items():
            logger.setLevel(level)


def call_command(*arguments, folder):
    """Run ``unblur`` with these arguments in a folder, without anything on standard input.

    Returns:
        The exit status that the process would have had.
    """
    from unblur.cli import main

    with (
        as_it_was(),
        pytest.MonkeyPatch.context() as patch,
        Path(os.devnull).open() as nothing,
    ):
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["unblur", *map(str, arguments)])
        patch.setattr(sys, "stdin", nothing)
        patch.setattr(typer.main, "get_command", _command)
        with pytest.raises(SystemExit) as stop:
            main()
    return stop.value.code or 0
