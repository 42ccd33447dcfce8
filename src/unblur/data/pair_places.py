"""Where pairs are, in whatever way that is said: a folder, two folders, or a list."""

from dataclasses import dataclass
from pathlib import Path

from unblur.data.pair_layouts import Sides
from unblur.data.pair_lists import read_pair_list
from unblur.data.pairs import (
    Pair,
    PairSurvey,
    list_pairs,
    survey_pairs,
    survey_sides,
    without_problems,
)
from unblur.data.problems import Problem
from unblur.errors import DataError, OptionError


@dataclass(frozen=True, kw_only=True)
class PairPlace:
    """Where pairs are: a folder in a known layout, two folders, or a list.

    Raises:
        OptionError: If that is not said, or said twice.
    """

    folder: Path | None = None
    """In a layout of :func:`unblur.data.pairs.survey_pairs`; or what a list's paths begin in."""
    blurred: Path | None = None
    sharp: Path | None = None
    """Folders of photos of the same names, but for words such as ``blur`` and ``gt``."""
    listed: Path | None = None
    """See :func:`unblur.data.pair_lists.read_pair_list`."""

    def __post_init__(self) -> None:
        """Check that there is one."""
        two = self.blurred is not None or self.sharp is not None
        if two and (self.blurred is None or self.sharp is None):
            raise OptionError("--blurred and --sharp (blurred=, sharp=) belong together")
        if two and (self.folder is not None or self.listed is not None):
            raise OptionError("name a folder of pairs, --blurred and --sharp, or --list: one way")
        if not two and self.folder is None and self.listed is None:
            raise OptionError("no pairs: name their folder, --blurred and --sharp, or --list")

    @property
    def root(self) -> Path:
        """What names of pairs are relative to."""
        return self.folder or self.blurred or (self.listed or Path()).parent

    def survey(self, *, gamma: bool = False) -> PairSurvey:
        """Find the pairs, and all that is wrong with them.

        Raises:
            DataError: If there are none.
        """
        if self.listed is not None:
            return _survey_list(self.listed, self.folder)
        if self.blurred is not None and self.sharp is not None:
            for folder in (self.blurred, self.sharp):
                if not folder.is_dir():
                    raise DataError(f"{folder} is not a folder; expected one with photos")
            return survey_sides(self.blurred, [Sides(self.blurred, self.sharp)])
        assert self.folder is not None
        return survey_pairs(self.folder, gamma=gamma)

    def pairs(self) -> list[Pair]:
        """The pairs, to train on.

        Raises:
            DataError: If there are none, or a blurred photo has no partner or two.
        """
        if self.folder is not None and self.listed is None:
            return list_pairs(self.folder)
        return without_problems(self.survey())


def _survey_list(file: Path, folder: Path | None) -> PairSurvey:
    pairs, problems = [], []
    for blurred, sharp in read_pair_list(file, folder):
        missing = next((path for path in (blurred, sharp) if not path.is_file()), None)
        if missing is None:
            pairs.append(Pair(blurred=blurred, sharp=sharp))
        else:
            why = f"{missing}, which is in {file}, is not there"
            problems.append(Problem(path=blurred, kind="partner", why=why))
    if not pairs:
        raise DataError(f"{problems[0].why}, nor is any other pair; are paths relative to it?")
    return PairSurvey(pairs=tuple(pairs), problems=tuple(problems), unused=())
