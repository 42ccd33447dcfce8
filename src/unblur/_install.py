"""Which command installs an extra: from the clone that runs, from where pip got it, or by name."""

from pathlib import Path


def install_line(extra: str, *, anywhere: bool = False) -> str:
    """The command that installs an extra of this very installation.

    Args:
        extra: Its name, as pyproject.toml has it.
        anywhere: Name the clone by its whole path, even from within it.
    """
    package = Path(__file__).parent
    clone = package.parents[1]
    if (clone / "pyproject.toml").is_file():
        return f"pip install -e {_quoted(_named(clone, anywhere), extra)}"
    origin = _installed_from(package)
    if origin is not None:
        return f"pip install {_quoted(_named(origin, anywhere), extra)}"
    return f"pip install {_quoted('unblur', extra)}"


def _named(folder: Path, anywhere: bool) -> str:
    return "." if not anywhere and folder == Path.cwd() else str(folder)


def _quoted(name: str, extra: str) -> str:
    import shlex

    return shlex.quote(f"{name}[{extra}]")


def _installed_from(package: Path) -> Path | None:
    """The folder or wheel that pip was given for it, as PEP 610 notes it, if it is still there."""
    import json
    from importlib.metadata import PackageNotFoundError, distribution
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    try:
        found = distribution("unblur")
        if Path(str(found.locate_file("unblur"))).resolve() != package.resolve():
            return None  # a copy of the package runs, not the one that pip installed
        url = urlsplit(json.loads(found.read_text("direct_url.json") or "{}").get("url", ""))
        if url.scheme != "file":
            return None
        origin = Path(url2pathname(url.path))
        return origin if origin.exists() else None
    except (PackageNotFoundError, OSError, ValueError):
        return None
