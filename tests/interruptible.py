"""A program that Ctrl-C stops, wherever the tests were started."""

import sys

# A shell's background job ignores Ctrl-C, and would hand that down through the tests.
PROGRAM = (
    "import signal, unblur.cli\n"
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "unblur.cli.main()\n"
)


def interruptible(*arguments: str, before: str = "") -> list[str]:
    """The command that runs ``unblur`` with these arguments; ``before`` is run first."""
    return [sys.executable, "-c", before + PROGRAM, *arguments]
