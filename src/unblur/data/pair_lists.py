"""Lists of pairs that come with data sets: two paths a line, RealBlur's and SRN's among them."""

import re
from pathlib import Path

from unblur.data.pair_layouts import is_blurred
from unblur.errors import DataError


def read_pair_list(file: Path, folder: Path | None = None) -> list[tuple[Path, Path]]:
    """The pairs of a list.

    Args:
        file: Two paths a line, with a comma, a tab or spaces between them; empty lines and those
            that begin with # do not count. Which is blurred is told by words such as ``blur`` and
            ``gt`` in them; without any the first is.
        folder: What paths are relative to; not given, the folder of the list.

    Returns:
        Blurred and sharp files, in the order of the list, whether they exist or not.

    Raises:
        DataError: If it cannot be read, or a line has not two paths.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: cannot be read as a list of pairs, two paths a line") from error
    root = folder or file.parent
    pairs = []
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        both = _split(line.strip(), root)
        if both is None:
            raise DataError(
                f"{file}, line {number}: two paths are needed, blurred and sharp, got {line!r}"
            )
        first, second = both
        said = is_blurred(Path(first)), is_blurred(Path(second))
        if said in {(False, True), (False, None), (None, True)}:
            first, second = second, first
        pairs.append((root / first, root / second))
    if not pairs:
        raise DataError(f"{file} is empty; two paths a line are needed, blurred and sharp")
    return pairs


def _split(line: str, root: Path) -> tuple[str, str] | None:
    """The two paths of a line; with spaces in them, where it splits into files that exist."""
    for separator in ("\t", ","):
        parts = [part.strip().strip("\"'") for part in line.split(separator)]
        if len(parts) == 2 and all(parts):  # noqa: PLR2004
            return parts[0], parts[1]
    places = [match.span() for match in re.finditer(r"\s+", line)]
    splits = [(line[:start], line[end:]) for start, end in places]
    if len(splits) == 1:
        return splits[0]
    return next((x for x in splits if all((root / part).is_file() for part in x)), None)
