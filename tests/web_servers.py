"""A real server in a process of its own, and photos to send to it."""

import os
import re
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

WATCH = (
    "import socket, sys\n"
    "def watch(event, arguments):\n"
    "    if event in {'socket.connect', 'socket.sendto', 'socket.getaddrinfo'}:\n"
    "        where = arguments[0 if event == 'socket.getaddrinfo' else 1]\n"
    "        print('NETWORK', where, file=sys.stderr, flush=True)\n"
    "sys.addaudithook(watch)\n"
    "with socket.socket(type=socket.SOCK_DGRAM) as control: control.connect(('127.0.0.9', 9))\n"
)
"""Names every connection that a process opens; first one of its own, to show that it sees them."""


@dataclass
class Server:
    """A server that runs."""

    url: str
    process: subprocess.Popen
    folder: Path
    """The temporary folder of the system, as it sees it."""
    log: Path

    def private(self):
        """Folders that servers made for themselves."""
        return sorted(self.folder.glob("unblur-serve-*"))

    def client(self, **options):
        return httpx.Client(base_url=self.url, timeout=300, **options)


@contextmanager
def serving(folder, *arguments, env=None):
    """Start `unblur serve` on a free port; end it as systemd does."""
    log = folder / f"log-{len(list(folder.glob('log-*')))}"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "unblur", "serve", "--port", "0", *arguments],
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env={**os.environ, "TMPDIR": str(folder), **(env or {})},
        )
    try:
        url = None
        while url is None:
            assert process.poll() is None, log.read_text()
            found = re.search(r"http://\S+?(?=/ )", log.read_text())
            url = found and found[0]
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
        yield Server(url=url, process=process, folder=folder, log=log)
    finally:
        process.terminate()
        process.wait(20)
