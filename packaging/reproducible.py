"""Build wheel and source archive twice and fail unless both are the same, byte by byte.

    python packaging/reproducible.py [--out dist]

The second build is of a copy in another folder, later, with other permissions and another order of
files. SOURCE_DATE_EPOCH is the date of the last commit, unless the environment sets it: who builds
the same commit elsewhere gets the same files. Needs the packages `build` and `hatchling`, here.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
EPOCH_OF_ZIP = 315532800  # 1980-01-01: ZIP files know no date before


def epoch():
    """Seconds since 1970 that stand in the archives."""
    if said := os.environ.get("SOURCE_DATE_EPOCH"):
        return said
    git = ("git", "-C", ROOT, "log", "-1", "--format=%ct")
    done = subprocess.run(git, capture_output=True, text=True, check=False)
    return done.stdout.strip() or str(EPOCH_OF_ZIP)


def tracked():
    """Files that git knows of, or all of a source archive."""
    git = ("git", "-C", ROOT, "ls-files", "-z")
    done = subprocess.run(git, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return [name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]
    return [str(x.relative_to(ROOT)) for x in ROOT.rglob("*") if x.is_file()]


def copy_to(folder, names, mode):
    """Copy files, one after the other, with these permissions."""
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
        target.chmod(mode)


def build(source, out):
    """Wheel and source archive of a folder; names and SHA-256."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", out, source]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": epoch()}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{done.stdout}{done.stderr}")
    files = sorted([*out.glob("*.whl"), *out.glob("*.tar.gz")])
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def main():
    """Print names and digests; exit with 1 if the builds differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="keep the files in this folder")
    out = parser.parse_args().out
    names = tracked()
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        copy_to(top / "one" / "unblur", names, 0o644)
        first = build(top / "one" / "unblur", top / "first")
        time.sleep(2)  # ZIP files know even seconds only
        copy_to(top / "another" / "place", reversed(names), 0o664)
        second = build(top / "another" / "place", top / "second")
        for file, digest in first.items():
            same = "the same again" if second.get(file) == digest else "DIFFERS"
            sys.stdout.write(f"{digest}  {file}  {same}\n")
        if out is not None:
            shutil.copytree(top / "first", out, dirs_exist_ok=True)
    if first != second:
        raise SystemExit("the builds differ")


if __name__ == "__main__":
    main()
