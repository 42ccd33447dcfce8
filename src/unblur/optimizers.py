"""What training takes steps by: Muon, which makes those of convolutions orthogonal."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import torch
from torch import Tensor, nn

_MOMENTUM: Final = 0.95
_DECAY: Final = 0.01
_LEAST_CHANNELS: Final = 16
"""Layers from or to fewer are as good as vectors."""
_ROUNDS: Final = 5
_QUINTIC: Final = (3.4445, -4.7750, 2.0315)
"""Jordan's coefficients: singular values come to between 0.7 and 1.2 in five rounds."""
_ADAM_SIZE: Final = 0.2
"""Root mean square of AdamW's steps, in those of its rate (Liu et al.)."""


class Muon(torch.optim.AdamW):
    """Muon for the weights of convolutions, AdamW for the rest of a network.

    PyTorch's own, from 2.9 on, takes matrices alone.

    Args:
        network: Its convolutions between 16 channels or more take orthogonal steps.
        rate: Learning rate of what AdamW learns.
        muon_rate: Of the orthogonal steps, whose size is that of AdamW's at an equal rate.
        half: Make them orthogonal in bf16, which is exact enough.
        **more: For AdamW.

    References:
        Jordan et al., *Muon: an optimizer for hidden layers in neural networks*, 2024; size of the
        steps and decay as Liu et al., *Muon is scalable for LLM training*, arXiv:2502.16982.
    """

    def __init__(
        self, network: nn.Module, *, rate: float, muon_rate: float, half: bool, **more: Any
    ) -> None:
        matrices = dict(_layers(network))
        rest = [each for each in network.parameters() if each not in matrices]
        groups: list[dict[str, Any]] = [{"params": rest}]
        for turned in (False, True):
            some = [each for each, way in matrices.items() if way == turned]
            if some:
                times = muon_rate / rate
                groups.append({"params": some, "turned": turned, "rate_times": times})
        super().__init__(groups, lr=rate, **more)
        for group in self.param_groups:
            group["lr"] *= group.get("rate_times", 1.0)
        self._half = half

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Make one update."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight in group["params"] if "turned" in group else ():
                if (gradient := weight.grad) is not None:
                    self._turn(weight, gradient, group)
                    weight.grad = None  # AdamW leaves it alone
        super().step()
        return loss

    def _turn(self, weight: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        momentum = state.setdefault("momentum", torch.zeros_like(weight))
        state.setdefault("step", torch.tensor(0.0))  # AdamW asks each state that it reads for it
        momentum.lerp_(gradient, 1 - _MOMENTUM)
        ahead = gradient.lerp(momentum, _MOMENTUM)
        if group["turned"]:
            ahead = ahead.transpose(0, 1)
        step = orthogonal(ahead.flatten(1), half=self._half)
        step = step.view(ahead.shape) * (_ADAM_SIZE * max(step.shape) ** 0.5)
        if group["turned"]:
            step = step.transpose(0, 1)
        weight.mul_(1 - group["lr"] * _DECAY).add_(step, alpha=-group["lr"])


def orthogonal(matrix: Tensor, *, half: bool = False) -> Tensor:
    """The nearest orthogonal matrix, about: by Newton and Schulz's rounds.

    Args:
        matrix: (n, m).
        half: Compute in bf16.
    """
    x = matrix.to(torch.bfloat16 if half else matrix.dtype)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / (x.norm() + 1e-7)
    first, second, third = _QUINTIC
    for _ in range(_ROUNDS):
        square = x @ x.T
        x = first * x + (second * square + third * square @ square) @ x
    found: Tensor = (x.T if tall else x).to(matrix.dtype)
    return found


def _layers(network: nn.Module) -> Iterator[tuple[Tensor, bool]]:
    """Weights of convolutions, and whether their inputs come before their outputs."""
    for part in network.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d) and part.groups == 1:
            weight = part.weight
            if min(weight.shape[:2]) >= _LEAST_CHANNELS:
                yield weight, isinstance(part, nn.ConvTranspose2d)
