import subprocess
import sys

import pytest

pytest.importorskip("openvino_telemetry")

WATCH = """
import sys
def watch(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.sendto", "os.fork"}:
        print(event, arguments)
sys.addaudithook(watch)
"""


def output(program, home):
    done = subprocess.run(
        [sys.executable, "-c", WATCH + program],
        capture_output=True,
        text=True,
        check=True,
        env={"HOME": str(home), "USERPROFILE": str(home)},
    )
    return done.stdout.split("\n")


def test_importing_openvino_sends_nothing_and_leaves_no_identifier(tmp_path):
    program = """
from unblur.engines.openvino_cpu import import_openvino
openvino = import_openvino()
assert import_openvino() is openvino
print(openvino.Core().available_devices, callable(openvino.convert_model))
"""

    assert output(program, tmp_path) == ["['CPU'] True", ""]
    assert list(tmp_path.iterdir()) == []


def test_the_package_that_was_hidden_can_be_used_by_others(tmp_path):
    program = """
from unblur.engines.openvino_cpu import import_openvino
import_openvino()
print("openvino_telemetry" in sys.modules)
import openvino_telemetry
print(openvino_telemetry.__name__)
"""

    assert output(program, tmp_path) == ["False", "openvino_telemetry", ""]


def test_one_that_was_imported_before_stays(tmp_path):
    program = """
import openvino_telemetry
from unblur.engines.openvino_cpu import import_openvino
import_openvino()
print(sys.modules["openvino_telemetry"] is openvino_telemetry)
"""

    assert output(program, tmp_path) == ["True", ""]


def test_restoring_with_openvino_sends_nothing_either(tmp_path):
    program = """
import numpy as np
from unblur import Restorer
from unblur.tasks.restore.options import RestoreOptions
restorer = Restorer.open(RestoreOptions(method="network", engine="openvino"))
print(restorer.restore_pixels(np.zeros((32, 32, 3), np.float32)).shape)
"""

    assert output(program, tmp_path) == ["(32, 32, 3)", ""]
    assert list(tmp_path.iterdir()) == []


def test_a_ctrl_c_while_its_native_part_is_loaded_stays_a_ctrl_c(tmp_path):
    program = """
import signal, sys
from unblur.engines.openvino_cpu import import_openvino
signal.signal(signal.SIGALRM, signal.default_int_handler)
class Pressed:
    def find_spec(self, name, path=None, target=None):
        if name == "openvino._pyopenvino":
            signal.setitimer(signal.ITIMER_REAL, 0.02)
sys.meta_path.insert(0, Pressed())
try:
    import_openvino()
except KeyboardInterrupt:
    print("pressed")
"""

    assert output(program, tmp_path) == ["pressed", ""]
