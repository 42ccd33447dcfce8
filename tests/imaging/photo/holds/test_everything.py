"""Whatever a file holds, in whatever combination: it comes out, or is named."""

import io
import struct

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from held_files import chunk, encoded, film, gain_map, raw_profile, through, xmp
from icc_profiles import profile
from pillow_files import COFFEE, FORMATS, exif_block, with_pillow
from unblur.imaging.photo.holds import look_into
from unblur.imaging.photo.photo import read_photo

FILM = film(2)
GAIN_MAP = gain_map()
IPTC = b"\x1c\x02\x78\x00\x0bA caption.."
ICC = profile("Display P3")
SMALL = Image.fromarray(COFFEE[::2, ::2])
KEPT = {  # by which formats, beside what all of them keep
    "IPTC": {"jpeg", "tiff", "png"},
    "text 'Author'": {"png", "jpeg"},
    "comment": {"png", "jpeg"},
    "film": {"jpeg", "avif"},
    "gain map": {"jpeg"},
    "chunk": {"png"},
    "HDR": {"png", "avif"},
}
ITEMS = {
    "jpeg": {"exif", "xmp", "icc", "IPTC", "comment", "gain map", "film", "turned", "junk"},
    "png": {"exif", "hidden exif", "xmp", "icc", "IPTC", "text 'Author'", "HDR", "chunk", "turned",
            "alpha", "frames"},
    "tiff": {"exif", "xmp", "icc", "IPTC", "turned", "alpha", "frames"},
    "webp": {"exif", "xmp", "icc", "turned", "alpha", "junk"},
    "avif": {"exif", "xmp", "icc", "HDR", "film", "turned", "alpha"},
}  # fmt: skip


def built(file_format, chosen):
    """Return a file of a format with these items, made by Pillow and by hand."""
    image = SMALL
    if "alpha" in chosen:
        image = Image.merge("RGBA", (*SMALL.split(), SMALL.split()[0]))
    orientation = 6 if "turned" in chosen else 1
    options = {}
    if "icc" in chosen:
        options["icc_profile"] = ICC
    if "exif" in chosen and file_format != "tiff":
        options["exif"] = exif_block(orientation)
        orientation = 1 if file_format == "avif" else orientation  # that of the file itself
    packet = xmp(
        f'tiff:Orientation="{orientation}" tiff:Make="ACME"'
        + (' GCamera:MotionPhoto="1"' if "film" in chosen else "")
        + (' hdrgm:Version="1.0"' if "gain map" in chosen else "")
    )
    if file_format == "tiff":
        tags = {700: packet} if "xmp" in chosen else {}
        tags |= {271: "ACME"} if "exif" in chosen else {}
        tags |= {274: 6} if "turned" in chosen else {}
        tags |= {33723: IPTC} if "IPTC" in chosen else {}
        options["tiffinfo"] = tags
    elif file_format == "png":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        if "xmp" in chosen:
            options["pnginfo"].add_itxt("XML:com.adobe.xmp", packet.decode())
    elif "xmp" in chosen:
        options["xmp"] = packet
    if "frames" in chosen:
        options |= {"save_all": True, "append_images": [Image.fromarray(COFFEE[1::2, ::2])]}
        if file_format == "png":
            options["append_images"] = [image.rotate(180)]
    return added(encoded(image, file_format, **options), file_format, chosen)


def added(data, file_format, chosen):
    if file_format == "jpeg":
        segments = b""
        if "comment" in chosen:
            segments += b"\xff\xfe" + struct.pack(">H", 2 + 9) + b"a comment"
        if "IPTC" in chosen:
            body = b"Photoshop 3.0\0" + struct.pack(">4sHHI", b"8BIM", 0x404, 0, len(IPTC)) + IPTC
            segments += b"\xff\xed" + struct.pack(">H", 2 + len(body)) + body
        if "junk" in chosen:
            segments += b"\xff\xe7" + struct.pack(">H", 2 + 6) + b"ABCDEF"
        data = data[:2] + segments + data[2:]
        data += GAIN_MAP if "gain map" in chosen else b""
        data += FILM if "film" in chosen else b""
    if file_format == "png":
        chunks = b""
        chunks += chunk("cICP", bytes([9, 16, 0, 1])) if "HDR" in chosen else b""
        chunks += chunk("tEXt", b"Author\0me") if "text 'Author'" in chosen else b""
        chunks += chunk("prVt", b"private") if "chunk" in chosen else b""
        chunks += chunk("zTXt", raw_profile("iptc", IPTC)) if "IPTC" in chosen else b""
        if "hidden exif" in chosen and "exif" not in chosen:
            chunks += chunk("zTXt", raw_profile("exif", exif_block(1)))
        data = data[:33] + chunks + data[33:]
    if file_format == "webp" and "junk" in chosen:
        data += b"JUNK" + struct.pack("<I", 2) + b"xy"
        data = data[:4] + struct.pack("<I", len(data) - 8) + data[8:]
    if file_format == "avif":
        if "HDR" in chosen:
            at = data.index(b"nclx") + 4
            data = data[:at] + struct.pack(">HH", 9, 16) + data[at + 4 :]
        if "film" in chosen:
            data += struct.pack(">I4s", len(FILM) + 8, b"mpvd") + FILM
    return data


@st.composite
def files(draw):
    source = draw(st.sampled_from(FORMATS))
    chosen = draw(st.sets(st.sampled_from(sorted(ITEMS[source]))))
    if source == "avif" and "HDR" in chosen:
        chosen -= {"icc"}
    return source, frozenset(chosen), draw(st.sampled_from(FORMATS))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(files())
def test_what_went_in_comes_out_or_is_named(file):
    source, chosen, target = file
    said_turn = {"turned"} <= chosen and ({"exif", "xmp"} & chosen or source == "tiff")
    if source == "png" and "hidden exif" in chosen and "exif" not in chosen:
        said_turn = False  # the hidden EXIF says that it is upright

    data, notes = through(built(source, chosen), target)

    said = "; ".join(notes)
    image = with_pillow(data)
    assert image.size == ((60, 80) if said_turn else (80, 60))
    assert "damaged" not in said
    exif = image.getexif()
    if {"exif", "hidden exif"} & chosen:
        assert exif[0x010F] == "ACME"
    assert exif.get(0x0112, 1) == 1
    if "icc" in chosen:
        assert image.info["icc_profile"] == ICC
    assert ("A" in image.getbands()) == ("alpha" in chosen and target != "jpeg")
    packet = read_photo(data).metadata.xmp or b""
    assert (b"ACME" in packet) == ("xmp" in chosen)
    assert b'Orientation="6"' not in packet
    for item in set(KEPT) & chosen:
        assert is_in(item, data, target) == (target in KEPT[item]), item
        named = item if item != "chunk" else "prVt"
        assert (named in (said if item != "HDR" else said.partition("looks pale")[2])) == (
            target not in KEPT[item]
        ), item
    assert (b"MotionPhoto" in packet) == ({"xmp", "film"} <= chosen and target in KEPT["film"])
    assert (b"hdrgm:Version" in packet) == ({"xmp", "gain map"} <= chosen and target == "jpeg")
    assert ("first of 2" in said) == ("frames" in chosen)
    assert ("APP7" in said or "JUNK" in said) == ("junk" in chosen)
    assert bool(notes) == bool(
        {"junk", "frames", "HDR"} & chosen
        or any(target not in KEPT[x] for x in KEPT if x in chosen)
    )


def is_in(item, data, target):
    """Whether an item is in what was written."""
    if item == "HDR":
        found = look_into(io.BytesIO(data), target).items
        return any(part.form == "cICP" and part.data[:2] == b"\x09\x10" for part in found)
    content = {
        "IPTC": IPTC,
        "text 'Author'": b"me",
        "comment": b"a comment",
        "film": FILM,
        "gain map": b"hdrgm:GainMapMax",
        "chunk": b"prVtprivate",
    }[item]
    if item == "IPTC" and target == "png":
        texts = with_pillow(data).text
        hidden = "".join(texts.get("Raw profile type iptc", "").split()[2:])
        return IPTC in bytes.fromhex(hidden)
    if item == "text 'Author'":
        return b"Author\0me" in data or b"Author: me" in data
    return content in data


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(files(), st.data())
def test_a_damaged_file_is_looked_into_without_an_error(file, data):
    source, chosen, _ = file
    content = bytearray(built(source, chosen - {"film", "gain map"}))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, min(len(content), 1500) - 5))
        content[at : at + 4] = data.draw(
            st.sampled_from([bytes(4), b"\xff" * 4, b"\x7f\xff\xff\xf0"])
        )

    found = look_into(io.BytesIO(bytes(content)), source)

    assert all(item.name for item in found.items)


def test_pixels_are_those_without_anything_beside_them():
    for source in FORMATS:
        plain = read_photo(built(source, {"alpha"} & ITEMS[source])).pixels
        chosen = ITEMS[source] - {"turned", "frames"}
        np.testing.assert_array_equal(read_photo(built(source, chosen)).pixels, plain)
