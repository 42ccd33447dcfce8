"""Names and shapes of the weights in published state dicts, by rule and not by our modules."""

from itertools import pairwise


def nafnet(width, encoders, middle, decoders):
    """NAFNet: encoders, middle_blks, decoders, downs and ups."""
    found = {"intro": (width, 3, 3, 3), "ending": (3, width, 3, 3)}

    def block(name, c):
        for key, shape in {
            "conv1": (2 * c, c, 1, 1),
            "conv2": (2 * c, 1, 3, 3),
            "conv3": (c, c, 1, 1),
            "sca.1": (c, c, 1, 1),
            "conv4": (2 * c, c, 1, 1),
            "conv5": (c, c, 1, 1),
            "norm1": (c,),
            "norm2": (c,),
        }.items():
            found[f"{name}.{key}"] = shape
        single[f"{name}.beta"] = single[f"{name}.gamma"] = (1, c, 1, 1)

    single = {}
    for level, count in enumerate(encoders):
        for step in range(count):
            block(f"encoders.{level}.{step}", width << level)
        found[f"downs.{level}"] = (width << level + 1, width << level, 2, 2)
    for step in range(middle):
        block(f"middle_blks.{step}", width << len(encoders))
    for level, count in enumerate(decoders):
        c = width << len(decoders) - level
        single[f"ups.{level}.0.weight"] = (2 * c, c, 1, 1)
        for step in range(count):
            block(f"decoders.{level}.{step}", c // 2)
    return single | with_biases(found)


def mimo_unet(blocks, width=32):
    """MIMO-UNet: every convolution is a main.0."""
    found = {}
    w1, w2, w4 = width, 2 * width, 4 * width
    for name, widths in (("Encoder", (w1, w2, w4)), ("Decoder", (w4, w2, w1))):
        for level, c in enumerate(widths):
            for step in range(blocks):
                for which in (0, 1):
                    found[f"{name}.{level}.layers.{step}.main.{which}.main.0"] = (c, c, 3, 3)
    for index, shape in enumerate(
        [(w1, 3, 3, 3), (w2, w1, 3, 3), (w4, w2, 3, 3), (w4, w2, 4, 4), (w2, w1, 4, 4)]
    ):
        found[f"feat_extract.{index}.main.0"] = shape
    found["feat_extract.5.main.0"] = (3, w1, 3, 3)
    found |= {"Convs.0.main.0": (w2, w4, 1, 1), "Convs.1.main.0": (w1, w2, 1, 1)}
    found |= {"ConvsOut.0.main.0": (3, w4, 3, 3), "ConvsOut.1.main.0": (3, w2, 3, 3)}
    for index, c in enumerate((w1, w2)):
        found[f"AFFs.{index}.conv.0.main.0"] = (c, 7 * width, 1, 1)
        found[f"AFFs.{index}.conv.1.main.0"] = (c, c, 3, 3)
    for index, c in ((1, w4), (2, w2)):
        found[f"FAM{index}.merge.main.0"] = (c, c, 3, 3)
        found[f"SCM{index}.main.0.main.0"] = (c // 4, 3, 3, 3)
        found[f"SCM{index}.main.1.main.0"] = (c // 2, c // 4, 1, 1)
        found[f"SCM{index}.main.2.main.0"] = (c // 2, c // 2, 3, 3)
        found[f"SCM{index}.main.3.main.0"] = (c - 3, c // 2, 1, 1)
        found[f"SCM{index}.conv.main.0"] = (c, c, 1, 1)
    shapes = with_biases(found)
    for index in (3, 4):  # transposed convolutions count the other way
        shapes[f"feat_extract.{index}.main.0.bias"] = (found[f"feat_extract.{index}.main.0"][1],)
    return shapes


def mprnet(width=96, more=48, wider=32, blocks=8, reduction=4):
    """MPRNet, for deblurring: no biases; body.1 is the slope that all share."""
    found = {}
    widths = (width, width + more, width + 2 * more)
    full = width + wider

    def block(name, c):
        found[f"{name}.CA.conv_du.0"] = (c // reduction, c, 1, 1)
        found[f"{name}.CA.conv_du.2"] = (c, c // reduction, 1, 1)
        found[f"{name}.body.0"] = found[f"{name}.body.2"] = (c, c, 3, 3)
        found[f"{name}.body.1"] = (1,)

    for stage in (1, 2, 3):
        found[f"shallow_feat{stage}.0"] = (width, 3, 3, 3)
        block(f"shallow_feat{stage}.1", width)
    for stage in (1, 2):
        for level, c in enumerate(widths, start=1):
            for step in (0, 1):
                block(f"stage{stage}_encoder.encoder_level{level}.{step}", c)
                block(f"stage{stage}_decoder.decoder_level{level}.{step}", c)
            if stage == 2:
                for name in ("enc", "dec"):
                    found[f"stage2_encoder.csff_{name}{level}"] = (c, c, 1, 1)
        for level, (small, large) in enumerate(pairwise(widths), start=1):
            block(f"stage{stage}_decoder.skip_attn{level}", small)
            down = f"stage{stage}_encoder.down{level}{level + 1}.down.1"
            up = f"stage{stage}_decoder.up{level + 1}{level}.up.1"
            found[down], found[up] = (large, small, 1, 1), (small, large, 1, 1)
    for level in (1, 2, 3):
        for step in range(blocks):
            block(f"stage3_orsnet.orb{level}.body.{step}", full)
        found[f"stage3_orsnet.orb{level}.body.{blocks}"] = (full, full, 3, 3)
        for name in ("enc", "dec"):
            found[f"stage3_orsnet.conv_{name}{level}"] = (full, width, 1, 1)
    for name in ("enc", "dec"):
        found[f"stage3_orsnet.up_{name}1.up.1"] = (widths[0], widths[1], 1, 1)
        found[f"stage3_orsnet.up_{name}2.0.up.1"] = (widths[1], widths[2], 1, 1)
        found[f"stage3_orsnet.up_{name}2.1.up.1"] = (widths[0], widths[1], 1, 1)
    for name in ("sam12", "sam23"):
        found[f"{name}.conv1"] = (width, width, 1, 1)
        found[f"{name}.conv2"], found[f"{name}.conv3"] = (3, width, 1, 1), (width, 3, 1, 1)
    found["concat12"] = (width, 2 * width, 3, 3)
    found["concat23"], found["tail"] = (full, 2 * width, 3, 3), (3, full, 3, 3)
    return {f"{name}.weight": shape for name, shape in found.items()}


def restormer(width=48, blocks=(4, 6, 6, 8), refinement=4, heads=(1, 2, 4, 8), *, biased=True):
    """Restormer: convolutions without biases, norms with or without."""
    found = {"patch_embed.proj.weight": (width, 3, 3, 3), "output.weight": (3, 2 * width, 3, 3)}

    def level(name, count, c, of):
        hidden = int(c * 2.66)
        for step in range(count):
            at = f"{name}.{step}"
            found[f"{at}.attn.temperature"] = (heads[of], 1, 1)
            found[f"{at}.attn.qkv.weight"] = (3 * c, c, 1, 1)
            found[f"{at}.attn.qkv_dwconv.weight"] = (3 * c, 1, 3, 3)
            found[f"{at}.attn.project_out.weight"] = (c, c, 1, 1)
            found[f"{at}.ffn.project_in.weight"] = (2 * hidden, c, 1, 1)
            found[f"{at}.ffn.dwconv.weight"] = (2 * hidden, 1, 3, 3)
            found[f"{at}.ffn.project_out.weight"] = (c, hidden, 1, 1)
            for norm in ("norm1", "norm2"):
                found[f"{at}.{norm}.body.weight"] = (c,)
                if biased:
                    found[f"{at}.{norm}.body.bias"] = (c,)

    w1, w2, w4, w8 = (width << step for step in range(4))
    for index, c in enumerate((w1, w2, w4)):
        level(f"encoder_level{index + 1}", blocks[index], c, index)
        found[f"down{index + 1}_{index + 2}.body.0.weight"] = (c // 2, c, 3, 3)
        found[f"up{index + 2}_{index + 1}.body.0.weight"] = (4 * c, 2 * c, 3, 3)
    level("latent", blocks[3], w8, 3)
    for index, c in ((3, w4), (2, w2)):
        found[f"reduce_chan_level{index}.weight"] = (c, 2 * c, 1, 1)
        level(f"decoder_level{index}", blocks[index - 1], c, index - 1)
    level("decoder_level1", blocks[0], w2, 0)
    level("refinement", refinement, w2, 0)
    return found


def deblurgan_v2(channels=64, pyramid=128):
    """DeblurGAN-v2 on MobileNetV2, with all 19 layers of that, and what is needed once more."""
    found = {}

    def norm(name, c, *, affine):
        if affine:
            found[f"{name}.weight"] = found[f"{name}.bias"] = (c,)
        found[f"{name}.running_mean"] = found[f"{name}.running_var"] = (c,)
        found[f"{name}.num_batches_tracked"] = ()

    def conv(name, *shape):
        found[f"{name}.weight"] = shape

    def layer(name, index):
        """One of MobileNetV2's."""
        if index == 0:
            conv(f"{name}.0", 32, 3, 3, 3)
            return norm(f"{name}.1", 32, affine=True)
        if index == 18:
            conv(f"{name}.0", 1280, 320, 1, 1)
            return norm(f"{name}.1", 1280, affine=True)
        widths = [32, 16, *[24] * 2, *[32] * 3, *[64] * 4, *[96] * 3, *[160] * 3, 320]
        inside, outside = widths[index - 1], widths[index]
        wide, at = inside * (1 if index == 1 else 6), 0
        if index > 1:
            conv(f"{name}.conv.0", wide, inside, 1, 1)
            norm(f"{name}.conv.1", wide, affine=True)
            at = 3
        conv(f"{name}.conv.{at}", wide, 1, 3, 3)
        norm(f"{name}.conv.{at + 1}", wide, affine=True)
        conv(f"{name}.conv.{at + 3}", outside, wide, 1, 1)
        return norm(f"{name}.conv.{at + 4}", outside, affine=True)

    for index in range(19):
        layer(f"fpn.features.{index}", index)
    stages = (range(2), range(2, 4), range(4, 7), range(7, 11), range(11, 16))
    for stage, indices in enumerate(stages):
        for at, index in enumerate(indices):
            layer(f"fpn.enc{stage}.{at}", index)
    for level, inside in enumerate((16, 24, 32, 64, 160)):
        conv(f"fpn.lateral{level}", pyramid if level else pyramid // 2, inside, 1, 1)
    for level in (1, 2, 3):
        conv(f"fpn.td{level}.0", pyramid, pyramid, 3, 3)
        found[f"fpn.td{level}.0.bias"] = (pyramid,)
        norm(f"fpn.td{level}.1", pyramid, affine=False)
    for level in (1, 2, 3, 4):
        conv(f"head{level}.block0", channels, pyramid, 3, 3)
        conv(f"head{level}.block1", channels, channels, 3, 3)
    for name, inside, outside in (
        ("smooth", 4 * channels, channels),
        ("smooth2", channels, channels // 2),
    ):
        conv(f"{name}.0", outside, inside, 3, 3)
        found[f"{name}.0.bias"] = (outside,)
        norm(f"{name}.1", outside, affine=False)
    conv("final", 3, channels // 2, 3, 3)
    found["final.bias"] = (3,)
    return found


def with_biases(layers):
    """Weight and bias of each layer."""
    shapes = {f"{name}.weight": shape for name, shape in layers.items()}
    return shapes | {f"{name}.bias": (shape[0],) for name, shape in layers.items()}
