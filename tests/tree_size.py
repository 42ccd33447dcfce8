"""Fail if a source file or folder has grown past what one reader can hold; for `make check`."""

import sys
from collections import Counter
from pathlib import Path

LINES = 300
FILES = 16
SOURCES = Path(__file__).parents[1] / "src"


def main() -> int:
    """Name every file that is too long and every folder too full; exit with their number."""
    files = sorted(SOURCES.rglob("*.py"))
    complaints = [
        f"{path}: {lines} lines, the limit is {LINES}: give it one job less"
        for path in files
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LINES
    ]
    complaints += [
        f"{folder}: {count} files, the limit is {FILES}: which rooms are in there?"
        for folder, count in Counter(path.parent for path in files).items()
        if count > FILES
    ]
    for complaint in complaints:
        sys.stdout.write(f"{complaint}\n")
    return len(complaints)


if __name__ == "__main__":
    sys.exit(main())
