"""What commands import and enter, how often options are declared, and hashes of what they write.

    python tests/roads.py

A change of structure is one that leaves the hashes as they are. They hold for one machine: engines
choose their arithmetic by processor.
"""

import argparse
import ast
import hashlib
import inspect
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "src" / "unblur"
OPTIONS = ("engine", "precision", "model", "max_megapixels", "overwrite", "strength", "quiet")
RECIPE = """
model = "fast"
steps = 2
batch = 1
validate_every = 2
validation_photos = 1
[data]
crop_px = 48
early_crop_px = 32
length_px = [5.0, 20.0]
"""
DECLARING = ("typer.Option", "named(", "replacing(")
PASSING = frozenset({"seconds", "node", "source_stamp"})
"""Columns of a manifest that differ from run to run."""


def say(line: str) -> None:
    """Print a line, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def traced(arguments: list[str]) -> None:
    """Run a command in this process; then print which modules it has imported and which entered.

    A file is entered if one of its functions is called, not if it is imported alone.
    """
    entered: set[str] = set()

    def watch(frame, event, argument):
        code = frame.f_code
        if event == "call" and code.co_flags & inspect.CO_OPTIMIZED:
            entered.add(code.co_filename)

    sys.setprofile(watch)
    threading.setprofile(watch)
    from unblur.cli import main

    sys.argv = ["unblur", *arguments]
    try:
        main()
    except SystemExit as stop:
        if stop.code:
            raise
    finally:
        sys.setprofile(None)
    modules = sorted(name for name in sys.modules if name.split(".")[0] == "unblur")
    files = sorted(str(Path(x).relative_to(SOURCES)) for x in entered if str(SOURCES) in x)
    Path(os.environ["ROADS_OUT"]).write_text(json.dumps([modules, files]), encoding="utf-8")


def print_roads(folder: Path, *, names: bool) -> None:
    """Print how many modules and files commands need."""
    commands = {
        "restore photo.jpg": ["restore", folder / "photo.jpg", "-o", folder / "auto-road.jpg"],
        "  --method network": ["restore", folder / "photo.jpg", "-o", folder / "road.jpg",
                               "--method", "network"],
        "bench pairs": ["bench", "pairs", folder / "pairs", "-o", folder / "road-report"],
        "train": ["train", folder / "recipe.toml", "--data", folder / "photos",
                  "--out", folder / "road-run", "--workers", "0"],
    }  # fmt: skip
    out = folder / "road.json"
    for name, arguments in commands.items():
        subprocess.run(
            [sys.executable, __file__, "--traced", *map(str, arguments)],
            check=True,
            capture_output=True,
            env={**os.environ, "ROADS_OUT": str(out)},
        )
        modules, files = json.loads(out.read_text(encoding="utf-8"))
        say(f"{name:20} {len(modules):4} modules imported, {len(files):4} files entered")
        if names:
            say(f"  imported: {' '.join(modules)}\n  entered: {' '.join(files)}")


def print_declarations() -> None:
    """Print how often each option is written out, and the lines of all sources."""
    flags: Counter[str] = Counter()
    fields: Counter[str] = Counter()
    relays: Counter[str] = Counter()
    lines = 0
    for path in SOURCES.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        lines += len(text.splitlines())
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.arg | ast.AnnAssign | ast.Assign):
                name = _name_of(node)
                given = node.value if isinstance(node, ast.Assign) else node.annotation
                if given is not None and any(x in ast.unparse(given) for x in DECLARING):
                    flags[name.strip("_").lower()] += 1
            if isinstance(node, ast.ClassDef):
                fields.update(x.target.id for x in node.body if isinstance(x, ast.AnnAssign))
            if isinstance(node, ast.keyword) and node.arg is not None:
                relays[node.arg] += ast.unparse(node.value).split(".")[-1] == node.arg
    say(f"{lines} lines of source")
    say(f"{'option':16} flags written out, fields of classes, relayed by keyword")
    for name in OPTIONS:
        say(f"{name:16} {flags[name]:10} {fields[name]:10} {relays[name]:10}")


def _name_of(node: ast.arg | ast.AnnAssign | ast.Assign) -> str:
    if isinstance(node, ast.arg):
        return node.arg
    target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
    return target.id if isinstance(target, ast.Name) else ""


def make_inputs(folder: Path) -> None:
    """Write a shaken photo, a small batch, pairs, and what a training of two steps needs."""
    import numpy as np
    import skimage.data

    from unblur.imaging.photo.photo import Photo, write_photo

    def save(pixels, name, **more):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_photo(Photo(pixels=pixels.astype(np.float32) / 255, **more), path)

    (folder / "photo.jpg").write_bytes((ROOT / "examples" / "shaken.jpg").read_bytes())
    (folder / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    for place, name in enumerate(("astronaut", "chelsea", "coffee")):
        photo = getattr(skimage.data, name)()
        save(photo[:300, :300], f"photos/{name}.png")
        pixels = photo[:160, : 160 + 24 * place]
        save(pixels, f"pairs/sharp/{name}.png")
        moved = np.stack([np.roll(pixels, step, axis=1) for step in range(7)]).mean(axis=0)
        save(moved, f"pairs/blur/{name}.png")
        alpha = np.linspace(0, 255, moved[..., 0].size).astype(np.uint8).reshape(moved.shape[:2])
        kinds = ({"alpha": alpha}, {"bits": 16}, {})
        save(moved, f"batch/{name}.{('png', 'tif', 'webp')[place]}", **kinds[place])


def print_hashes(folder: Path) -> None:
    """Print hashes of what is restored, compared, noted and trained."""
    _command("restore", folder / "photo.jpg", "-o", folder / "network.jpg", "--method", "network",
             "--preview")  # fmt: skip
    _command("restore", folder / "photo.jpg", "-o", folder / "auto.png", "--preview")
    _command("restore", folder / "batch", "-o", folder / "batch-out", "--preview")
    _command("train", folder / "recipe.toml", "--data", folder / "photos", "--out", folder / "run",
             "--workers", "0")  # fmt: skip
    for name in ("network.jpg", "network.before-after.jpg", "auto.png", "auto.before-after.jpg"):
        _print(f"restore, {name}", (folder / name).read_bytes())
    found = sorted(path for path in (folder / "batch-out").iterdir() if path.name[0] != ".")
    _print(f"batch of 3, {len(found)} files", *(path.read_bytes() for path in found))
    _print("bench pairs", *_reports(folder))
    _print("scale manifest", json.dumps(_manifest(folder), sort_keys=True).encode())
    _print("weights of two steps", (folder / "run" / "generator.safetensors").read_bytes())


def _command(*arguments) -> None:
    command = [sys.executable, "-m", "unblur", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True)


def _print(what: str, *parts: bytes) -> None:
    whole = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts))
    say(f"{what:36} {whole.hexdigest()[:16]}")


def _reports(folder: Path) -> list[bytes]:
    """The files of a report, of a run without time."""
    from unblur.tasks.bench.options import BenchOptions
    from unblur.tasks.bench.report import write_report
    from unblur.tasks.bench.run import Bench

    (folder / "report").mkdir()
    clock, time.perf_counter = time.perf_counter, lambda: 0.0
    try:
        options = BenchOptions(models=("fast", "unsharp-mask"), guard="both", metrics=("psnr",))
        bench = Bench(folder / "pairs", options)
        rows = [row for rows in bench.run(folder / "report") for row in rows]
        write_report(bench, rows, folder / "report")
    finally:
        time.perf_counter = clock
    texts = [path.read_text(encoding="utf-8") for path in sorted((folder / "report").iterdir())]
    keys = {row["key"]: f"key {place}" for place, row in enumerate(map(json.loads, _lines(folder)))}
    for key, place in keys.items():  # times of the files are in them
        texts = [text.replace(key, place) for text in texts]
    texts = [text.replace(str(folder), "FOLDER") for text in texts]
    return [re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "DATE", text).encode() for text in texts]


def _lines(folder: Path) -> list[str]:
    return (folder / "report" / "rows.jsonl").read_text(encoding="utf-8").splitlines()


def _manifest(folder: Path) -> list[dict]:
    """The rows of a manifest, as a worker writes them, without those that pass."""
    from unblur.tasks.restore.options import RestoreOptions
    from unblur.tasks.scale.listing import list_photos
    from unblur.tasks.scale.luggage import pack
    from unblur.tasks.scale.manifest import Manifest, read_rows
    from unblur.tasks.scale.store import Store
    from unblur.tasks.scale.worker import Worker

    source, target = folder / "batch", folder / "scale-out"
    target.mkdir()
    options = RestoreOptions(method="network")
    worker = Worker(options, pack(options), str(source), str(target), "waiting", False)
    worker.hello()
    record = Store(str(target / "unblur-manifest"))
    manifest = Manifest(record, {"model": "fast", "options": "{}"})
    for item in list_photos(Store(str(source)), without=None):
        manifest.add(worker.restore(item))
    manifest.close()
    worker.close()
    rows = [row for rows in read_rows(record) for row in rows]
    return [{k: None if k in PASSING else v for k, v in row.items()} for row in rows]


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traced", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    parser.add_argument("--names", action="store_true", help="name modules and files, too")
    parser.add_argument("--only-roads", action="store_true", help="no hashes")
    asked = parser.parse_args()
    if asked.traced:
        traced(asked.traced)
        return
    with tempfile.TemporaryDirectory() as top:
        folder = Path(top)
        make_inputs(folder)
        print_roads(folder, names=asked.names)
        print_declarations()
        if not asked.only_roads:
            print_hashes(folder)


if __name__ == "__main__":
    main()
