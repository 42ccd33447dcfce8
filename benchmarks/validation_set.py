"""A validation set that resembles the world, rebuilt from folders that you name.

    python benchmarks/validation_set.py DIR [--photos FOLDER] [--frames FOLDER] [--levin FOLDER]
                                        [--large]
    python benchmarks/validation_set.py --list FOLDER > benchmarks/validation_photos.txt

    a-shake             60 photos, shaken by Algorithm 1 (a third each of 1/10, 1/2 and the whole
                        of a path of 60 px), light blurred, noise of sigma 1/255
    b-roll-and-objects  40 others; every other one is turned, in every other one an object moves
    c-frames            averages of 5 to 25 frames of the last third of a fast video's frames
    d-levin             Levin et al. 2009: 32 photos that a real camera shook
    e-sharp             40 sharp photos, every other one at the resolution it came in
    f-leave-alone       20 photos, every other one out of focus, or dark, noisy and saved as JPEG
    g-large             24 photos of 12 megapixels, as a phone makes them (validation_large.py);
                        only with --large, as it takes a quarter of an hour and a gigabyte

Every part has blur/ and sharp/, 8-bit PNG, and a manifest.json with what was done to each and the
SHA-256 of every file; the same folders give the same bytes with the same versions of libraries. A
part whose folder is not given is left out. A part is whole or not there; one that is there stays.

No photo whose name has a SHA-256 that begins with 0 to 7 may be used in training: half of any
folder, whatever else is in it. benchmarks/validation_photos.txt lists those that this set was made
of. The weights of fast in version 0.1 are older than this rule and were trained on most of these
photos: figures of parts a, b, e and f flatter them. Parts c and d were in no training of theirs.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from quick import folder, frames, parse, photos
from unblur.errors import DataError, OptionError, TargetError, UnblurError
from unblur.imaging.photo.photo import Photo, write_photo
from unblur.imaging.video.frames import Frame, Frames, Unreadable, open_folder
from unblur.tasks.datasets.average import average
from unblur.tasks.datasets.manifest import read_manifest
from unblur.tasks.datasets.windows import AverageOptions
from validation_large import MEGAPIXELS, large_pairs
from validation_pairs import (
    ENDINGS,
    Pair,
    file_hash,
    held_out_photos,
    is_held_out,
    levin_pairs,
    photo_pairs,
)

VERSION = "2"
"""Raise it whenever the same folders give other bytes: tables of two versions do not compare."""
MANIFEST = "manifest.json"
PARTS = {
    "a-shake": "photos",
    "b-roll-and-objects": "photos",
    "c-frames": "frames",
    "d-levin": "levin",
    "e-sharp": "photos",
    "f-leave-alone": "photos",
    "g-large": "photos",
}
"""Each with the folder that it is made of."""
STRIDE = 3
"""Frames from one window to the next: they overlap, for there to be enough of them."""
MOST_STEP_PX = 4.0
"""Twice what `unblur blur average` allows, which would leave out what moves fastest."""

Done = dict[str, dict[str, Any]]
"""What was done, by the name of the pair."""


@dataclass(frozen=True, kw_only=True)
class Folders:
    """Where the originals are; None for those that are not at hand."""

    photos: Path | None = None
    frames: Path | None = None
    levin: Path | None = None
    large_megapixels: float | None = None
    """Of the photos of the last part, which is not made unless this is given."""

    def __post_init__(self) -> None:
        """Check that there is one.

        Raises:
            OptionError: If there is none.
        """
        if self.photos is self.frames is self.levin is None:
            raise OptionError("no folder given; one of --photos, --frames and --levin would work")


def build(out: Path, folders: Folders) -> Iterator[tuple[str, str]]:
    """Make the parts.

    Args:
        out: Folder of the set; made if it is not there.
        folders: Of the originals.

    Yields:
        The name of a part and what became of it.

    Raises:
        UnblurError: If a folder has not got what is expected, or a part cannot be written.
    """
    for part, needs in PARTS.items():
        if part == "g-large" and folders.large_megapixels is None:
            continue
        source: Path | None = getattr(folders, needs)
        if source is None:
            yield part, f"left out, as --{needs} names no folder"
        elif (out / part).exists():
            yield part, "is there already and stays as it is"
        else:
            make = _makers(part, folders.large_megapixels)
            yield part, _write_part(out, part, partial(make, source))


def read_part(folder: Path) -> Done:
    """What was done to the pairs of a part, every file of which is as it was made.

    Raises:
        DataError: If it is no part, of another version, or a file has changed.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        pairs: Done = manifest["pairs"]
        version = manifest["version"]
        files = [(folder / name, sha) for x in pairs.values() for name, sha in x["files"].items()]
        changed = [file for file, sha in files if file_hash(file) != sha]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{folder} is no whole part of a validation set ({error})") from error
    if version != VERSION:
        raise DataError(f"{folder} is of version {version}, expected {VERSION}; build it anew")
    if changed:
        raise DataError(f"{changed[0]} has changed since it was made; build {folder} anew")
    return pairs


def _makers(part: str, megapixels: float | None) -> Callable[[Path, Path], Done]:
    if part == "c-frames":
        return _write_averages
    if part == "d-levin":
        return lambda source, folder: _write_pairs(folder, levin_pairs(source))
    if part == "g-large":
        size = megapixels or MEGAPIXELS
        return lambda source, folder: _write_pairs(
            folder, large_pairs(held_out_photos(source), megapixels=size)
        )
    return lambda source, folder: _write_pairs(folder, photo_pairs(part, held_out_photos(source)))


def _write_part(out: Path, part: str, make: Callable[[Path], Done]) -> str:
    """Make a part beside its place, then put it there."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{part}-", dir=out) as beside:
            folder = Path(beside) / part
            folder.mkdir()
            pairs = make(folder)
            for name, done in pairs.items():
                files = (f"{kind}/{name}.png" for kind in ("blur", "sharp"))
                done["files"] = {file: file_hash(folder / file) for file in files}
            text = json.dumps({"version": VERSION, "part": part, "pairs": pairs}, indent=1) + "\n"
            (folder / MANIFEST).write_text(text, encoding="utf-8", newline="\n")
            folder.rename(out / part)
    except UnblurError:
        raise
    except OSError as error:
        raise TargetError(f"{out / part}: cannot be written ({error.strerror})") from error
    return f"{len(pairs)} pairs, manifest {file_hash(out / part / MANIFEST)[:16]}"


def _write_pairs(folder: Path, pairs: Iterable[tuple[str, Pair]]) -> Done:
    for kind in ("blur", "sharp"):
        (folder / kind).mkdir()
    made: Done = {}
    for name, (blurred, sharp, done) in pairs:
        if name in made:
            raise DataError(f"{made[name]['source']} and {done['source']} share a name; rename one")
        for kind, pixels in (("blur", blurred), ("sharp", sharp)):
            write_photo(Photo(pixels=pixels), folder / kind / f"{name}.png")
        made[name] = done
    return made


def _write_averages(source: Path, folder: Path) -> Done:
    """Averages of the last third; their pairs are known by the number of the middle frame."""
    frames = open_folder(source)
    options = AverageOptions(frames=(5, 25), stride=STRIDE, max_step_px=MOST_STEP_PX)
    for _ in average(replace(frames, read=partial(_last_third, frames)), folder, options):
        pass
    record = folder / "manifest.jsonl"
    kept = ("first_frame", "frames", "longest_step_px")
    made = {name: {key: one[key] for key in kept} for name, one in read_manifest(record).items()}
    record.unlink()  # it tells where the frames were, which is not the same everywhere
    if not made:
        raise DataError(f"{source}: no 5 to 25 frames of its last third can be averaged")
    return made


def _last_third(frames: Frames) -> Iterator[Frame | Unreadable]:
    first = 2 * (frames.count or 0) // 3
    if first:
        yield Unreadable(first=0, last=first - 1, why="not of the last third")
    for item in frames.read():
        if isinstance(item, Frame) and item.index >= first:
            yield item
        elif isinstance(item, Unreadable):
            raise DataError(f"{item.why}; averages need every frame")


def main() -> int:
    """Build the set, or list what is for validation."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path, nargs="?", metavar="DIR")
    for name in ("--photos", "--frames", "--levin"):
        parser.add_argument(name, type=Path, metavar="FOLDER")
    parser.add_argument("--large", action="store_true", help="the part of large photos, too")
    parser.add_argument("--list", type=Path, metavar="FOLDER", help="names for validation only")
    args = parse(
        parser, out=lambda: folder() / "set", photos=lambda: photos(2, held_out=True), frames=frames
    )
    try:
        if args.list:
            names = (path.name for path in args.list.iterdir() if path.suffix.lower() in ENDINGS)
            print("\n".join(sorted(filter(is_held_out, names))))
            return 0
        if args.out is None:
            parser.error("name a folder DIR to build the set in")
        folders = Folders(
            photos=args.photos,
            frames=args.frames,
            levin=args.levin,
            large_megapixels=MEGAPIXELS if args.large else None,
        )
        print(f"validation set, version {VERSION}")
        for part, became in build(args.out, folders):
            print(f"{part:19} {became}", flush=True)
    except (UnblurError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
