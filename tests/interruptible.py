"""A program that Ctrl-C stops, wherever the tests were started, and work that it stops anywhere."""

import sys
import threading

# A shell's background job ignores Ctrl-C, and would hand that down through the tests.
PROGRAM = (
    "import signal, unblur.cli\n"
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "unblur.cli.main()\n"
)


def interruptible(*arguments: str, before: str = "") -> list[str]:
    """The command that runs ``unblur`` with these arguments; ``before`` is run first."""
    return [sys.executable, "-c", before + PROGRAM, *arguments]


def interrupted(work, point, *, but):
    """Whether Ctrl-C came into some work at its so-manieth point; fails if it then waits forever.

    Args:
        work: Is run in a thread of its own.
        point: Calls, lines and returns are points.
        but: A file whose points do not count: the test's own.
    """
    seen, wrong = [0], []

    def interrupt(frame, event, argument):
        if frame.f_code.co_filename != but:
            seen[0] += 1
            if seen[0] == point:
                raise KeyboardInterrupt
        return interrupt

    def run():
        sys.settrace(interrupt)
        try:
            work()
        except KeyboardInterrupt:
            pass
        except BaseException as error:
            wrong.append(error)
        finally:
            sys.settrace(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive(), f"waits forever if it is interrupted at point {point}"
    assert not wrong, f"interrupted at point {point}: {wrong[0]!r}"
    return seen[0] >= point
