"""HEIC files, made by pillow-heif's encoder."""

import io

import numpy as np
import pillow_heif

_MODES = {(2, 1): "L", (3, 1): "RGB", (4, 1): "RGBA", (2, 2): "L;16", (3, 2): "RGB;16"}
_MODES[4, 2] = "RGBA;16"


def heic(pixels, *, exif=None, xmp=None, icc=None, **options):
    """Return a HEIC file of uint8 or uint16 pixels, those in 10 bits.

    Args:
        pixels: Shape (H, W), (H, W, 3) or (H, W, 4).
        exif: EXIF; its orientation becomes one of the picture itself.
        xmp: XMP.
        icc: ICC profile.
        options: Of pillow-heif, such as quality and color_primaries.
    """
    bands = 2 if pixels.ndim == 2 else pixels.shape[2]
    mode = _MODES[bands, pixels.dtype.itemsize]
    height, width = pixels.shape[:2]
    image = pillow_heif.from_bytes(mode, (width, height), np.ascontiguousarray(pixels).tobytes())
    blocks = {"exif": exif, "xmp": xmp, "icc_profile": icc}
    image.info.update({name: block for name, block in blocks.items() if block})
    stream = io.BytesIO()
    image.save(stream, **{"quality": 95, "chroma": 444, **options})
    return stream.getvalue()
