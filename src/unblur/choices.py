"""What options take by name, each list once.

Options check these names, help texts say them, and shells complete them at every press of a key:
nothing is imported here. Where a table elsewhere has a function for each name, a test compares the
two.
"""

from typing import Final

ENGINES: Final = ("auto", "onnx", "openvino", "torch")
PRECISIONS: Final = ("auto", "fp32", "bf16")
DEVICES: Final = (
    "auto", "cpu", "cuda", "tensorrt", "migraphx", "rocm", "dml", "coreml", "openvino",
)  # fmt: skip
"""Or a number, or one of these with a number, such as ``cuda:1``."""
CLASSICAL: Final = ("wiener", "unsupervised-wiener", "richardson-lucy", "unsharp-mask")
FINDS_BLUR: Final = ("auto", "blind")
"""Ways of restoring that look for the kernel in the photo itself."""
NETWORK_METHODS: Final = ("network", *FINDS_BLUR)
"""Ways of restoring for which a network is opened."""
METHODS: Final = ("auto", "network", "blind", *CLASSICAL)
VIDEO_METHODS: Final = ("auto", "network")
REFERENCES: Final = ("sharp", "noisy")
"""What a second shot may be."""
MODELS: Final = ("fast", "fast-gan", "deblurgan-32")
METRICS: Final = ("psnr", "ssim", "ms_ssim", "cw_ssim")
CODECS: Final = ("auto", "h264", "h265", "vp9", "ffv1")
PRESETS: Final = ("authors", "paper")
PROTOCOLS: Final = ("standard", "deblurgan", "singan")
TILES: Final = ("auto", "off")
"""Or a side in px."""
