"""Photos and their metadata, written and read by Pillow: another opinion than libvips's."""

import io

import skimage.data
from PIL import Image, ImageCms
from PIL.TiffImagePlugin import IFDRational

ASTRONAUT = skimage.data.astronaut()[:120, 100:260]
COFFEE = skimage.data.coffee()[:120, :160]
CAMERA = skimage.data.camera()[100:220, 150:310]
FORMATS = ("jpeg", "png", "tiff", "webp", "avif")
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="%d" tiff:Make="ACME"/>'
    b"</rdf:RDF></x:xmpmeta>"
)


def encoded(image, file_format, **options):
    stream = io.BytesIO()
    image.save(stream, file_format, **options)
    return stream.getvalue()


def with_pillow(data):
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def exif_block(orientation=1, xmp=None):
    exif = Image.Exif()
    if xmp:
        exif[700] = xmp
    exif[0x0112], exif[0x010F] = orientation, "ACME"
    exif.get_ifd(0x8769).update(
        {0x829A: IFDRational(1, 125), 0xA434: "Lens 50", 0x927C: b"note" * 9}
    )
    exif.get_ifd(0x8825).update({1: "N", 2: (50.0, 4.0, 3.5)})
    return exif.tobytes()
