"""Numbers that papers print, beside which ours stand: as printed, with where they are from."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Published:
    """A row of a paper's table."""

    method: str
    psnr: float
    ssim: float | None
    source: str
    protocol: str
    """As far as it is known; see the note on what SSIM means."""


_DEBLURGAN: Final = "Kupyn et al., DeblurGAN, CVPR 2018"
_NAH: Final = "Nah et al., CVPR 2017"
_HALF: Final = "640x360; the SSIM is complex-wavelet SSIM"
_FULL: Final = "1280x720"
_PRINTED: Final = "as printed in DeblurGAN's table"
_BEST: Final = "best match over all frames; the SSIM is MS-SSIM"


def _row(method: str, psnr: float, ssim: float | None, source: str, protocol: str) -> Published:
    return Published(method=method, psnr=psnr, ssim=ssim, source=source, protocol=protocol)


GOPRO: Final = (
    _row("blurred input", 25.64, 0.79, "later papers", _FULL),
    _row("Sun", 24.6, 0.842, _DEBLURGAN, _PRINTED),
    _row("Nah", 28.3, 0.916, _DEBLURGAN, _PRINTED),
    _row("Nah, gamma subset", 29.1, None, _NAH, _FULL),
    _row("Xu", 25.1, 0.89, _DEBLURGAN, _PRINTED),
    _row("DeblurGAN WILD", 27.2, 0.954, _DEBLURGAN, _HALF),
    _row("DeblurGAN Synth", 23.6, 0.884, _DEBLURGAN, _HALF),
    _row("DeblurGAN Comb", 28.7, 0.958, _DEBLURGAN, _HALF),
    _row("DeblurGAN-v2 Inception", 29.55, 0.934, "Kupyn et al., ICCV 2019", _FULL),
    _row("DeblurGAN-v2 MobileNet", 28.17, 0.925, "Kupyn et al., ICCV 2019", _FULL),
    _row("SRN", 30.26, 0.934, "Tao et al., CVPR 2018", _FULL),
    _row("MPRNet", 32.66, 0.959, "Zamir et al., CVPR 2021", _FULL),
    _row("MIMO-UNet+", 32.45, 0.957, "Cho et al., ICCV 2021", _FULL),
    _row("NAFNet-32", 32.87, 0.961, "Chen et al., ECCV 2022", _FULL),
    _row("NAFNet-64", 33.71, 0.967, "Chen et al., ECCV 2022", _FULL),
    _row("SinGAN deblurring", 15.3, 0.52, "the paper on SinGAN deblurring", "100 random photos"),
)
KOHLER: Final = (
    _row("Sun", 25.22, 0.773, _DEBLURGAN, _BEST),
    _row("Nah", 26.48, 0.807, _DEBLURGAN, _BEST),
    _row("Xu", 27.47, 0.811, _DEBLURGAN, _BEST),
    _row("Whyte", 27.03, 0.809, _DEBLURGAN, _BEST),
    _row("DeblurGAN WILD", 26.10, 0.816, _DEBLURGAN, _BEST),
    _row("DeblurGAN Synth", 25.67, 0.792, _DEBLURGAN, _BEST),
    _row("DeblurGAN Comb", 25.86, 0.802, _DEBLURGAN, _BEST),
)
PUBLISHED: Final = {"gopro": GOPRO, "kohler": KOHLER, "pairs": ()}
