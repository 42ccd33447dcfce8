"""Which devices can restore here, and why the others cannot."""

from dataclasses import dataclass
from importlib.metadata import distributions
from typing import Final

from unblur.tasks.doctor.self_test import explain

_RUNTIME: Final = "onnxruntime"
_BUILDS: Final = tuple(
    f"{_RUNTIME}-{ending}" for ending in ("directml", "gpu", "migraphx", "openvino", "rocm")
)
"""Builds of ONNX Runtime; each brings another module `onnxruntime`."""


@dataclass(frozen=True, kw_only=True)
class DeviceTest:
    """Whether one kind of device can be used."""

    name: str
    """The name that ``--device`` takes."""
    words: str
    """What kind of device it is, in words."""
    works: bool
    why_not: str | None = None
    """What is missing, and what brings it."""


def try_devices() -> tuple[DeviceTest, ...]:
    """Start what ONNX Runtime has beside the CPU, with the default network; never fails."""
    try:
        import numpy as np  # first, for without it ONNX Runtime writes to stderr

        _ = np.ndarray
        import onnxruntime

        from unblur.engines import ACCELERATORS, OnnxEngine
        from unblur.weights import find_network

        providers = onnxruntime.get_available_providers()
        network = find_network("fast")
    except Exception:  # the self-test says what is wrong
        return ()
    found = []
    for name, each in ACCELERATORS.items():
        why = None
        if each.provider not in providers:
            why = f"not in this build of ONNX Runtime; {each.remedy} brings it; needs {each.needs}"
        else:
            try:
                OnnxEngine(network, accelerator=each)
            except Exception as error:  # broken libraries raise whatever they like
                cause = error.__cause__ or error
                why = f"it is in this build of ONNX Runtime, but: {explain(cause)}"
        found.append(DeviceTest(name=name, words=each.words, works=why is None, why_not=why))
    return tuple(found)


def clashing_builds() -> str | None:
    """What to do if several builds of ONNX Runtime are installed: the last one's files count."""
    names = {str(each.metadata["Name"]).lower().replace("_", "-") for each in distributions()}
    others = [build for build in _BUILDS if build in names]
    builds = [*({_RUNTIME} & names), *others]
    if len(builds) == 1 or not others:
        return None
    return (
        f"{' and '.join(builds)} are installed over each other; the one you want must come last: "
        f"pip install --force-reinstall --no-deps {others[0]}"
    )
