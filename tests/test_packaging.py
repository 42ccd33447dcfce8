"""The container is given all that it copies. That builds are the same twice, `make dist` shows."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CLONE = pytest.mark.skipif(not (ROOT / ".dockerignore").is_file(), reason="needs a clone")


@CLONE
@pytest.mark.parametrize("name", ["Dockerfile", "packaging/Dockerfile.cuda"])
def test_the_container_is_given_what_it_copies_and_no_root(name):
    said = (ROOT / name).read_text()
    let_through = re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text(), re.M)
    copied = [
        x for line in re.findall(r"^COPY (?!--from)(.*) \S+$", said, re.M) for x in line.split()
    ]
    assert copied
    assert set(copied) == set(let_through)
    assert all((ROOT / x).exists() for x in copied)
    (user,) = re.findall(r"^USER (\d+):\d+$", said, re.M)
    assert int(user) > 0
    # What the package's own build needs is among it.
    for line in re.findall(r'^(?:readme|license-files) = .*"(.*?)"', _project(), re.M):
        assert line in copied


def _project():
    return (ROOT / "pyproject.toml").read_text()
