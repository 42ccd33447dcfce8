"""The server's end of the worker: start it, give it an order, hear of it, stop it."""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

_ENDED: Final = {"event": "ended"}
_POLL_SECONDS: Final = 0.1


class WorkerProcess:
    """One process that restores; started when it is first needed, and again when it has ended.

    Args:
        scratch: The folder for its temporary files.
        device: What networks are opened on before the first order comes.
    """

    def __init__(self, scratch: Path, device: str = "auto") -> None:
        self._scratch = scratch
        self._device = device
        self._process: subprocess.Popen[str] | None = None
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()

    @property
    def pid(self) -> int | None:
        """Number of the process; None if there is none."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start it unless it runs; returns before it is ready."""
        if self._process is not None and self._process.poll() is None:
            return
        self.stop()
        self._events = queue.Queue()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "unblur.web.worker", self._device],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env={**os.environ, "TMPDIR": str(self._scratch), "TEMP": str(self._scratch)},
            # Ctrl-C on a terminal goes to the server, which then stops the worker.
            start_new_session=True,
        )
        threading.Thread(
            target=_read, args=(self._process, self._events), name="unblur-events", daemon=True
        ).start()

    def run(
        self,
        order: dict[str, Any],
        hear: Callable[[dict[str, Any]], None],
        stopped: Callable[[], bool],
        limit_s: float,
    ) -> str:
        """Give an order, and hear of it until it is done.

        Args:
            order: See :mod:`unblur.web.worker`.
            hear: Gets each event.
            stopped: Asked often; the work is broken off once it says yes.
            limit_s: So long may it take, in seconds, once the worker is ready.

        Returns:
            ``finished``, ``stopped``, ``late``, or ``ended`` if the process died of it.
        """
        self.start()
        process = self._process
        assert process is not None
        assert process.stdin is not None
        with suppress(OSError):  # it has died: there will be an event
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
        began = time.monotonic()
        while True:
            try:
                event = self._events.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                event = None
            if event == _ENDED:
                self.stop()
                return "ended"
            if event is not None:
                if event["event"] == "ready":
                    began = time.monotonic()
                    continue
                if event["event"] == "finished":
                    return "finished"
                hear(event)
            if stopped():
                self.stop()
                return "stopped"
            if time.monotonic() - began > limit_s:
                self.stop()
                return "late"

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            with suppress(OSError):
                if stream is not None and stream is process.stdin:
                    stream.close()


def _read(process: "subprocess.Popen[str]", events: "queue.Queue[dict[str, Any]]") -> None:
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            events.put(json.loads(line))
    events.put(_ENDED)
