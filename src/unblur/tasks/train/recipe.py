"""Recipes: TOML files that become checked options, and back."""

import dataclasses
import difflib
import json
import tomllib
import types
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from unblur.errors import OptionError

Options = TypeVar("Options")


def load_recipe(path: Path, kind: type[Options]) -> Options:
    """Read a recipe.

    Args:
        path: A TOML file.
        kind: The dataclass of options that it fills; tables fill nested dataclasses.

    Returns:
        The options, with defaults for what the recipe does not say.

    Raises:
        OptionError: If the file is missing or not TOML, or a key or value does not fit; the
            message names the file and, for a key, the closest known one.
    """
    table = read_table(path)
    try:
        return _fill(kind, table, prefix="")
    except OptionError as error:
        raise OptionError(f"{path}: {error}") from error


def read_table(path: Path) -> dict[str, Any]:
    """What a TOML file says, unchecked.

    Raises:
        OptionError: If the file is missing or not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OptionError(f"{path}: cannot read this recipe ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OptionError(f"{path}: not a TOML file ({error})") from error


def dump_recipe(options: Any) -> str:
    """The text of a recipe that loads as these options."""
    plain: list[str] = []
    tables: list[str] = []
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if dataclasses.is_dataclass(value):
            tables.append(f"\n[{field.name}]\n{dump_recipe(value)}")
        else:
            # JSON writes strings, numbers, booleans and lists as TOML does.
            plain.append(f"{field.name} = {json.dumps(value)}\n")
    return "".join(plain + tables)


def _fill(kind: type[Options], table: dict[str, Any], *, prefix: str) -> Options:
    hints = get_type_hints(kind)
    values = {}
    for key, value in table.items():
        if key not in hints:
            close = difflib.get_close_matches(key, hints, n=1, cutoff=0.5)
            hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(hints)}"
            raise OptionError(f"unknown key {prefix + key!r}; {hint}")
        values[key] = _convert(hints[key], value, prefix + key)
    return kind(**values)


def _convert(hint: Any, value: Any, key: str) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, dict):
            raise OptionError(f"{key} must be a table, got {value!r}")
        return _fill(hint, value, prefix=f"{key}.")
    if get_origin(hint) is tuple:
        kinds = get_args(hint)
        if not isinstance(value, list):
            raise OptionError(f"{key} must be a list, got {value!r}")
        if kinds[-1] is Ellipsis:  # tuple[X, ...]: any number of values
            kinds = (kinds[0],) * len(value)
        if len(value) != len(kinds):
            raise OptionError(f"{key} must be a list of {len(kinds)} values, got {value!r}")
        return tuple(_convert(k, v, key) for k, v in zip(kinds, value, strict=True))
    if isinstance(hint, types.UnionType):
        hint = next(k for k in get_args(hint) if k is not type(None))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise OptionError(f"{key} must be {hint.__name__}, got {value!r}")
    return value
