import av
import numpy as np
import pytest

from unblur.errors import DataError, PhotoError
from unblur.imaging.photo.photo import Photo, write_photo
from unblur.imaging.video.frames import Frame, Unreadable
from unblur.imaging.video.read import open_frames
from video_files import damage, pan, write_video, write_yuv


def pixels_of(path):
    return [frame.pixels for frame in open_frames(path)]


def write_png(path, pixels, bits=8):
    top = 2**bits - 1
    write_photo(Photo(pixels=pixels.astype(np.float32) / top, bits=bits), path)


def test_a_lossless_video_comes_back_bit_for_bit_and_twice(tmp_path):
    frames = pan(7)

    video = open_frames(write_video(tmp_path / "clip.mkv", frames))

    assert (video.name, video.size, video.rate, video.notes) == ("clip", (96, 64), 240.0, ())
    assert video.count in {None, 7}
    for _ in range(2):
        read = list(video)
        assert [frame.index for frame in read] == list(range(7))
        assert all(np.array_equal(a.pixels, b) for a, b in zip(read, frames, strict=True))


def test_a_name_that_looks_like_an_address_is_a_file(tmp_path):
    assert (
        len(pixels_of(write_video(tmp_path / "at 10:30.mkv", pan(2)).rename(tmp_path / "a:b"))) == 2
    )


def test_more_than_8_bits_become_16(tmp_path):
    deep = np.linspace(0, 65535, 64 * 96 * 3).astype(np.uint16).reshape(64, 96, 3)

    (pixels,) = pixels_of(write_video(tmp_path / "deep.mkv", [deep], pix_fmt="gbrp10le"))

    assert pixels.dtype == np.uint16
    assert (pixels.min(), pixels.max()) == (0, 65535)
    assert np.abs(pixels.astype(int) - deep).max() <= 65535 / 1023
    assert len(np.unique(pixels)) == 1024


KR_KB = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}


def encode_yuv(rgb, matrix, bits, is_full):
    """The definition, ITU-T H.273."""
    red, blue = KR_KB[matrix]
    y = rgb @ np.array([red, 1 - red - blue, blue])
    planes = [y, (rgb[..., 2] - y) / (2 - 2 * blue), (rgb[..., 0] - y) / (2 - 2 * red)]
    step, top = 2 ** (bits - 8), 2**bits - 1
    gains = (top, top, top) if is_full else (219 * step, 224 * step, 224 * step)
    zeros = (0 if is_full else 16 * step, 128 * step, 128 * step)
    kind = np.uint8 if bits == 8 else np.uint16
    coded = [np.rint(p * gain + zero) for p, gain, zero in zip(planes, gains, zeros, strict=True)]
    return [np.clip(p, 0, top).astype(kind) for p in coded]


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("is_full", [False, True])
@pytest.mark.parametrize("matrix", [1, 6, 9])
def test_matrix_and_range_of_a_tagged_video_are_respected(tmp_path, matrix, is_full, bits):
    rgb = np.random.default_rng(0).random((16, 32, 3))
    rgb[0, :2] = [[0, 0, 0], [1, 1, 1]]

    path = write_yuv(
        tmp_path / "a.mkv",
        encode_yuv(rgb, matrix, bits, is_full),
        pix_fmt="yuv444p" if bits == 8 else "yuv444p10le",
        matrix=matrix,
        color_range=2 if is_full else 1,
    )

    (pixels,) = pixels_of(path)
    top = np.iinfo(pixels.dtype).max
    assert pixels[0, 0].max() == 0
    assert pixels[0, 1].min() == top
    assert np.abs(pixels / top - rgb).max() <= (2.1 / 255 if bits == 8 else 2 / 1023)


@pytest.mark.parametrize(("size", "matrix"), [((64, 96), 6), ((720, 1280), 1)])
def test_the_matrix_of_an_untagged_video_goes_by_its_size(tmp_path, size, matrix):
    rgb = np.full((*size, 3), (0.8, 0.2, 0.1))
    planes = encode_yuv(rgb, matrix, 8, False)

    path = write_yuv(tmp_path / "a.mkv", planes, pix_fmt="yuv444p", matrix=2, color_range=0)

    (pixels,) = pixels_of(path)
    assert np.abs(pixels[5, 5] / 255 - rgb[5, 5]).max() < 2.1 / 255


@pytest.mark.parametrize(
    ("turn", "upright"),
    [
        ((90,), np.rot90),
        ((180,), lambda p: np.rot90(p, 2)),
        ((270,), lambda p: np.rot90(p, 3)),
        ((0, True), lambda p: p[:, ::-1]),
        ((0, False, True), lambda p: p[::-1]),
        ((90, True), lambda p: np.rot90(p)[:, ::-1]),
    ],
)
def test_a_video_is_turned_as_its_metadata_says(tmp_path, turn, upright):
    frames = pan(2)

    video = open_frames(
        write_video(tmp_path / "a.mov", frames, codec="png", pix_fmt="rgb24", turn=turn)
    )

    want = [upright(frame) for frame in frames]
    assert video.size == want[0].shape[1::-1]
    assert all(np.array_equal(a.pixels, b) for a, b in zip(video, want, strict=True))


def test_one_damaged_frame_is_named_and_the_others_keep_their_numbers(tmp_path):
    frames = pan(12)
    path = write_video(tmp_path / "a.mov", frames, codec="png", pix_fmt="rgb24")
    damage(path, 5)

    read = list(open_frames(path))

    (lost,) = [item for item in read if isinstance(item, Unreadable)]
    assert (lost.first, lost.last) == (5, 5)
    assert lost.why.startswith(f"{path}: frame 5 cannot be read (")
    good = [item for item in read if isinstance(item, Frame)]
    assert [frame.index for frame in good] == [*range(5), *range(6, 12)]
    assert all(np.array_equal(frame.pixels, frames[frame.index]) for frame in good)


@pytest.mark.parametrize("codec", ["libx264", "libvpx-vp9"])
def test_what_follows_damage_is_left_out_up_to_the_next_whole_frame(tmp_path, codec):
    path = tmp_path / "a.mkv"
    write_video(path, pan(40, height=128, width=192), codec=codec, pix_fmt="yuv420p", g=12)
    clean = pixels_of(path)
    damage(path, 15)

    read = list(open_frames(path))

    (lost,) = [item for item in read if isinstance(item, Unreadable)]
    assert 11 <= lost.first <= 16
    assert lost.last == 23
    good = [item for item in read if isinstance(item, Frame)]
    assert [frame.index for frame in good] == [*range(lost.first), *range(24, 40)]
    assert all(np.array_equal(frame.pixels, clean[frame.index]) for frame in good)


def test_a_video_cut_short_gives_what_is_left(tmp_path):
    path = write_video(tmp_path / "a.mkv", pan(12), g=1)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])

    read = [item for item in open_frames(path) if isinstance(item, Frame)]

    assert 6 <= len(read) < 12
    assert [frame.index for frame in read] == list(range(len(read)))


def test_hdr_is_told(tmp_path):
    path = tmp_path / "hdr.mkv"
    with av.open(path, "w") as container:
        stream = container.add_stream("ffv1", rate=240)
        stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p10le"
        stream.codec_context.color_trc = 18
        frame = av.VideoFrame(96, 64, "yuv420p10le")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))

    assert "HLG" in open_frames(path).notes[0]


def write_sound(path):
    with av.open(path, "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def write_no_frames(path):
    """A video of one frame, whose one frame is broken."""
    damage(write_video(path, pan(1), codec="png", pix_fmt="rgb24"), 0)


@pytest.mark.parametrize(
    ("name", "make", "said"),
    [
        ("missing.mp4", lambda path: None, "no such file"),
        ("empty.mp4", lambda path: path.touch(), "not a video"),
        ("noise.mp4", lambda path: path.write_bytes(bytes(range(256)) * 40), "not a video"),
        ("text.nfo", lambda path: path.write_text("hello\n" * 9), "text, not a video"),
        ("sound.wav", write_sound, "has no video in it"),
        ("none.mov", write_no_frames, "no frame that can be read"),
    ],
)
def test_what_is_no_video_is_one_line(tmp_path, name, make, said):
    make(tmp_path / name)

    with pytest.raises(PhotoError, match=said) as caught:
        open_frames(tmp_path / name)

    assert str(caught.value).startswith(str(tmp_path / name))
    assert "\n" not in str(caught.value)


def test_a_size_that_changes_is_named_with_the_frames(tmp_path):
    frames = pan(3)
    for number, part in enumerate((frames, [frame[:32, :48] for frame in frames])):
        write_video(tmp_path / f"{number}.mjpeg", part, codec="mjpeg", pix_fmt="yuvj444p")
    joined = b"".join((tmp_path / f"{number}.mjpeg").read_bytes() for number in range(2))
    (tmp_path / "joined.mjpeg").write_bytes(joined)

    with pytest.raises(DataError, match=r"frame 0 is 96 x 64 px, frame 3 is 48 x 32 px"):
        pixels_of(tmp_path / "joined.mjpeg")


def test_a_folder_is_read_in_natural_order(tmp_path):
    frames = pan(12)
    for index, pixels in enumerate(frames):
        write_png(tmp_path / f"Frame{index}.png", pixels)
    (tmp_path / "notes.txt").touch()
    (tmp_path / ".hidden.png").touch()

    folder = open_frames(tmp_path)

    assert (folder.size, folder.rate, folder.count) == ((96, 64), None, 12)
    assert folder.name == tmp_path.name
    read = list(folder)
    assert [frame.name for frame in read] == [f"Frame{index}.png" for index in range(12)]
    assert all(np.array_equal(a.pixels, b) for a, b in zip(read, frames, strict=True))


def test_frames_of_16_bits_keep_them(tmp_path):
    deep = np.arange(65536 * 3).reshape(256, 256, 3).astype(np.uint16)
    write_png(tmp_path / "1.png", deep, bits=16)

    (pixels,) = pixels_of(tmp_path)

    assert pixels.dtype == np.uint16
    assert np.array_equal(pixels, deep)


def test_a_bad_file_in_a_folder_is_named(tmp_path):
    for index, pixels in enumerate(pan(3)):
        write_png(tmp_path / f"{index}.png", pixels)
    (tmp_path / "1.png").write_bytes((tmp_path / "1.png").read_bytes()[:500])

    _, lost, _ = open_frames(tmp_path)

    assert (lost.first, lost.last) == (1, 1)
    assert str(tmp_path / "1.png") in lost.why


def test_bad_folders_are_one_line(tmp_path):
    with pytest.raises(DataError, match="no frames in this folder"):
        open_frames(tmp_path)

    (tmp_path / "0.png").write_text("no picture")
    with pytest.raises(PhotoError, match="none of 1 frames can be read"):
        open_frames(tmp_path)

    for name, pixels in (("1.png", pan(1)[0]), ("2.png", pan(1)[0][:32])):
        write_png(tmp_path / name, pixels)
    with pytest.raises(DataError, match=r"1\.png is 96 x 64 px, 2\.png is 96 x 32 px"):
        list(open_frames(tmp_path))
