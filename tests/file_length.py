"""Fail if a source file has grown past what one reader can hold; run by `make check`."""

import sys
from pathlib import Path

LIMIT = 300
SOURCES = Path(__file__).parents[1] / "src"


def main() -> int:
    """Name every file that is too long; the number of them is the exit code."""
    too_long = {
        path: lines
        for path in sorted(SOURCES.rglob("*.py"))
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LIMIT
    }
    for path, lines in too_long.items():
        sys.stdout.write(f"{path}: {lines} lines, the limit is {LIMIT}: give it one job less\n")
    return len(too_long)


if __name__ == "__main__":
    sys.exit(main())
