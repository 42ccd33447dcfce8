import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from unblur import checks, extras
from unblur.errors import MissingExtraError, OptionError


@dataclass
class Options:
    name: str = "a"
    share: float = 0.5
    count: int | None = None


def test_what_fits_passes_and_so_does_none_where_that_is_the_default():
    options = Options()

    checks.known(options, name=("a", "b"))
    checks.share(options, "share")
    checks.at_least(1, options, "count")
    checks.positive(options, "share", "count")


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (lambda x: checks.known(x, name=("a", "b")), "unknown name 'c'; known: a, b"),
        (lambda x: checks.one_of(x, name=("a", "b")), "name must be one of a, b, got 'c'"),
        (lambda x: checks.at_least(1, x, "count"), "count must be at least 1, got 0"),
        (lambda x: checks.positive(x, "count"), "count must be positive, got 0"),
        (lambda x: checks.not_negative(x, "share"), "share must not be negative, got -0.5"),
        (lambda x: checks.share(x, "share"), "share must be from 0 to 1, got -0.5"),
        (lambda x: checks.unit(x, "share"), r"share must be in \[0, 1\], got -0.5"),
        (lambda x: checks.below_one(x, "share"), r"share must be in \[0, 1\), got -0.5"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(check, said):
    with pytest.raises(OptionError, match=f"^{said}$"):
        check(Options(name="c", share=-0.5, count=0))


def test_none_and_no_number_are_refused_where_there_is_a_default():
    with pytest.raises(OptionError, match="unknown name None"):
        checks.known(Options(name=None), name=("a",))
    with pytest.raises(OptionError, match="share must be positive, got nan"):
        checks.positive(Options(share=float("nan")), "share")


def test_the_modules_of_an_extra_are_those_that_it_installs():
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    installed = tomllib.loads(text)["project"]["optional-dependencies"]

    for extra, modules in extras.MODULES.items():
        named = {re.match(r"[\w-]+", line)[0].replace("-", "_") for line in installed[extra]}
        packages = {extras.PACKAGES.get(name, name).replace("-", "_") for name in modules}
        assert packages <= named, extra


def test_what_is_missing_of_an_extra_is_named_with_the_line_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)

    extras.need("reference", "skimage")
    with pytest.raises(MissingExtraError, match=r"^opencv-python-headless is .*\[reference\]"):
        extras.need("reference")
