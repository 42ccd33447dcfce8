"""Write the pages that say what the program says: all commands, and all keys of recipes.

    python docs/generate.py

A test fails when a page is not what this would write.
"""

import ast
import inspect
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import typer

DOCS = Path(__file__).parent
SOURCE = DOCS.parent / "src" / "unblur"
_TYPE = re.compile(r"<(?:list\[)?(\w+)(?: range)?\]?>")


def commands_page() -> str:
    """All commands and their options, from their help."""
    from unblur.cli import app

    root: Any = typer.main.get_command(app)
    context = root.make_context("unblur", [], resilient_parsing=True)
    lines = [
        "# All commands",
        "",
        "What `unblur COMMAND --help` says, on one page. `python docs/generate.py` writes it from",
        "the help, and a test compares the two.",
    ]
    panels: dict[str, list[str]] = {}
    for name, command in root.commands.items():
        if not command.hidden:
            said = _group(root, context, name, command)
            panels.setdefault(command.rich_help_panel, []).extend(said)
    for panel, said in panels.items():
        lines += ["", f"## {panel}", *said]
    return "\n".join(lines) + "\n"


def recipes_page() -> str:
    """All keys of all recipes, from the dataclasses that check them."""
    lines = [
        "# All keys of a recipe",
        "",
        "A recipe is a TOML file in `recipes/`; [Train](train.md) says how to use one. What it",
        "does not say has the default below. An unknown key is an error that names the closest.",
        "`python docs/generate.py` writes this page from the code, and a test compares the two.",
    ]
    for title, file, kind in (
        ("A plain network, such as `fast`: no `method`", "tasks/train/supervised", "TrainOptions"),
        (
            'DeblurGAN and its kin: `method = "adversarial"`',
            "tasks/train/adversarial",
            "AdversarialOptions",
        ),
        ("`[loss]` of these", "tasks/train/adversarial", "AdversarialLossOptions"),
        ("`[data]` of both: how pairs are made", "data/synthetic", "SyntheticOptions"),
        ("`[mix]` of both: how often each kind of data comes", "tasks/train/data", "MixOptions"),
        (
            'The network that knows the kernel: `method = "guided"`',
            "tasks/train/kernels/guided",
            "GuidedOptions",
        ),
        ("`[data]` of that", "data/kernels/tries", "TriedOptions"),
        (
            'The networks that find a shake: `method = "edges"`',
            "tasks/train/kernels/edges",
            "EdgesOptions",
        ),
        ("`[data]` of these", "data/kernels/shaken", "ShakenOptions"),
        (
            'Those that trace a kernel once more: `method = "edges-second"`',
            "tasks/train/kernels/edges_second",
            "EdgesSecondOptions",
        ),
        ("`[data]` of those", "data/kernels/restored", "RestoredOptions"),
    ):
        lines += ["", f"## {title}", "", "| key | default | meaning |", "|---|---|---|"]
        lines += [f"| `{key}` | {default} | {said} |" for key, default, said in keys(file, kind)]
    return "\n".join(lines) + "\n"


PAGES = {"commands.md": commands_page, "recipes.md": recipes_page}


def _group(parent: Any, context: Any, name: str, command: Any) -> Iterator[str]:
    if hasattr(command, "commands"):
        inner = _context(command, name, context)
        for own, one in command.commands.items():
            yield from _command(one, _context(one, own, inner))
        return
    yield from _command(command, _context(command, name, context))
    for other in getattr(command, "within", ()):
        one = parent.commands[other]
        yield from _command(one, _context(one, f"{name} {other}", context))


def _context(command: Any, name: str, parent: Any) -> Any:
    return command.make_context(name, [], parent=parent, resilient_parsing=True)


def _command(command: Any, context: Any) -> Iterator[str]:
    yield from ("", f"### {context.command_path}", "")
    yield "\n\n".join(_prose(x) for x in re.split(r"\n\s*\n", inspect.cleandoc(command.help)))
    yield from ("", "| | |", "|---|---|")
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is None or parameter.name == "help":
            continue
        names, said = record
        if parameter.param_type_name == "argument":
            names = str(parameter.metavar or parameter.name.upper())
        names = _TYPE.sub(lambda found: found[1].upper(), names)
        cell = " ".join(names.split()).replace("|", r"\|")
        yield f"| `{cell}` | {_prose(said)} |"


def _prose(text: str) -> str:
    """One line of Markdown; what is not code keeps its signs."""
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    plain = [re.sub(r"([*_<|])", r"\\\1", part) for part in parts[::2]]
    parts[::2] = plain
    return "".join(parts)


def keys(file: str, kind: str) -> Iterator[tuple[str, str, str]]:
    """Keys, defaults and meanings of a dataclass of options, from its source: without PyTorch."""
    tree = ast.parse((SOURCE / f"{file}.py").read_text(encoding="utf-8"))
    body = next(x for x in tree.body if isinstance(x, ast.ClassDef) and x.name == kind).body
    for line, below in pairwise(body):
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            text = below.value.value if _is_text(below) else None
            if not isinstance(text, str):
                raise SystemExit(f"{file}.py: {kind}.{line.target.id} is not explained")
            yield line.target.id, _default(line.value), _markdown(text)


def _is_text(line: ast.stmt) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)


def _default(value: ast.expr | None) -> str:
    """As a recipe would have it."""
    if isinstance(value, ast.Call):
        return "a table"
    try:
        found = ast.literal_eval(value)  # type: ignore[arg-type]
    except ValueError:
        return f"`{ast.unparse(value)}`" if value is not None else ""
    return "none" if found is None else f"`{json.dumps(found)}`"


def _markdown(text: str) -> str:
    text = re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"``\1``", " ".join(text.split()))
    text = re.sub(r"``([^`]+)``", r"`\1`", text)
    return _prose(text)


if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
