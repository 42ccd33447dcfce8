"""How options refuse a value: one sentence for each kind of mistake.

Each function looks at attributes of a dataclass by their names, and passes over None where that is
the default.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from unblur.errors import OptionError


def known(options: object, **names: Collection[str]) -> None:
    """Check that values are among the names that are known.

    Raises:
        OptionError: If one is not.
    """
    for option, value in _given(options, names):
        check_known(option, value, names[option])


def check_known(option: str, value: object, allowed: Collection[str]) -> None:
    """Check that the value of an option is among the names that are known.

    Raises:
        OptionError: If it is not.
    """
    if value not in allowed:
        raise OptionError(f"unknown {option} {value!r}; known: {', '.join(allowed)}")


def one_of(options: object, **names: Iterable[str]) -> None:
    """Check the same, in the words of recipes and data sets.

    Raises:
        OptionError: If a value is another.
    """
    for option, value in _given(options, names):
        wanted = tuple(names[option])
        if value not in wanted:
            raise OptionError(f"{option} must be one of {', '.join(wanted)}, got {value!r}")


def only(options: object, **values: object) -> None:
    """Check that options have the one value that they may have.

    Raises:
        OptionError: If one has another.
    """
    for option, value in _given(options, values):
        if value != values[option]:
            raise OptionError(f"{option} is {values[option]} here, got {value!r}")


def at_least(least: float, options: object, *names: str) -> None:
    """Check that values are not smaller.

    Raises:
        OptionError: If one is.
    """
    _each(options, names, lambda value: value >= least, f"be at least {least}")


def positive(options: object, *names: str) -> None:
    """Check that values are above 0.

    Raises:
        OptionError: If one is not.
    """
    _each(options, names, lambda value: value > 0, "be positive")


def not_negative(options: object, *names: str) -> None:
    """Check that values are 0 or more.

    Raises:
        OptionError: If one is not.
    """
    _each(options, names, lambda value: value >= 0, "not be negative")


def share(options: object, *names: str) -> None:
    """Check that values are shares of a whole.

    Raises:
        OptionError: If one is not from 0 to 1.
    """
    try:
        _each(options, names, lambda value: 0 <= value <= 1, "be from 0 to 1")
    except OptionError as error:
        error.in_flags = f"{error}; half is 0.5 or 50%"
        raise


def unit(options: object, *names: str) -> None:
    """Check the same, in the words of recipes and data sets.

    Raises:
        OptionError: If a value is outside [0, 1].
    """
    _each(options, names, lambda value: 0 <= value <= 1, "be in [0, 1]")


def below_one(options: object, *names: str) -> None:
    """Check that values are shares, but for the whole.

    Raises:
        OptionError: If one is outside [0, 1).
    """
    _each(options, names, lambda value: 0 <= value < 1, "be in [0, 1)")


def _each(options: object, names: Iterable[str], fits: Callable[[Any], bool], words: str) -> None:
    for name, value in _given(options, names):
        if not fits(value):
            raise OptionError(f"{name} must {words}, got {value}")


def _given(options: Any, names: Iterable[str]) -> Iterator[tuple[str, Any]]:
    fields = options.__dataclass_fields__
    for name in names:
        value = getattr(options, name)
        if value is not None or fields[name].default is not None:
            yield name, value
