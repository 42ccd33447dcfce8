"""The networks, as a table: what can be built, and what one must know to run it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from unblur.checks import check_known
from unblur.errors import OptionError

if TYPE_CHECKING:
    from torch import nn

HALO_PX: Final = 16
"""More than a layer of DeblurGAN, or those that run together, reach beyond a band."""
NEAR_PX: Final = 193
"""Receptive field that is taken for networks that see the whole and cannot be cut into layers:
wider than one U of their convolutions reaches, and a pixel hardly depends on what is farther."""


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """One architecture: how to build it and how to feed it."""

    build: Callable[[], "nn.Module"]
    """Makes the network with fresh weights; imports torch."""
    multiple_of: int
    """Both sides of the input must be multiples of this many pixels."""
    receptive_field_px: int
    """Width of the square of input pixels that one output pixel can depend on."""
    tiling: Literal["exact", "global", "near"]
    """``exact``: overlapping tiles give the whole picture's pixels. ``global``: they do not, but
    bands from layer to layer do. ``near``: neither does; tiles are what matters most."""
    bytes_per_px: Mapping[str, int]
    """Working memory for each pixel of a tile, by engine and precision: of whole runs over tiles of
    several shapes, more than the network alone takes for one
    (``python benchmarks/restore.py --memory`` prints that)."""
    source: str
    """Paper or document that describes it."""
    halo_px: int = HALO_PX
    """``global``: surroundings that a band needs, for the layers between two statistics."""
    traced: bool = False
    """Exported by running it once, which takes seconds, where following its code takes minutes."""
    channels: tuple[int, int] = (3, 3)
    """Of input and output."""
    label: str = ""
    """What reports call it where published numbers stand beside; empty: by its name."""


def _fast(design: str, *, receptive_field_px: int) -> ModelSpec:
    def build() -> "nn.Module":
        from unblur.models.fast import DESIGNS, FastGenerator

        return FastGenerator(**DESIGNS[design])

    return ModelSpec(
        build=build,
        multiple_of=16,
        receptive_field_px=receptive_field_px,
        tiling="exact",
        bytes_per_px={
            "onnx-fp32": 380,
            "openvino-fp32": 250,
            "openvino-bf16": 150,
            "torch-fp32": 500,
        },
        source="docs/adr/0001-default-network.md",
    )


def _guided() -> ModelSpec:
    """The network that knows the kernel: the layers of ``fast``, with more to see and to say."""

    def build() -> "nn.Module":
        from unblur.models.guided import GuidedGenerator

        return GuidedGenerator()

    plain = _fast("fast", receptive_field_px=422)
    return replace(
        plain, build=build, channels=(7, 4), source="docs/adr/0009-blind-deconvolution.md"
    )


def _edges() -> ModelSpec:
    """The network that draws edges: the finer levels of ``fast``."""

    def build() -> "nn.Module":
        from unblur.models.edges import EdgesGenerator

        return EdgesGenerator()

    plain = _fast("fast", receptive_field_px=148)
    source = "docs/adr/0009-blind-deconvolution.md"
    return replace(plain, build=build, multiple_of=8, channels=(3, 2), source=source)


def _paths() -> ModelSpec:
    """The network that traces paths; it sees kernels, and no pictures."""

    def build() -> "nn.Module":
        from unblur.models.paths import PathsGenerator

        return PathsGenerator()

    return replace(_edges(), build=build, multiple_of=1, receptive_field_px=29, channels=(4, 1))


_PUBLISHED_CHANNELS: Final = 64


def _deblurgan(*, channels: int) -> ModelSpec:
    """DeblurGAN's generator; other widths than 64 are ours, and no figures of the paper hold."""

    def build() -> "nn.Module":
        from unblur.models.deblurgan import DeblurGenerator

        return DeblurGenerator(channels=channels)

    return ModelSpec(
        build=build,
        multiple_of=4,
        receptive_field_px=169,  # of the convolutions: the normalisation sees everything
        tiling="global",
        bytes_per_px={
            "onnx-fp32": 3500 * channels // 64,
            "openvino-fp32": 800 * channels // 64,
            "openvino-bf16": 450 * channels // 64,
            "torch-fp32": 1500 * channels // 64,
        },
        source="kupyn2018",
        label="DeblurGAN's generator"
        if channels == _PUBLISHED_CHANNELS
        else f"DeblurGAN's topology, {channels} channels",
    )


class Models(Mapping[str, ModelSpec]):
    """The table: today's names when it is listed, earlier ones when it is asked for.

    Args:
        specs: By name.
        renamed: Earlier names, and what they are today: files of weights, network files and recipes
            of others may hold them.
    """

    def __init__(self, specs: Mapping[str, ModelSpec], renamed: Mapping[str, str]) -> None:
        self._specs, self._renamed = dict(specs), dict(renamed)

    def name(self, name: str) -> str:
        """What a model is called today; other words as they are."""
        return self._renamed.get(name, name)

    def __getitem__(self, name: str) -> ModelSpec:
        """The model of a name, today's or an earlier one."""
        return self._specs[self.name(name)]

    def __iter__(self) -> Iterator[str]:
        """Today's names."""
        return iter(self._specs)

    def __len__(self) -> int:
        """The number of models."""
        return len(self._specs)


_SPECS: Final = {
    "fast": _fast("fast", receptive_field_px=422),
    "fast-half": _fast("half", receptive_field_px=406),
    "fast-quarter": _fast("quarter", receptive_field_px=494),
    "fast-wide": _fast("wide", receptive_field_px=278),
    "fast-deep": _fast("deep", receptive_field_px=582),
    "guided": _guided(),
    "edges": _edges(),
    "paths": _paths(),
    "deblurgan": _deblurgan(channels=64),
    "deblurgan-32": _deblurgan(channels=32),
    "deblurgan-16": _deblurgan(channels=16),
}
MODELS: Final = Models(_SPECS, {"deblurgan-narrow": "deblurgan-32"})


def model_facts(name: str) -> dict[str, str]:
    """What a network file says of its architecture, and engines read.

    Args:
        name: A key of :data:`MODELS`.
    """
    return spec_facts(MODELS.name(name), MODELS[name])


def spec_facts(name: str, spec: ModelSpec) -> dict[str, str]:
    """The same of an architecture that need not be in the table.

    Args:
        name: What to call it.
        spec: What it is.
    """
    facts = {
        "unblur.model": name,
        "unblur.multiple_of": str(spec.multiple_of),
        "unblur.receptive_field_px": str(spec.receptive_field_px),
        "unblur.tiling": spec.tiling,
    }
    if name not in MODELS:
        facts |= {"unblur.architecture": spec.label or name, "unblur.halo_px": str(spec.halo_px)}
        facts |= {f"unblur.bytes_per_px.{key}": str(x) for key, x in spec.bytes_per_px.items()}
    return facts


def check_trainable(name: str) -> None:
    """Check that recipes can train a model: it sees nothing but photos.

    Raises:
        OptionError: If there is no such model, or it sees more.
    """
    check_known("model", name, MODELS)
    if MODELS[name].channels != (3, 3):
        raise OptionError(f'{name} learns from deconvolutions, with method = "{name}"')


def build_model(name: str) -> "nn.Module":
    """Build a network with fresh weights.

    Args:
        name: A key of :data:`MODELS`.

    Raises:
        OptionError: If there is no such model.
    """
    check_known("model", name, MODELS)
    return MODELS[name].build()
