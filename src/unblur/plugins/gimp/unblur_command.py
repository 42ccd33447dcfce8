"""Run the command `unblur` for the plug-in. Nothing of GIMP is in here, so it is tested without."""

import ctypes
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

METHODS = (
    ("auto", "Find the shake, where that can be trusted"),
    ("network", "Network only, several times as fast"),
    ("blind", "Undo what was found in any case"),
)
NOTES = "unblur-plugin.json"
"""What `unblur plugins install gimp` writes beside the plug-in: which command it is to call."""
_OF_GIMP = ("PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH")
"""Where bundles of GIMP point to their own Python and libraries, which another must not load."""
_FLATPAK = Path("/.flatpak-info")
_EVERY = 0.1
_HANGUP = 1  # SIGHUP
_PR_SET_PDEATHSIG = 1


class CommandError(Exception):
    """The command is missing, or has failed; the message is for the person at the screen."""


def find_command(folder: Path) -> list[str]:
    """The command as words: what the notes in a folder name, or `unblur` on the PATH.

    Raises:
        CommandError: If there is neither.
    """
    noted = _noted(folder / NOTES)
    # Within a sandbox the files of the system cannot be looked at.
    if noted and (_FLATPAK.exists() or shutil.which(noted[0])):
        return noted
    found = shutil.which("unblur")
    if found:
        return [found]
    where = f"{noted[0]} is not there any more" if noted else f"{folder / NOTES} does not name it"
    raise CommandError(
        f"The command unblur was not found: {where}, and it is not on the PATH. Install unblur, "
        "then run: unblur plugins install gimp"
    )


def restore(
    command: Sequence[str],
    source: Path,
    target: Path,
    *,
    method: str,
    strength: float,
    tick: Callable[[], object],
) -> str:
    """Restore one file; what was done, as a person reads it.

    Args:
        command: From :func:`find_command`.
        source: A picture file.
        target: The file to write.
        method: A name of :data:`METHODS`.
        strength: From 0, which changes nothing, to 1.
        tick: Called ten times a second meanwhile.

    Raises:
        CommandError: If it cannot be started, or fails; with its own words.
    """
    options = ["--method", method, "--strength", f"{strength:g}", "--json", "--overwrite"]
    words = [*_outside(), *command, "restore", str(source), "--out", str(target), *options]
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained:
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=complained,
                env=_environment(),
                # One thread only: the plug-in is a process of its own.
                preexec_fn=_ends_with_parent() if sys.platform == "linux" else None,  # noqa: PLW1509
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            raise CommandError(f"{words[0]} cannot be started: {error.strerror}") from error
        try:
            while process.poll() is None:
                tick()
                time.sleep(_EVERY)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        lines = _text(said).splitlines()
        result = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
        if process.returncode != 0 or not target.is_file():
            complaint = result.get("error") or _last(_text(complained))
            raise CommandError(_explained(complaint, process.returncode))
    return "; ".join(result.get("notes", ()))


def scratch() -> Path | None:
    """A folder that the command sees, too: in a sandbox not the one for temporary files."""
    if not _FLATPAK.exists():
        return None
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _noted(notes: Path) -> list[str]:
    try:
        command = json.loads(notes.read_text(encoding="utf-8"))["command"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    named = isinstance(command, list) and all(isinstance(word, str) for word in command)
    return command if named else []


def _outside() -> list[str]:
    """How a sandbox starts what is outside of it."""
    return ["flatpak-spawn", "--host", "--watch-bus"] if _FLATPAK.exists() else []


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _OF_GIMP}
    return {**kept, "PYTHONUTF8": "1"}


def _ends_with_parent() -> Callable[[], None]:
    """GIMP's Cancel kills the plug-in, without a chance to stop what it has started."""
    libc = ctypes.CDLL(None)

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, _HANGUP)

    return ask


def _text(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode("utf-8", "replace").strip()


def _last(text: str) -> str:
    return text.splitlines()[-1].removeprefix("unblur: ") if text else ""


def _explained(complaint: str, status: int) -> str:
    if _FLATPAK.exists() and "org.freedesktop" in complaint:
        return (
            "This GIMP is a Flatpak and may not start programs outside of its sandbox. Allow it: "
            "flatpak override --user --talk-name=org.freedesktop.Flatpak org.gimp.GIMP"
        )
    return f"unblur has failed: {complaint or f'exit status {status}, without a word'}"
