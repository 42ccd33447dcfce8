"""The process that restores: one job after another, told by lines of JSON.

A process of its own can be stopped in the middle of anything, and a photo that makes a library
crash costs one job, not the server. It ends when its input does, as when the server is killed.
"""

import json
import os
import queue
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any, Final

from unblur.errors import UnblurError
from unblur.imaging.photo.decode import megapixels
from unblur.web.words import error_words
from unblur.web.work import Say, is_known, restore_clip, restore_photo

ZIP_NAME: Final = "unblurred.zip"


def main() -> None:
    """Work until the input ends."""
    # Lines go to the server through a file of their own, so that nothing a library prints is one.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    orders: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_listen, args=(orders,), daemon=True).start()

    def say(event: str, **facts: Any) -> None:
        out.write(json.dumps({"event": event, **facts}) + "\n")
        out.flush()

    from unblur.engines import heard_of_devices
    from unblur.tasks.restore.options import RestoreOptions
    from unblur.tasks.restore.restorer import shared_restorer

    device = sys.argv[1] if len(sys.argv) > 1 else "auto"
    with heard_of_devices() as said:
        # So that the first visitor need not wait for it.
        shared_restorer(RestoreOptions(device=device))
    for line in said:
        print(f"unblur: {line}", file=sys.stderr)  # noqa: T201
    say("ready")
    while True:
        _do(orders.get(), say)


def _listen(orders: "queue.Queue[dict[str, Any]]") -> None:
    for line in sys.stdin:
        orders.put(json.loads(line))
    os._exit(0)  # whatever the main thread does just now


def _do(order: dict[str, Any], say: Say) -> None:
    folder = Path(order["folder"])
    made: list[Path] = []
    for index, name in enumerate(order["names"]):
        source = folder / "in" / name
        say("size", index=index, megapixels=_megapixels(source), known=is_known(order, index))
    for index, name in enumerate(order["names"]):
        source = folder / "in" / name
        try:
            restore = restore_clip if order["video"] else restore_photo
            facts = restore(source, folder, index, order, say)
            made.append(folder / facts["file"])
        except UnblurError as error:
            facts = {"error": error_words(name, _public(error, folder))}
        except MemoryError:
            facts = {"error": f"{name}: not enough memory to restore it; try a smaller one"}
        except Exception as error:  # one photo's trouble must not cost the others
            print(f"unblur serve: {name}: {error!r}", file=sys.stderr)  # noqa: T201
            facts = {"error": f"{name}: could not be restored ({type(error).__name__})"}
        say("end", index=index, **facts)
    if len(order["names"]) > 1 and made:
        _zip(made, folder / ZIP_NAME)
    say("finished")


def _megapixels(photo: Path) -> float:
    """Of a file whose header can be read; 0 of others, which fail at once."""
    try:
        return megapixels(photo)
    except UnblurError:
        return 0.0


def _zip(files: list[Path], target: Path) -> None:
    # Photos are compressed already.
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for file in files:
            archive.write(file, file.name)


def _public(error: UnblurError, folder: Path) -> str:
    """What the user is told: nothing of the server's folders."""
    text = str(error)
    for part in ("in", "out", "show", ""):
        text = text.replace(f"{folder / part}{os.sep if part else ''}", "")
    return " ".join(text.split())


if __name__ == "__main__":
    main()
