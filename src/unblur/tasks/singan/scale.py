"""Fit one scale of a pyramid of GANs."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn

from unblur import losses
from unblur.errors import TrainingError
from unblur.models.singan import (
    MARGIN_PX,
    ScaleCritic,
    ScaleGenerator,
    SinGAN,
    channels_at,
    initialise,
    padded,
    resized,
)
from unblur.tasks.singan.options import SinGANOptions

_BETAS: Final = (0.5, 0.999)
_DECAY: Final = 0.1
_SMALL_PX: Final = 4000
_BF16_CHANNELS: Final = 64
"""Narrower networks do not gain by it."""


@dataclass(frozen=True, kw_only=True)
class Windows:
    """Where the same part of pictures lies, with and without their margin."""

    top: int
    left: int
    height: int
    width: int

    def of(self, pictures: Tensor) -> Tensor:
        """The part, (B, C, height, width)."""
        rows = slice(self.top, self.top + self.height)
        return pictures[..., rows, self.left : self.left + self.width]

    def of_padded(self, pictures: Tensor) -> Tensor:
        """The part of pictures that were :func:`padded`, with the margin that is taken away."""
        rows = slice(self.top, self.top + self.height + 2 * MARGIN_PX)
        return pictures[..., rows, self.left : self.left + self.width + 2 * MARGIN_PX]


class ScaleFit:
    """The networks of one scale, what they learn from, and how far they are.

    Args:
        gan: The pyramid; all coarser scales are fitted. Its generator of this scale is trained
            in place, and its amplitude set.
        scale: From 0, the coarsest.
        target: (1, 3, H, W), the photo at this scale, in [-1, 1].
        options: How to fit.
        critic: The critic of the scale before, to begin with; None begins afresh.
    """

    def __init__(
        self,
        gan: SinGAN,
        scale: int,
        target: Tensor,
        options: SinGANOptions,
        critic: ScaleCritic | None = None,
    ) -> None:
        self.gan, self.scale, self.options = gan, scale, options
        self.target = target
        device = target.device
        self.rng = torch.Generator().manual_seed(options.seed * 1000 + scale)
        channels = channels_at(scale)
        self.generator = gan.generators[scale]
        assert isinstance(self.generator, ScaleGenerator)
        self.critic = ScaleCritic(channels).to(device)
        if critic is not None and channels == channels_at(scale - 1):
            self.generator.load_state_dict(gan.generators[scale - 1].state_dict())
            self.critic.load_state_dict(critic.state_dict())
        else:
            for network in (self.generator, self.critic):
                initialise(network, self.rng)
        self.base = torch.zeros_like(target)
        self.pool: Tensor | None = None
        with torch.no_grad():
            gan.eval()
            if scale == 0:
                gan.noise.copy_(torch.randn(gan.noise.shape, generator=self.rng))
                gan.amplitudes[0] = 1
            else:
                self.base = resized(gan.reconstruct(scale), *gan.sizes[scale])
                lacking = (target - self.base).square().mean().sqrt()
                gan.amplitudes[scale] = options.noise * lacking
                if options.pool:
                    self.pool = self._previous(options.pool)
        known = gan.noise if scale == 0 else None
        self._padded_base = padded(self.base if known is None else self.base + known)
        self.optimizers = [
            torch.optim.Adam(network.parameters(), lr=options.learning_rate, betas=_BETAS)
            for network in (self.generator, self.critic)
        ]
        self.iteration = 0
        self.iterations = options.iterations_of(scale)
        self.reconstruction = options.reconstruction_of(scale)

    def advance(self, iterations: int) -> None:
        """Go on for so many iterations, or to the end.

        Raises:
            TrainingError: If a loss is not finite.
        """
        with _threads_for(self.target.shape[-2] * self.target.shape[-1]):
            self._advance(iterations)

    def _advance(self, iterations: int) -> None:
        options = self.options
        settle = self.iterations - int(options.settle * self.iterations)
        # With statistics that no longer follow the weights, large steps diverge.
        decay = min(int(options.decay_at * self.iterations), settle)
        self.critic.train()
        for _ in range(min(iterations, self.iterations - self.iteration)):
            self.generator.train(self.iteration < settle)
            rate = options.learning_rate * (_DECAY if self.iteration >= decay else 1)
            for optimizer in self.optimizers:
                optimizer.param_groups[0]["lr"] = rate
            for _ in range(options.critic_steps):
                self._train_critic()
            for weight in self.critic.parameters():
                weight.requires_grad_(False)
            for _ in range(options.generator_steps):
                self._train_generator()
            for weight in self.critic.parameters():
                weight.requires_grad_(True)
            self.iteration += 1
        self.generator.eval()

    @property
    def done(self) -> bool:
        """Whether all iterations are done."""
        return self.iteration >= self.iterations

    def state(self) -> dict[str, Tensor]:
        """All that is needed to go on from here."""
        state = {"iteration": torch.tensor(self.iteration), "rng": self.rng.get_state()}
        for name, network in self._networks().items():
            state |= {f"{name}.{key}": value for key, value in network.state_dict().items()}
        for index, optimizer in enumerate(self.optimizers):
            for number, moments in optimizer.state_dict()["state"].items():
                state |= {f"adam.{index}.{number}.{key}": x for key, x in moments.items()}
        return {key: value.detach().cpu().clone() for key, value in state.items()}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Go on from where :meth:`state` was taken, with the same result."""
        self.iteration = int(state["iteration"])
        self.rng.set_state(state["rng"])
        for name, network in self._networks().items():
            network.load_state_dict({key: state[f"{name}.{key}"] for key in network.state_dict()})
        for index, optimizer in enumerate(self.optimizers):
            whole = optimizer.state_dict()
            for key, value in state.items():
                if key.startswith(f"adam.{index}."):
                    number, moment = key.split(".")[2:]
                    whole["state"].setdefault(int(number), {})[moment] = value
            optimizer.load_state_dict(whole)

    def _networks(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "critic": self.critic}

    def _train_critic(self) -> None:
        window, other = self._window(), self._window()
        with torch.no_grad(), self._precision():
            fake = self._fake(window)
        real = other.of(self.target)
        optimizer = self.optimizers[1]
        optimizer.zero_grad()
        with self._precision():
            loss = losses.wgan_critic(self.critic(real), self.critic(fake))
            if self.options.penalty > 0:
                alpha = torch.rand(1, generator=self.rng)
                penalty = losses.patch_gradient_penalty(self.critic, real, fake, alpha=alpha)
                loss = loss + self.options.penalty * penalty
        self._update(loss, optimizer)

    def _train_generator(self) -> None:
        window = self._window()
        optimizer = self.optimizers[0]
        optimizer.zero_grad()
        with self._precision():
            loss = losses.wgan_generator(self.critic(self._fake(window)))
            if self.reconstruction > 0:
                restored = self.generator(window.of_padded(self._padded_base), window.of(self.base))
                error = losses.mse(restored, window.of(self.target))
                loss = loss + self.reconstruction * error
        self._update(loss, optimizer)

    def _update(self, loss: Tensor, optimizer: torch.optim.Optimizer) -> None:
        if not torch.isfinite(loss):
            raise TrainingError(
                f"the loss at scale {self.scale}, iteration {self.iteration}, is {loss.item()}; "
                "use a lower learning rate or another seed"
            )
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    def _fake(self, window: Windows) -> Tensor:
        if self.scale == 0:
            previous = torch.zeros_like(self.target)
        elif self.pool is None:
            with torch.no_grad():
                previous = self._previous(1)
        else:
            index = int(torch.randint(len(self.pool), (1,), generator=self.rng))
            previous = self.pool[index : index + 1]
        noise = self.gan.draw(self.scale, previous, self.rng)
        noisy = padded(previous + self.gan.amplitudes[self.scale] * noise)
        fake: Tensor = self.generator(window.of_padded(noisy), window.of(previous))
        return fake

    def _previous(self, count: int) -> Tensor:
        picture = self.gan.sample(self.scale, count, self.rng)
        return resized(picture, *self.gan.sizes[self.scale])

    def _window(self) -> Windows:
        height, width = self.target.shape[-2:]
        side = self.options.crop_px or max(height, width)
        tall, wide = min(side, height), min(side, width)
        top, left = (
            int(torch.randint(room + 1, (1,), generator=self.rng))
            for room in (height - tall, width - wide)
        )
        return Windows(top=top, left=left, height=tall, width=wide)

    def _precision(self) -> AbstractContextManager[Any]:
        wide = channels_at(self.scale) >= _BF16_CHANNELS
        return torch.autocast(
            self.target.device.type, torch.bfloat16, enabled=self.options.bf16 and wide
        )


@contextmanager
def _threads_for(pixels: int) -> Iterator[None]:
    """One thread for small pictures.

    Several have nothing to share there, and wait for each other after each of many small steps:
    on a machine that has other work, for many times as long as they compute.
    """
    threads = torch.get_num_threads()
    if pixels < _SMALL_PX:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
