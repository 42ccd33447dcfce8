import subprocess
import sys

import numpy as np
import pytest

from rounding import network_bound, unit_roundoff
from unblur.engines import OnnxEngine, OpenVinoEngine, open_engine
from unblur.errors import NetworkError, OptionError
from unblur.metrics import psnr
from unblur.models import build_model
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer
from unblur.weights import find_network


@pytest.mark.parametrize("engine", ["openvino", "torch"])
def test_engines_agree_with_onnx_runtime(engine, astronaut):
    # The same precision on every processor: by itself OpenVINO takes bf16 where there is one.
    reference = Restorer.open(RestoreOptions(method="network", engine="onnx", precision="fp32"))
    other = Restorer.open(RestoreOptions(method="network", engine=engine, precision="fp32"))
    assert other.engine.name == engine

    for picture in (astronaut, astronaut[:100, :37]):
        expected = reference.restore_pixels(picture)
        # The network adds 0.02 at most; sums of that size in another order are 3e-6 apart, and
        # the picture on top is rounded once more. The bias of one layer left out would be 2e-4.
        bound = network_bound(build_model("fast"), np.abs(expected - picture).max())
        difference = expected - other.restore_pixels(picture)
        assert np.abs(difference).max() < bound + unit_roundoff()


@pytest.mark.parametrize("engine", [OnnxEngine, OpenVinoEngine])
def test_engines_read_what_the_file_says_of_itself(engine):
    facts = engine(find_network("fast")).metadata

    assert facts["unblur.model"] == "fast"
    assert int(facts["unblur.multiple_of"]) >= 2


@pytest.mark.parametrize("engine", [OnnxEngine, OpenVinoEngine])
def test_results_are_not_overwritten_by_the_next_call(engine, astronaut):
    opened = engine(find_network("fast"))
    first = opened.run(np.ascontiguousarray(astronaut.transpose(2, 0, 1)[None, :, :64, :64]))
    before = first.copy()

    opened.run(np.zeros((1, 3, 64, 64), np.float32))

    np.testing.assert_array_equal(first, before)


@pytest.mark.parametrize("engine", [OnnxEngine, OpenVinoEngine])
def test_a_corrupt_file_is_named_with_what_was_expected(engine, tmp_path):
    path = tmp_path / "cut.onnx"
    path.write_bytes(find_network("fast").read_bytes()[:100_000])

    with pytest.raises(NetworkError, match=r"cut\.onnx is not a network: expected"):
        engine(path)


@pytest.mark.parametrize("engine", [OnnxEngine, OpenVinoEngine])
def test_a_batch_that_does_not_fit_is_named(engine):
    with pytest.raises(NetworkError, match="batch of 1 x 3 x 16 x 15"):
        engine(find_network("fast")).run(np.zeros((1, 3, 16, 15), np.float32))


def test_two_threads_may_begin_together():
    # OpenVINO once locked up here: a process of its own, since only its first two calls can.
    together = (
        "import threading, numpy as np\n"
        "from unblur.engines import OpenVinoEngine\n"
        "from unblur.weights import find_network\n"
        "engine = OpenVinoEngine(find_network('fast'), streams=2)\n"
        "batch, ready = np.zeros((1, 3, 64, 64), np.float32), threading.Barrier(2)\n"
        "def run(): ready.wait(); engine.run(batch)\n"
        "threads = [threading.Thread(target=run) for _ in range(2)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
    )
    subprocess.run([sys.executable, "-c", together], check=True, timeout=100)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
def test_a_signal_is_survived_after_engines_have_gone_in_any_order():
    # OpenVINO's own stack for signals was gone with the first; the next signal ended the process.
    program = (
        "import os, signal\n"
        "from unblur.engines import OpenVinoEngine\n"
        "from unblur.weights import find_network\n"
        "signal.signal(signal.SIGUSR1, lambda *_: print('handled'))\n"
        "first, second = (OpenVinoEngine(find_network('fast')) for _ in range(2))\n"
        "del first\n"
        "del second\n"
        "os.kill(os.getpid(), signal.SIGUSR1)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=100, check=False
    )

    assert (done.returncode, done.stdout) == (0, "handled\n")


def test_bf16_is_openvinos_alone_and_close_to_fp32(astronaut):
    with pytest.raises(OptionError, match="ONNX Runtime has no bf16"):
        Restorer.open(RestoreOptions(method="network", engine="onnx", precision="bf16"))
    try:
        half = Restorer.open(RestoreOptions(method="network", engine="openvino", precision="bf16"))
    except OptionError as error:
        assert "this processor has no bf16" in str(error)  # noqa: PT017 - not every machine has it
        return
    single = Restorer.open(RestoreOptions(method="network", engine="openvino", precision="fp32"))
    pictures = [x.restore_pixels(astronaut) for x in (half, single)]

    assert (half.engine.precision, single.engine.precision) == ("bf16", "fp32")
    # Picture and result are rounded to 8 digits, off by 2^-9 at most and 0.2 codes in the mean
    # square: every sixth code becomes its neighbour, which is 56 dB.
    assert psnr(*pictures) > 55
    assert "bf16" in half.engine.why


def test_auto_takes_openvino_where_it_is_installed():
    assert open_engine(find_network("fast"), "auto").name == "openvino"


def test_an_unknown_engine_lists_the_known_ones():
    with pytest.raises(OptionError, match="auto, onnx, openvino, torch"):
        open_engine(find_network("fast"), "warp")


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read in /proc")
def test_what_a_large_picture_took_is_given_back():
    """Else it stays beside what the next network needs, whose parts are of other sizes."""
    program = (
        "import re, numpy as np\n"
        "from pathlib import Path\n"
        "from unblur.engines import OnnxEngine\n"
        "from unblur.weights import find_network\n"
        "engine = OnnxEngine(find_network('fast'), threads=1)\n"
        "def kilobytes(name):\n"
        "    status = Path('/proc/self/status').read_text()\n"
        "    return int(re.search(rf'{name}:\\s+(\\d+)', status)[1])\n"
        "engine.run(np.zeros((1, 3, 64, 64), np.float32))\n"
        "first = kilobytes('VmRSS')\n"
        "engine.run(np.zeros((1, 3, 768, 1024), np.float32))\n"
        "print(first, kilobytes('VmHWM'), kilobytes('VmRSS'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    before, most, after = map(int, done.stdout.split())

    assert most - before > 150_000
    assert after - before < 0.4 * (most - before)
