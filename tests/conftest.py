import os
import subprocess
import sys
from pathlib import Path

# Several processes of tests share the cores. Libraries read this when they are imported; threads
# that wait must not keep others from working: four times slower on a busy machine.
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VIPS_CONCURRENCY"):
    os.environ.setdefault(_name, "1")
if "PYTEST_XDIST_WORKER" in os.environ and hasattr(os, "sched_getaffinity"):
    # As on a machine of one core; commands in processes of their own still see all.
    os.sched_getaffinity = lambda _process: {0}

import numpy as np  # noqa: E402
import pytest  # noqa: E402
import skimage.data  # noqa: E402
from hypothesis import settings  # noqa: E402

from command_line import call_command  # noqa: E402
from done_once import looked_at_once, opened_once, traced_once  # noqa: E402
from unblur.imaging.photo.photo import Photo, write_photo  # noqa: E402

settings.register_profile("fast", max_examples=20, deadline=None)
settings.register_profile("thorough", max_examples=100, deadline=None)
settings.load_profile("thorough")

FIRST = (
    "tasks/scale/test_nodes.py",
    "web/test_page.py",
    "tasks/scale/test_run.py",
    "tasks/train/test_run_adversarial.py",
    "tasks/train/test_run.py",
    "tasks/train/test_stopping.py",
    "tasks/singan/test_fit.py",
    "test_docs.py",
    "cli/test_networks.py",
    "tasks/networks/test_export.py",
    "tasks/methods/test_blind.py",
    "cli/test_batch.py",
    "imaging/register/test_reference.py",
    "imaging/register/test_registration.py",
    "web/test_http.py",
)
"""Files that take longest, so that no process is left with one of them while others are done."""


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    ranks = {here / name: rank for rank, name in enumerate(FIRST)}
    items.sort(key=lambda item: ranks.get(item.path, len(FIRST)))


@pytest.fixture(scope="session", autouse=True)
def done_once(tmp_path_factory):
    """Do once a process, or a run, not once a test, what takes most of many tests."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # of all processes of this run
    with opened_once(), looked_at_once(), traced_once(folder):
        yield


@pytest.fixture(scope="session")
def astronaut():
    """A real photo, (256, 256, 3) floats in [0, 1]."""
    return skimage.data.astronaut()[:256, 100:356].astype(np.float32) / 255


@pytest.fixture
def photo(astronaut, tmp_path):
    """A small JPEG file."""
    path = tmp_path / "photo.jpg"
    write_photo(Photo(pixels=astronaut[::2, ::2].copy()), path)
    return path


@pytest.fixture
def run_process(tmp_path):
    """Run the command line as a user does: another process, in an empty folder.

    It takes a second to start, so it is for what only a process has: how it starts and ends, its
    streams, signals, environment, and the names that its locale can say. All else takes ``run``.
    """

    def run_unblur(*arguments, **options):
        command = [sys.executable, "-m", "unblur", *map(str, arguments)]
        return subprocess.run(
            command,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            stdin=subprocess.DEVNULL,
            **options,
        )

    return run_unblur


@pytest.fixture
def run(tmp_path, capfd):
    """As ``run_process``, but in this process, which has loaded everything already.

    What C libraries write is caught as well, and a warning is an error as in all tests.
    """

    def run_unblur(*arguments, given=b""):
        capfd.readouterr()
        status = call_command(*arguments, folder=tmp_path, given=given)
        said = capfd.readouterr()
        return subprocess.CompletedProcess(arguments, status, said.out, said.err)

    return run_unblur
