"""Pictures that are streamed through files come out as those in memory; nothing is left behind."""

from pathlib import Path

import numpy as np
import pytest
import pyvips
from PIL import Image

from icc_profiles import profile
from pillow_files import ASTRONAUT, COFFEE, XMP, encoded, exif_block, with_pillow
from small_disk import small_disk
from unblur.errors import PhotoError, TargetError
from unblur.imaging.files import replace_file
from unblur.imaging.photo.decode import open_upright
from unblur.imaging.photo.encode import save_image
from unblur.imaging.photo.metadata import Metadata
from unblur.imaging.photo.photo import read_photo


def opened(path, **options):
    with Path(path).open("rb") as stream:
        return open_upright(stream, str(path), Path(path), 1, **options)


@pytest.fixture
def source(tmp_path):
    """A turned JPEG with all kinds of metadata."""
    path = tmp_path / "source.jpg"
    icc, exif = profile("Adobe RGB"), exif_block(6)
    path.write_bytes(
        encoded(Image.fromarray(COFFEE), "jpeg", exif=exif, xmp=XMP % 6, icc_profile=icc)
    )
    return path


@pytest.mark.parametrize("file_format", ["jpeg", "png", "tiff", "webp", "avif"])
def test_a_file_that_is_streamed_equals_one_made_in_memory(file_format, source, tmp_path):
    held, mapped = opened(source), opened(source, on_disk=True)
    assert held.metadata == mapped.metadata
    assert (mapped.image.width, mapped.image.height) == COFFEE.shape[:2]  # upright

    data = save_image(held.image, None, file_format, held.metadata, 95, deep=False)
    target = tmp_path / "streamed"
    nothing = save_image(mapped.image, target, file_format, mapped.metadata, 95, deep=False)

    assert nothing is None
    assert target.read_bytes() == data
    image = with_pillow(data)
    assert image.info["icc_profile"] == profile("Adobe RGB")
    assert image.getexif()[271] == "ACME"
    assert image.getexif().get_ifd(0x8769)[0xA434] == "Lens 50"


def test_only_the_metadata_that_is_given_is_written(source):
    picture = opened(source)

    data = save_image(picture.image, None, "jpeg", Metadata(), 95, deep=False)

    assert read_photo(data).metadata == Metadata()
    assert dict(with_pillow(data).getexif()) == {}


def test_computed_numbers_of_another_type_are_written_as_integers(tmp_path):
    ramp = pyvips.Image.identity(ushort=True).cast("float")

    save_image(ramp, tmp_path / "ramp.png", "png", Metadata(), None, deep=True)

    written = pyvips.Image.new_from_file(str(tmp_path / "ramp.png")).numpy()
    assert written.dtype == np.uint16
    np.testing.assert_array_equal(written.ravel(), np.arange(65536))


@pytest.mark.parametrize("part", [0.1, 0.6, 0.95])
@pytest.mark.parametrize("file_format", ["jpeg", "png", "tiff", "webp"])
def test_a_file_cut_short_is_an_error_before_anything_is_streamed(file_format, part, tmp_path):
    data = encoded(Image.fromarray(ASTRONAUT), file_format)
    path = tmp_path / "cut"
    path.write_bytes(data[: int(len(data) * part)])

    with pytest.raises(PhotoError, match="damaged, cut short"):
        opened(path, on_disk=True)


def test_pixels_on_disk_are_no_file_that_a_killed_run_could_leave(source, tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))

    picture = opened(source, on_disk=True)

    assert list(folder.iterdir()) == []  # libvips holds it without a name
    np.testing.assert_array_equal(picture.image.numpy(), opened(source).image.numpy())


@pytest.fixture
def tiny_disk(tmp_path):
    with small_disk(tmp_path / "disk", "64k") as disk:
        yield disk


@pytest.mark.parametrize("file_format", ["jpeg", "png", "tiff", "webp"])
def test_a_full_disk_is_named_while_streaming(file_format, tiny_disk):
    noise = pyvips.Image.gaussnoise(400, 400, mean=128, sigma=60, seed=1)
    target = tiny_disk / "photo"

    with (
        pytest.raises(TargetError, match=r"cannot be written \(No space left"),
        replace_file(target) as temporary,
    ):
        save_image(noise, temporary, file_format, Metadata(), 100, deep=False)

    assert list(tiny_disk.iterdir()) == []


def test_a_full_temporary_folder_is_named(source, tiny_disk, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tiny_disk))
    wide = pyvips.Image.new_from_file(str(source)).resize(4)
    wide.write_to_file(str(source.with_name("wide.png")))

    with pytest.raises(PhotoError, match=r"no space left .* TMPDIR"):
        opened(source.with_name("wide.png"), on_disk=True)


def test_an_error_while_streaming_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "photo.png"
    target.write_bytes(b"precious")

    def stream():
        with replace_file(target, overwrite=True) as temporary:
            temporary.write_bytes(b"half")
            assert temporary.parent == tmp_path
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stream()
    assert target.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [target]
