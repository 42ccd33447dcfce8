"""How networks are run: what every option that opens one has in common."""

from dataclasses import dataclass

from unblur import checks
from unblur.choices import ENGINES, PRECISIONS
from unblur.engines.accelerators import parse_device


@dataclass(frozen=True, kw_only=True)
class NetworkOptions:
    """What runs networks, and how exactly it computes."""

    engine: str = "auto"
    """``auto``, ``onnx``, ``openvino`` or ``torch``."""
    precision: str = "auto"
    """``fp32``, ``bf16``, or ``auto``: bf16 where the engine and the processor have it."""
    device: str = "auto"
    """``auto``: a GPU where ONNX Runtime, or the engine torch, has one, else the CPU; ``cpu``; or
    a name of :data:`unblur.engines.DEVICES` or a number. What does not start is warned of."""

    def __post_init__(self) -> None:
        """Check values.

        Raises:
            OptionError: If one is unknown.
        """
        checks.known(self, engine=ENGINES, precision=PRECISIONS)
        parse_device(self.device)
