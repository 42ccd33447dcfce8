"""A disk that is soon full: a file system of a few kB in memory."""

import subprocess
import sys
from contextlib import contextmanager

import pytest


@contextmanager
def small_disk(folder, size):
    """Mount one at a new folder and yield that; the test is skipped where none can be mounted.

    Args:
        folder: Does not exist yet.
        size: In bytes, or with a unit, as in "64k".
    """
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder]
    try:
        mounted = (
            sys.platform == "linux"
            and subprocess.run(mount, capture_output=True, check=False).returncode == 0
        )
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("mounting a small disk needs Linux, its mount command and root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
