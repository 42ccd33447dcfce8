"""What else than the processor may run networks: ONNX Runtime's execution providers."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType
from typing import Any, Final

from unblur.errors import OptionError

CPU_PROVIDER: Final = "CPUExecutionProvider"


@dataclass(frozen=True, kw_only=True)
class Accelerator:
    """A kind of device that ONNX Runtime computes on, if its build has what that takes."""

    name: str
    """As ``--device`` has it."""
    provider: str
    """As ONNX Runtime has it."""
    words: str
    """For people: what it computes on."""
    package: str
    """The build of ONNX Runtime on PyPI that has it."""
    needs: str
    """What must be installed beside that."""
    automatic: bool
    """``auto`` takes it where it is: it takes pictures of any size without further ado."""
    extra: str | None = None
    """The extra of unblur that installs the package."""

    @property
    def remedy(self) -> str:
        """What to install."""
        if self.extra is None:
            return f"pip install {self.package}"
        from unblur._install import install_line

        return install_line(self.extra)


_ALL: Final = (
    Accelerator(
        name="cuda",
        provider="CUDAExecutionProvider",
        words="NVIDIA GPUs",
        package="onnxruntime-gpu",
        needs="an NVIDIA driver, CUDA and cuDNN",
        automatic=True,
        extra="cuda",
    ),
    Accelerator(
        name="tensorrt",
        provider="TensorrtExecutionProvider",
        words="NVIDIA GPUs by TensorRT, which takes minutes for each new size of tiles",
        package="onnxruntime-gpu",
        needs="an NVIDIA driver, CUDA, cuDNN and TensorRT",
        automatic=False,
        extra="cuda",
    ),
    Accelerator(
        name="migraphx",
        provider="MIGraphXExecutionProvider",
        words="AMD GPUs under Linux",
        package="onnxruntime-migraphx",
        needs="ROCm with MIGraphX",
        automatic=False,
    ),
    Accelerator(
        name="rocm",
        provider="ROCMExecutionProvider",
        words="AMD GPUs under Linux",
        package="onnxruntime-rocm",
        needs="ROCm",
        automatic=True,
    ),
    Accelerator(
        name="dml",
        provider="DmlExecutionProvider",
        words="any GPU under Windows, by DirectML",
        package="onnxruntime-directml",
        needs="Windows 10 or newer and a driver of DirectX 12",
        automatic=True,
        extra="directml",
    ),
    Accelerator(
        name="coreml",
        provider="CoreMLExecutionProvider",
        words="Apple's GPU and Neural Engine",
        package="onnxruntime",
        needs="macOS",
        automatic=False,
    ),
    Accelerator(
        name="openvino",
        provider="OpenVINOExecutionProvider",
        words="Intel's processors through ONNX Runtime; the engine openvino needs no such build",
        package="onnxruntime-openvino",
        needs="OpenVINO",
        automatic=False,
    ),
)
ACCELERATORS: Final = MappingProxyType({each.name: each for each in _ALL})
DEVICES: Final = ("auto", "cpu", *ACCELERATORS)
_KNOWN: Final = (
    f"{', '.join(DEVICES)}, one of these with a number, such as cuda:1, or a number alone"
)


@dataclass(frozen=True)
class Device:
    """A device that was asked for."""

    name: str
    """Of :data:`DEVICES`."""
    index: int = 0
    """Which of several."""
    asked: bool = True
    """By its name or number; else whatever is there will do."""

    def suits(self, engine: str) -> bool:
        """Whether an engine can compute on it, if it is there."""
        if engine == "openvino":
            return not self.asked or self.name == "cpu"
        return engine != "torch" or self.name in {"auto", "cpu", "cuda"}


def parse_device(text: str) -> Device:
    """Read what ``--device`` takes.

    Raises:
        OptionError: If there is no such device.
    """
    name, colon, number = text.partition(":")
    if name.isdecimal() and not colon:
        return Device("auto", int(name))
    if name not in DEVICES or (colon and (not number.isdecimal() or name in {"auto", "cpu"})):
        raise OptionError(f"unknown device {text!r}; known: {_KNOWN}")
    return Device(name, int(number or 0), asked=name != "auto")


def candidates(device: Device, providers: Sequence[str]) -> list[Accelerator]:
    """The accelerators to try, in this order, of those that a build of ONNX Runtime has.

    Args:
        device: What was asked for.
        providers: What ``onnxruntime.get_available_providers()`` says.
    """
    if device.name == "auto":
        return [each for each in _ALL if each.automatic and each.provider in providers]
    chosen = ACCELERATORS.get(device.name)
    return [chosen] if chosen is not None and chosen.provider in providers else []


def available_providers(device: Device) -> list[str]:
    """What ONNX Runtime can compute with; it is loaded only if that may be more than the CPU."""
    packages = {each.package for each in _ALL if each.automatic}
    if not device.asked and not any(map(package_version, packages)):
        return []
    import onnxruntime

    return list(onnxruntime.get_available_providers())


def package_version(name: str) -> str | None:
    """The version of an installed package; None if it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def why_absent(device: Device) -> str:
    """Why no accelerator can be tried."""
    if device.name == "auto":
        return (
            "this build of ONNX Runtime has the CPU only; `unblur doctor` says what brings others"
        )
    chosen = ACCELERATORS[device.name]
    return f"this build of ONNX Runtime has no {chosen.provider}; {chosen.remedy}"


def provider_list(accelerator: Accelerator, index: int) -> list[tuple[str, dict[str, Any]]]:
    """What ``onnxruntime.InferenceSession`` takes; what a provider cannot, those behind it do."""
    number: dict[str, Any] = {"device_id": str(index)}
    # Single precision is meant, not TF32; and sizes differ too often to search for each.
    cuda: dict[str, Any] = {**number, "use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}
    options: dict[str, dict[str, Any]] = {
        "cuda": cuda,
        "coreml": {},
        "openvino": {"device_type": "CPU"},
    }
    chosen = [(accelerator.provider, options.get(accelerator.name, number))]
    if accelerator.name == "tensorrt":
        chosen.append((ACCELERATORS["cuda"].provider, cuda))
    return [*chosen, (CPU_PROVIDER, {})]
