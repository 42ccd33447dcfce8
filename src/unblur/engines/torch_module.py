"""A PyTorch module as it is: used while training, and on CUDA."""

from collections.abc import Mapping
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unblur.engines.protocol import RunPart
from unblur.errors import OptionError

if TYPE_CHECKING:
    from torch import nn

Float32 = NDArray[np.float32]


class TorchEngine:
    """A PyTorch module on the device where it is.

    It holds state while it runs: threads wait for each other.
    """

    name = "torch"
    precision = "fp32"

    def __init__(self, module: "nn.Module", metadata: Mapping[str, str] | None = None) -> None:
        self.module = module
        self.metadata = metadata or {}
        self._turn = Lock()
        self.why = f"PyTorch, fp32, on {self.device}"

    @property
    def device(self) -> str:
        """Where the module is, in PyTorch's words."""
        return str(next(self.module.parameters()).device)

    def run(self, batch: Float32) -> Float32:
        """Restore a batch on the device where the module is."""
        import torch

        device = next(self.module.parameters()).device
        with self._turn:
            training = self.module.training
            self.module.eval()
            with torch.inference_mode():
                restored = self.module(torch.from_numpy(batch).to(device))
            self.module.train(training)
        result: Float32 = restored.float().cpu().numpy()
        return result

    def open_part(self, model: bytes) -> RunPart:
        """Not here: a module is not a file that could be cut."""
        raise OptionError(
            "PyTorch restores networks that see the whole picture at once only; use tile=off, or "
            "the engine onnx or openvino"
        )
