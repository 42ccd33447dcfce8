"""The command line, called in the process of the tests."""

import io
import logging
import os
import signal
import sys
import warnings
from contextlib import contextmanager
from functools import cache

import pytest
import typer

SIGNALS = (signal.SIGINT, signal.SIGTERM)

command_of = cache(typer.main.get_command)
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


def call_command(*arguments, folder, given=b""):
    """Run ``unblur`` with these arguments in a folder.

    Args:
        arguments: Words.
        folder: Where.
        given: What is on standard input.

    Returns:
        The exit status that the process would have had.
    """
    from unblur.cli import main

    with (
        as_it_was(),
        pytest.MonkeyPatch.context() as patch,
        io.TextIOWrapper(io.BytesIO(given)) as stdin,
    ):
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["unblur", *map(str, arguments)])
        patch.setattr(sys, "stdin", stdin)
        patch.setattr(typer.main, "get_command", command_of)
        with pytest.raises(SystemExit) as stop:
            main()
    return stop.value.code or 0
