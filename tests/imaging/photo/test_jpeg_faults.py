"""Faults of JPEG files that cost no pixel are notes; those that do are errors."""

import io

import numpy as np
import pytest
from PIL import Image, ImageFile

from pillow_files import ASTRONAUT, encoded, with_pillow
from unblur import read_photo
from unblur.errors import PhotoError

IMAGE = Image.fromarray(ASTRONAUT)
BASELINE = encoded(IMAGE, "jpeg", quality=92, subsampling=0)
PROGRESSIVE = encoded(IMAGE, "jpeg", quality=92, subsampling=0, progressive=True)
RESTARTS = encoded(IMAGE, "jpeg", quality=92, subsampling=0, restart_marker_blocks=10)
CMYK = encoded(IMAGE.convert("CMYK"), "jpeg", quality=92)
EOI = b"\xff\xd9"


def _adobe(data, code, *, jfif):
    """A file with Adobe's marker, in place of JFIF's or after it."""
    after = data.index(b"\xff\xe0") + 18
    marker = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0" + bytes([code])
    return (data[:after] if jfif else data[:2]) + marker + data[after:]


def _changed(data, what, new, offset=0):
    at = data.index(what) + offset
    return data[:at] + new + data[at + len(new) :]


def _with_bytes_before(data, marker, junk=b"\0junk\x01"):
    at = data.index(marker)
    return data[:at] + junk + data[at:]


def _scan_of_no_coefficients(data):
    return _changed(data, b"\xff\xda\0\x0c\x03", b"\0\0\0", offset=11)


def _pillow(data):
    """What Pillow makes of a file, whatever is missing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
        return np.asarray(with_pillow(data).convert("RGB")).astype(int)


HARMLESS = {
    "no end": (BASELINE[:-2], "no end-of-image marker"),
    "no end but zeros": (BASELINE[:-2] + bytes(4096), "no end-of-image marker"),
    "half of the end": (BASELINE[:-1], "no end-of-image marker"),
    "no end, scan by scan": (PROGRESSIVE[:-2], "no end-of-image marker"),
    "no end, restarts": (RESTARTS[:-2], "no end-of-image marker"),
    "JFIF 2.01": (_changed(BASELINE, b"JFIF\0", b"\x02", offset=5), "revision 2.01 of JFIF"),
    "JFIF 0.99": (_changed(BASELINE, b"JFIF\0", b"\0\x63", offset=5), "revision 0.99 of JFIF"),
    "Adobe 2 of three": (_adobe(BASELINE, 2, jfif=False), "unknown colour transform 2"),
    "Adobe 77": (_adobe(BASELINE, 77, jfif=False), "unknown colour transform 77"),
    "Adobe 77 and JFIF": (_adobe(BASELINE, 77, jfif=True), None),
    "both": (_changed(BASELINE[:-2], b"JFIF\0", b"\x03", offset=5), "no end-of-image marker"),
    "scan": (_scan_of_no_coefficients(BASELINE), "a range of coefficients"),
    "junk in the header": (_with_bytes_before(BASELINE, b"\xff\xdb"), "6 bytes between"),
    "junk after the scan": (_with_bytes_before(BASELINE, EOI), None),
    "junk after the end": (BASELINE + b"\0junk\xff\xd8\xff", None),
}


@pytest.mark.parametrize(("data", "note"), HARMLESS.values(), ids=HARMLESS)
def test_a_fault_that_costs_no_pixel_is_a_note(data, note):
    photo = read_photo(data)

    got = np.rint(photo.pixels * 255).astype(int)
    assert np.abs(got - _pillow(data)).max() <= 1
    assert np.abs(got - _pillow(BASELINE)).max() <= 1
    assert any(note in said for said in photo.notes) if note else not photo.notes


@pytest.mark.parametrize("code", [1, 5])
def test_inks_of_an_unknown_transform_are_read_as_others_read_them(code):
    transform = CMYK.index(b"Adobe") + 11
    ycck = CMYK[:transform] + b"\x02" + CMYK[transform + 1 :]
    data = CMYK[:transform] + bytes([code]) + CMYK[transform + 1 :]

    photo = read_photo(data)

    assert f"unknown colour transform {code} in Adobe's marker read as YCCK" in photo.notes
    np.testing.assert_array_equal(photo.pixels, read_photo(ycck).pixels)
    np.testing.assert_array_equal(np.asarray(with_pillow(data)), np.asarray(with_pillow(ycck)))


def _scans(data):
    found, at = [], data.find(b"\xff\xda")
    while at >= 0:
        found.append(at)
        at = data.find(b"\xff\xda", at + 2)
    return found


DAMAGED = {
    "cut": BASELINE[: len(BASELINE) // 2],
    "cut by one": BASELINE[:-3],
    "cut by one and ended": BASELINE[:-3] + EOI,
    "in the last scan": PROGRESSIVE[:-20],
    "in the last scan and ended": PROGRESSIVE[:-20] + EOI,
    "cut by four": BASELINE[:-6],
    "cut and ended": BASELINE[: len(BASELINE) // 2] + EOI,
    "cut and filled": BASELINE[: len(BASELINE) // 2] + bytes(len(BASELINE)),
    "before the last scan": PROGRESSIVE[: _scans(PROGRESSIVE)[-1]],
    "in the tables before a scan": PROGRESSIVE[: _scans(PROGRESSIVE)[-1] - 9],
    "in the head of a scan": PROGRESSIVE[: _scans(PROGRESSIVE)[-1] + 6],
    "without a restart marker": RESTARTS.replace(b"\xff\xd5", b"", 1),
    "no scan": BASELINE[: _scans(BASELINE)[0]],
    "JFIF 2 and cut": _changed(BASELINE[:-900], b"JFIF\0", b"\x02", offset=5),
    "junk and damage": _with_bytes_before(BASELINE, b"\xff\xdb")[:-900] + EOI,
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_a_fault_that_costs_pixels_is_an_error(data):
    with pytest.raises(PhotoError, match="damaged, cut short"):
        read_photo(data)


def test_a_file_is_mended_as_its_bytes_are(tmp_path, run):
    path = tmp_path / "photo.jpg"
    path.write_bytes(_changed(BASELINE[:-2], b"JFIF\0", b"\x02", offset=5))

    done = run("restore", path, "--method", "network")

    assert done.returncode == 0, done.stderr
    assert "no end-of-image marker" in done.stdout
    assert "revision 2.01 of JFIF" in done.stdout
    restored = Image.open(io.BytesIO((tmp_path / "photo.unblurred.jpg").read_bytes()))
    assert restored.size == IMAGE.size
    assert np.abs(np.asarray(restored).astype(int) - ASTRONAUT).mean() < 8
    assert path.read_bytes()[-2:] != EOI
