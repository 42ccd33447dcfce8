"""Others' networks for deblurring: told apart by the names and shapes of their weights.

Written from their papers; the names of weights are those of the published state dicts, so that
these load as they are. Which configuration it is, is read off the shapes.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from unblur.models import NEAR_PX, ModelSpec

if TYPE_CHECKING:
    from torch import nn

Shapes = Mapping[str, tuple[int, ...]]

KNOWN: Final = "DeblurGAN, DeblurGAN-v2 (MobileNet), MIMO-UNet, MPRNet, NAFNet and Restormer"
_NAFNET_GOPRO: Final = ((1, 1, 1, 28), 1, (1, 1, 1, 1))
_MIMO: Final = {8: "mimo-unet", 20: "mimo-unet-plus"}


def recognise(shapes: Shapes) -> tuple[str, ModelSpec] | None:
    """Which network has weights of these names and shapes.

    Args:
        shapes: Of a state dict in its published layout.

    Returns:
        What to call it, with all of its configuration that is not the published one, and how to
        build and feed it; None for another network. Whether all weights are there is seen when
        they are loaded.
    """
    for key, read in (
        ("middle_blks.0.conv1.weight", _nafnet),
        ("Encoder.0.layers.0.main.0.main.0.weight", _mimo_unet),
        ("stage3_orsnet.orb1.body.0.body.0.weight", _mprnet),
        ("latent.0.attn.temperature", _restormer),
        ("fpn.lateral0.weight", _deblurgan_v2),
    ):
        if key in shapes:
            try:
                return read(shapes)
            except (KeyError, IndexError, ZeroDivisionError):  # some of its weights are missing
                return None
    return None


def published_names(state_name: str) -> str | None:
    """The name that a weight has in our module; None for one that the network does not need.

    ``fpn.features`` are DeblurGAN-v2's ``fpn.enc0`` to ``fpn.enc4`` once more, and layers after
    them that nothing is made of; running statistics are not used when restoring.
    """
    unused = ("running_mean", "running_var", "num_batches_tracked")
    if state_name.startswith("fpn.features.") or state_name.endswith(unused):
        return None
    return state_name


def _nafnet(shapes: Shapes) -> tuple[str, ModelSpec]:
    width = shapes["intro.weight"][0]
    encoders = _lengths(shapes, "encoders")
    middle = _count(shapes, "middle_blks.")
    decoders = _lengths(shapes, "decoders")
    name = f"nafnet-{width}"
    if (encoders, middle, decoders) != _NAFNET_GOPRO:
        name += f"-{_dotted(encoders)}-{middle}-{_dotted(decoders)}"

    def build() -> "nn.Module":
        from unblur.models.published.nafnet import NafNet

        return NafNet(width, encoders, middle, decoders)

    multiple = 1 << len(encoders)
    return name, ModelSpec(
        build=build,
        traced=True,
        multiple_of=multiple,
        receptive_field_px=2
        * sum((2 * step + 2) << level for level, step in enumerate((*encoders, middle))),
        tiling="global",
        # One 3x3 convolution lies between two means, two where layers run together.
        halo_px=2 * multiple,
        bytes_per_px=_bytes(width / 32),
        source="chen2022",
        label=f"NAFNet, width {width}",
    )


def _mimo_unet(shapes: Shapes) -> tuple[str, ModelSpec]:
    width = shapes["feat_extract.0.main.0.weight"][0]
    blocks = _count(shapes, "Encoder.0.layers.")
    name = _MIMO.get(blocks, f"mimo-unet-{blocks}") + ("" if width == 32 else f"-{width}")  # noqa: PLR2004

    def build() -> "nn.Module":
        from unblur.models.published.mimo_unet import MimoUnet

        return MimoUnet(blocks, width)

    stack = 2 * blocks
    # Down: convolutions of each size; up: the same again, and those that change the size.
    reach = (1 + stack + 1) + 2 * (2 + stack) + 4 * (2 + stack) + 4 * stack + 4 + 2 * stack
    return name, ModelSpec(
        build=build,
        traced=True,
        multiple_of=4,
        receptive_field_px=2 * (reach + 2 + stack + 1 + 4) + 1,
        tiling="exact",
        bytes_per_px=_bytes(width / 32),
        source="cho2021",
        label="MIMO-UNet" + ("+" if blocks == 20 else ""),  # noqa: PLR2004
    )


def _mprnet(shapes: Shapes) -> tuple[str, ModelSpec]:
    width = shapes["shallow_feat1.0.weight"][0]
    more = shapes["stage1_encoder.down12.down.1.weight"][0] - width
    wider = shapes["tail.weight"][1] - width
    blocks = _count(shapes, "stage3_orsnet.orb1.body.") - 1
    reduction = width // shapes["shallow_feat1.1.CA.conv_du.0.weight"][0]
    config = (width, more, wider, blocks, reduction)
    name = "mprnet" if config == (96, 48, 32, 8, 4) else f"mprnet-{_dotted(config)}"

    def build() -> "nn.Module":
        from unblur.models.published.mprnet import MprNet

        return MprNet(*config)

    return name, ModelSpec(
        build=build,
        traced=True,
        multiple_of=8,
        receptive_field_px=NEAR_PX,
        tiling="near",
        bytes_per_px=_bytes(4 * width / 96),
        source="zamir2021",
        label="MPRNet",
    )


def _restormer(shapes: Shapes) -> tuple[str, ModelSpec]:
    width = shapes["patch_embed.proj.weight"][0]
    levels = ("encoder_level1", "encoder_level2", "encoder_level3", "latent")
    blocks = tuple(_count(shapes, f"{level}.") for level in levels)
    heads = tuple(shapes[f"{level}.0.attn.temperature"][0] for level in levels)
    refinement = _count(shapes, "refinement.")
    hidden = shapes["encoder_level1.0.ffn.project_out.weight"][1]
    # Hidden channels are rounded down; the widest level tells the factor best.
    widest = shapes["latent.0.ffn.project_out.weight"]
    expansion = next(
        factor
        for digits in (0, 1, 2, 3, 6)
        for factor in (round((widest[1] + 0.5) / widest[0], digits),)
        if int(factor * widest[0]) == widest[1] and int(factor * width) == hidden
    )
    biased = "latent.0.norm1.body.bias" in shapes
    bias = "latent.0.attn.qkv.bias" in shapes
    name = "restormer" if biased else "restormer-bias-free"
    if (width, blocks, refinement, heads) != (48, (4, 6, 6, 8), 4, (1, 2, 4, 8)):
        name += f"-{width}-{_dotted(blocks)}-{refinement}"

    def build() -> "nn.Module":
        from unblur.models.published.restormer import Restormer

        return Restormer(
            width=width,
            blocks=blocks,
            refinement=refinement,
            heads=heads,
            expansion=expansion,
            bias=bias,
            biased=biased,
        )

    return name, ModelSpec(
        build=build,
        traced=True,
        multiple_of=8,
        receptive_field_px=NEAR_PX,
        tiling="near",
        bytes_per_px=_bytes(3 * width / 48),
        source="zamir2022",
        label="Restormer",
    )


def _deblurgan_v2(shapes: Shapes) -> tuple[str, ModelSpec]:
    pyramid = shapes["fpn.lateral4.weight"][0]
    channels = shapes["head1.block0.weight"][0]
    name = "deblurgan-v2-mobilenet"
    if (channels, pyramid) != (64, 128):
        name += f"-{channels}-{pyramid}"

    def build() -> "nn.Module":
        from unblur.models.published.deblurgan_v2 import MobileDeblurGan

        return MobileDeblurGan(channels, pyramid)

    return name, ModelSpec(
        build=build,
        traced=True,
        multiple_of=32,
        receptive_field_px=NEAR_PX,
        tiling="global",
        halo_px=160,
        bytes_per_px=_bytes(1),
        source="kupyn2019",
        label="DeblurGAN-v2 on MobileNet",
    )


_BYTES: Final = {
    "onnx-fp32": 1100,
    "openvino-fp32": 1100,
    "openvino-bf16": 700,
    "torch-fp32": 1500,
}
"""Working memory for a pixel, of NAFNet with 32 channels; guessed, not measured."""


def _bytes(times: float) -> dict[str, int]:
    """So many times that; it goes with the channels at full size."""
    return {key: int(size * times) for key, size in _BYTES.items()}


def _count(shapes: Shapes, prefix: str) -> int:
    """How many numbered parts there are."""
    return len({key[len(prefix) :].split(".")[0] for key in shapes if key.startswith(prefix)})


def _lengths(shapes: Shapes, name: str) -> tuple[int, ...]:
    return tuple(_count(shapes, f"{name}.{level}.") for level in range(_count(shapes, f"{name}.")))


def _dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))
