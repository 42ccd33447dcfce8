"""Say which tests take most of the processors, on a machine that others keep busy, too.

A plugin of pytest: user and system time of the process and of the children that it waited for. What
a server or a cluster takes shows where it is ended.

    .venv/bin/pytest -p processor_times -n 0 -m "not thorough and not benchmark" [TESTS]
"""

import os
from collections import Counter

import pytest

_SHOWN = 20
_taken = Counter()


def _seconds():
    return sum(os.times()[:4])


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    before = _seconds()
    result = yield
    _taken[item.nodeid] += _seconds() - before
    return result


def pytest_terminal_summary(terminalreporter):
    files = Counter()
    for test, seconds in _taken.items():
        files[test.split("::")[0]] += seconds
    terminalreporter.section(f"processor seconds: {_taken.total():.0f} in {len(_taken)} tests")
    for name, seconds in [*files.most_common(_SHOWN), *_taken.most_common(_SHOWN)]:
        terminalreporter.write_line(f"{seconds:8.1f}  {name}")
