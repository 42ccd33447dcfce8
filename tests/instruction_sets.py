"""Run the tests that compare floating-point numbers as processors with fewer instructions would.

Prints each set and how its tests ended. Libraries are told by the variables that they read; NumPy's
names are those of its version. ONNX Runtime has no such variable and asks the processor alone, so
each set is also a comparison of its full width with the others' narrower sums. OpenVINO sees the
processor's bf16 past the limit that its kernels keep to, and crashes with it: where a set has none,
it is told so within the tests' own processes, as this file is a plugin of pytest there.

    python tests/instruction_sets.py [SET ...] [-- TESTS AND OPTIONS OF PYTEST]
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SETS = {
    "sse4": {
        "ATEN_CPU_CAPABILITY": "default",  # PyTorch's own loops
        "ONEDNN_MAX_CPU_ISA": "SSE41",  # convolutions of PyTorch and of OpenVINO
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",  # matrix products and transforms of PyTorch
        "OPENBLAS_CORETYPE": "Nehalem",  # matrix products of NumPy and SciPy
        "NPY_DISABLE_CPU_FEATURES": "X86_V3 AVX2 FMA3 X86_V4 AVX512",
    },
    "avx2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
        "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512",
    },
    "avx512": {  # without bf16 and AMX
        "ATEN_CPU_CAPABILITY": "avx512",
        "ONEDNN_MAX_CPU_ISA": "AVX512_CORE",
        "MKL_ENABLE_INSTRUCTIONS": "AVX512",
        "OPENBLAS_CORETYPE": "SkylakeX",
        "NPY_DISABLE_CPU_FEATURES": "AVX512_ICL AVX512_SPR",
    },
}
NEEDS = {"sse4": "SSE42", "avx2": "AVX2", "avx512": "AVX512F"}
"""What the processor must have, in NumPy's names."""

TESTS = (
    "data", "imaging", "models", "tasks/bench", "tasks/datasets", "tasks/detection",
    "tasks/foreign", "tasks/methods", "tasks/networks", "tasks/restore", "tasks/singan",
    "tasks/train", "tasks/video/test_flicker.py",
    "test_detector.py", "test_engines.py", "test_losses.py", "test_losses_adversarial.py",
    "test_metrics.py", "test_metrics_structure.py",
)  # fmt: skip
"""Where numbers are compared that come out of sums."""


WITHOUT_BF16 = ("SSE41", "AVX2")
ALONE = "test_engines.py::test_two_threads_may_begin_together"
"""Lets OpenVINO choose in a process of its own."""


class WithoutBf16:
    """OpenVINO's core, but for what it says of bf16."""

    def __init__(self, core):
        self._core = core

    def get_property(self, *name):
        return [x for x in self._core.get_property(*name) if x != "BF16"]


@pytest.fixture(scope="session", autouse=True)
def no_bf16_where_it_crashes():
    from unblur.engines import openvino_cpu

    choose = openvino_cpu._choose_precision
    with pytest.MonkeyPatch.context() as patch:
        if os.environ.get("ONEDNN_MAX_CPU_ISA") in WITHOUT_BF16:
            patch.setattr(
                openvino_cpu,
                "_choose_precision",
                lambda core, wanted: choose(WithoutBf16(core), wanted),
            )
        yield


def environment(name):
    """Variables under which libraries use this set; NumPy is told only names that it knows."""
    from numpy._core._multiarray_umath import __cpu_dispatch__

    wanted = SETS[name]["NPY_DISABLE_CPU_FEATURES"].split()
    narrower = [x for x in __cpu_dispatch__ if any(x.startswith(y) for y in wanted)]
    here = {"PYTHONPATH": str(Path(__file__).parent)}
    return SETS[name] | {"NPY_DISABLE_CPU_FEATURES": " ".join(narrower)} | here


def main(arguments):
    from numpy._core._multiarray_umath import __cpu_features__

    end = arguments.index("--") if "--" in arguments else len(arguments)
    here = Path(__file__).parent
    options = arguments[end + 1 :] or [*(str(here / name) for name in TESTS), "-m", "not thorough"]
    failed = []
    for name in arguments[:end] or SETS:
        if not __cpu_features__.get(NEEDS[name]):
            sys.stdout.write(f"{name}: this processor does not have it\n")
            continue
        variables = environment(name)
        told = " ".join(f"{key}='{value}'" for key, value in variables.items())
        sys.stdout.write(f"{name}: {told}\n")
        sys.stdout.flush()
        command = [sys.executable, "-m", "pytest", "-n", "logical", "--maxprocesses", "4",
                   "--dist", "loadfile", "-p", "instruction_sets", *options]  # fmt: skip
        if SETS[name]["ONEDNN_MAX_CPU_ISA"] in WITHOUT_BF16:
            command += ["--deselect", f"tests/{ALONE}"]
        if subprocess.run(command, env=os.environ | variables, check=False).returncode:
            failed.append(name)
    sys.exit(f"failed under: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
