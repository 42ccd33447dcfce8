"""Restore photos: one road for the command line, Python, training, benchmarks and the page."""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.devices import cores
from unblur.engines import ENGINES, Engine, TorchEngine, open_engine
from unblur.errors import MissingExtraError, NetworkError, OptionError
from unblur.imaging.arrays import from_batch, to_batch
from unblur.imaging.photo import Photo
from unblur.imaging.tiles import run_tiled
from unblur.weights import find_network, read_state

Float32 = NDArray[np.float32]

_WHOLE_UP_TO_PX: Final = 4_000_000
"""Larger photos are restored in tiles, so that memory stays bounded."""
_TILE_CORE_PX: Final = 1280


@dataclass(frozen=True, kw_only=True)
class RestoreOptions:
    """How to restore: the same for every photo of a call."""

    model: str = "fast"
    """A published model's name, or the path of an ``.onnx`` file written by unblur."""
    engine: str = "auto"
    """``auto``, ``onnx``, ``openvino`` or ``torch``."""
    threads: int = 0
    """Threads of one inference; 0 takes one per core."""
    max_megapixels: float = 200.0
    """Larger photos are refused before they are decoded."""

    def __post_init__(self) -> None:
        """Check values."""
        if self.engine not in ENGINES:
            raise OptionError(f"unknown engine {self.engine!r}; known: {', '.join(ENGINES)}")
        if self.threads < 0:
            raise OptionError(f"threads must not be negative, got {self.threads}")
        if not self.max_megapixels > 0:
            raise OptionError(f"max_megapixels must be positive, got {self.max_megapixels}")


class Restorer:
    """A network ready to run on photos of any size.

    Args:
        engine: Runs the network.
        multiple_of: Both sides of what the network sees are multiples of this.
        receptive_field_px: Width of what one output pixel depends on; tiles overlap by half.
    """

    def __init__(self, engine: Engine, *, multiple_of: int, receptive_field_px: int) -> None:
        self.engine = engine
        self.multiple_of = multiple_of
        self.receptive_field_px = receptive_field_px

    @classmethod
    def open(cls, options: RestoreOptions | None = None) -> "Restorer":
        """Open the network that the options name.

        Raises:
            NetworkError: If it is unknown, corrupt, or not written by unblur.
            MissingExtraError: If the engine is not installed.
        """
        options = options or RestoreOptions()
        path = find_network(options.model)
        if options.engine == "torch":
            engine: Engine = _open_torch(path)
        else:
            engine = open_engine(path, options.engine, threads=options.threads or cores())
        facts = engine.metadata
        try:
            return cls(
                engine,
                multiple_of=int(facts["unblur.multiple_of"]),
                receptive_field_px=int(facts["unblur.receptive_field_px"]),
            )
        except (KeyError, ValueError) as error:
            raise NetworkError(
                f"{path} was not written by unblur: expected the metadata unblur.multiple_of and "
                f"unblur.receptive_field_px, got {', '.join(facts) or 'none'}"
            ) from error

    def restore_pixels(self, pixels: Float32) -> Float32:
        """Restore the pixels of one picture.

        Args:
            pixels: (H, W, 3) RGB, display-encoded, in [0, 1]; any size.

        Returns:
            The restored pixels, same shape and range.
        """
        height, width, _ = pixels.shape
        batch = to_batch(pixels, multiple_of=self.multiple_of)
        if height * width <= _WHOLE_UP_TO_PX:
            restored = self.engine.run(batch)
        else:
            restored = run_tiled(
                self.engine.run,
                batch,
                core_px=_TILE_CORE_PX,
                overlap_px=-(-self.receptive_field_px // 2),
                multiple_of=self.multiple_of,
            )
        restored = from_batch(restored, height=height, width=width)
        return np.clip(restored, 0, 1, out=restored)

    def restore(self, photo: Photo) -> Photo:
        """Restore a photo; everything but its pixels stays as it is."""
        return replace(photo, pixels=self.restore_pixels(photo.pixels))


@lru_cache(maxsize=2)
def shared_restorer(options: RestoreOptions) -> Restorer:
    """A restorer that later calls with equal options get again, weights loaded."""
    return Restorer.open(options)


def _open_torch(path: Path) -> TorchEngine:
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("torch", extra="train") from error
    from unblur.models import MODELS

    state, facts = read_state(path)
    name = facts.get("unblur.model", "")
    if name not in MODELS:
        raise NetworkError(f"{path} holds the model {name!r}; known: {', '.join(MODELS)}")
    module = MODELS[name].build()
    try:
        tensors = {key: torch.from_numpy(state[key]) for key in module.state_dict()}
        module.load_state_dict(tensors)
    except (KeyError, RuntimeError) as error:
        raise NetworkError(f"{path} does not hold the weights of {name}") from error
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return TorchEngine(module.to(device), facts)
