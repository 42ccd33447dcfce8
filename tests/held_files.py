"""Photo files that hold more than a picture, made without the code that reads them."""

import io
import struct
import zlib

import av
import numpy as np
from PIL import Image

from pillow_files import COFFEE, encoded
from unblur.imaging.photo.holds.settle import settle
from unblur.imaging.photo.photo import encode_photo, read_photo

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
GOOGLE = "http://ns.google.com/photos/1.0"
HDRGM = "http://ns.adobe.com/hdr-gain-map/1.0/"
SMALL = Image.fromarray(COFFEE)


def through(data, file_format):
    """Read a file and write it in a format: its bytes, and all that is said of it."""
    photo = read_photo(data)
    settled = settle(photo.metadata, file_format, photo.pixels.shape[:2])
    return encode_photo(photo, file_format), (*photo.notes, *settled.notes())


def xmp(attributes="", inside=""):
    """Return an XMP packet with these attributes and elements of the usual prefixes."""
    names = {
        "tiff": "http://ns.adobe.com/tiff/1.0/",
        "xmpNote": "http://ns.adobe.com/xmp/note/",
        "hdrgm": HDRGM,
        "GCamera": f"{GOOGLE}/camera/",
        "GDepth": f"{GOOGLE}/depthmap/",
        "Container": f"{GOOGLE}/container/",
        "Item": f"{GOOGLE}/container/item/",
    }
    spaces = " ".join(f'xmlns:{name}="{uri}"' for name, uri in names.items())
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"><rdf:Description '
        f'rdf:about="" {spaces} {attributes}>{inside}</rdf:Description></rdf:RDF></x:xmpmeta>'
    ).encode()


def directory(*entries):
    """Return Google's list of what a file holds: (semantic, MIME type, bytes) each."""
    items = "".join(
        f'<rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="{mime}" '
        f'Item:Semantic="{word}" Item:Length="{length}" Item:Padding="0"/></rdf:li>'
        for word, mime, length in (("Primary", "image/jpeg", 0), *entries)
    )
    return f"<Container:Directory><rdf:Seq>{items}</rdf:Seq></Container:Directory>"


def film(frames=5):
    """Return an MP4 of 64 x 64 px."""
    stream = io.BytesIO()
    with av.open(stream, "w", format="mp4") as container:
        track = container.add_stream("h264", rate=30)
        track.width = track.height = 64
        track.pix_fmt = "yuv420p"
        for index in range(frames):
            pixels = np.full((64, 64, 3), index * 40, np.uint8)
            container.mux(track.encode(av.VideoFrame.from_ndarray(pixels)))
        container.mux(track.encode())
    return stream.getvalue()


def frames_of(data):
    """Count the frames of a film."""
    with av.open(io.BytesIO(data)) as container:
        return sum(1 for _ in container.decode(video=0))


def motion_photo(movie, **options):
    """Return a JPEG with a film behind it, as Google's camera writes them."""
    packet = xmp(
        'GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion="1"',
        directory(("MotionPhoto", "video/mp4", len(movie))),
    )
    return encoded(SMALL, "jpeg", xmp=packet, **options) + movie


def gain_map(pixels=None):
    """Return the JPEG of a gain map: a quarter of the photo's sides, bright on the left."""
    if pixels is None:
        pixels = np.zeros((30, 40), np.uint8)
        pixels[:, :10] = 200
    packet = xmp('hdrgm:Version="1.0" hdrgm:GainMapMax="3.5"')
    return encoded(Image.fromarray(pixels), "jpeg", xmp=packet, quality=95)


def ultra_hdr(second, **options):
    """Return a JPEG with a gain map behind it, found by XMP."""
    packet = xmp('hdrgm:Version="1.0"', directory(("GainMap", "image/jpeg", len(second))))
    return encoded(SMALL, "jpeg", xmp=packet, **options) + second


def chunk(kind, data):
    body = kind.encode() + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png(*chunks, image=SMALL, **options):
    """Return a PNG with these chunks, type and content each, behind its header."""
    data = encoded(image, "png", **options)
    return data[:33] + b"".join(chunk(kind, body) for kind, body in chunks) + data[33:]


def chunks_of(data):
    """List type and content of a PNG's chunks."""
    found, at = [], 8
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + size]
        assert zlib.crc32(kind + body) == struct.unpack_from(">I", data, at + 8 + size)[0]
        found.append((kind.decode(), body))
        at += size + 12
    return found


def raw_profile(name, block):
    """Return the content of a zTXt in which ImageMagick hides a block."""
    text = f"\n{name}\n{len(block):8d}\n" + block.hex() + "\n"
    return f"Raw profile type {name}".encode() + b"\0\0" + zlib.compress(text.encode())


def jpeg_with(*segments, image=SMALL, **options):
    """Return a JPEG with these segments, marker and content each, at its beginning."""
    data = encoded(image, "jpeg", **options)
    parts = (struct.pack(">BBH", 255, marker, len(body) + 2) + body for marker, body in segments)
    return data[:2] + b"".join(parts) + data[2:]
