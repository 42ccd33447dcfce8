from fractions import Fraction

import av
import numpy as np
import pytest

from unblur.errors import TargetError
from unblur.imaging.video.coder import FrameCoder
from unblur.imaging.video.plan import plan_video
from unblur.imaging.video.planes import Colours, Layout, planes_of
from unblur.imaging.video.read import open_frames
from unblur.imaging.video.streams import Clip
from unblur.imaging.video.writer import write_video as open_writer
from video_files import pan, times_of, write_clip

SHARES = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}


@pytest.mark.parametrize(
    "name",
    ["yuv420p", "yuva444p10le", "yuv411p", "yuv440p12le", "gray", "gray16le", "gbrp", "gbrap14le"],
)
def test_a_layout_is_called_what_ffmpeg_calls_it(name):
    assert Layout.parse(name).name == name
    assert Layout.of(av.VideoFormat(name, 64, 64)) == Layout.parse(name)


@pytest.mark.parametrize(
    ("name", "layout"),
    [
        ("nv12", "yuv420p"),
        ("p010le", "yuv420p10le"),
        ("yuyv422", "yuv422p"),
        ("yuvj420p", "yuv420p"),
        ("bgra", "gbrap"),
        ("pal8", "gbrap"),
        ("rgb48be", "gbrp16le"),
        ("monob", "gray"),
    ],
)
def test_every_format_has_a_layout_that_holds_it(name, layout):
    assert Layout.parse(name) is None or name == "yuvj420p"
    assert Layout.of(av.VideoFormat(name, 64, 64)).name == layout


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("is_full", [False, True])
@pytest.mark.parametrize("matrix", [1, 6, 9])
def test_colours_to_codes_and_back_is_the_definition(matrix, is_full, bits):
    red, blue = SHARES[matrix]
    layout = Layout(kind="yuv", bits=bits)
    colours = Colours(layout=layout, red=red, blue=blue, is_full=is_full)
    rgb = np.random.default_rng(0).random((16, 32, 3)).astype(np.float32)
    rgb[0, :3] = [[0, 0, 0], [1, 1, 1], [1, 0, 0]]

    y, cb, cr = codes = colours.codes(rgb)

    top, step = 2**bits - 1, 2 ** (bits - 8)
    assert (y[0, 0], y[0, 1]) == ((0, top) if is_full else (16 * step, 235 * step))
    assert cb[0, 1] == cr[0, 1] == 128 * step
    assert cr[0, 2] == (top if is_full else 240 * step)  # H.273, equations 38 to 40
    assert np.abs(colours.rgb(codes) - rgb).max() < 1.3 / (220 * step) * 2


@pytest.mark.parametrize("name", ["yuv420p", "yuv422p", "yuv411p", "yuv410p", "yuv444p"])
@pytest.mark.parametrize("size", [(64, 96), (65, 97)])
def test_a_smooth_change_arrives_where_it_was_made(name, size):
    layout = Layout.parse(name)
    colours = Colours(layout=layout, red=0.2126, blue=0.0722, is_full=True)
    height, width = size
    down, across = np.mgrid[:height, :width] / np.array([[[height]], [[width]]])
    rgb = np.stack([across, down, 1 - across], axis=2).astype(np.float32) / 2 + 0.2
    change = np.stack([down, -across, across * down], axis=2).astype(np.float32) / 8

    planes = colours.codes(rgb)
    after = colours.rgb(colours.changed(planes, change))

    assert planes[1].shape == (-(-height // layout.steps[1]), -(-width // layout.steps[0]))
    inside = np.s_[8:-8, 8:-8]
    assert np.abs(after - rgb - change)[inside].max() < 0.02
    same = colours.changed(planes, np.zeros_like(change))
    assert all(np.array_equal(a, b) for a, b in zip(same, planes, strict=True))


def test_chroma_is_where_h264_has_it(tmp_path):
    """Left of the even pixels' centres, between the rows: no colour fringe beside an edge."""
    colours = Colours(layout=Layout.parse("yuv420p"), red=0.2126, blue=0.0722, is_full=True)
    edge = np.zeros((32, 64, 3), np.float32)
    edge[:, 30:, 0] = 1

    back = colours.rgb(colours.codes(edge))[..., 0]

    row = back[16]
    assert np.allclose(row[:28], row[0], atol=0.01)
    assert row[29] < 0.5 < row[30]


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_a_change_of_colours_is_what_a_player_sees(tmp_path, ending):
    source = write_clip(
        tmp_path / "a.mkv", pan(3), codec="ffv1", pix_fmt="yuv444p", options={}, tags=(1, 1, 1, 1)
    )
    clip = Clip(source)
    plan = plan_video(clip, tmp_path / f"b.{ending}", crf=None)
    coder = FrameCoder(clip.frame, plan.layout)

    with open_writer(clip, plan, coder, overwrite=False) as writer:
        for moment in clip:
            for packet in moment.packets:
                writer.copy(packet)
            if moment.frame is not None:
                planes, rgb = coder.read(moment.frame)
                change = np.float32([0.1, -0.05, 0.02]) * (rgb > 0.15) * (rgb < 0.85)
                writer.write(coder.write(planes, change), moment.pts, moment.duration)
    clip.close()

    (old, *_), (new, *_) = (
        [frame.pixels.astype(float) / 255 for frame in open_frames(path)]
        for path in (source, plan.target)
    )
    inside = ((old > 0.2) & (old < 0.8)).all(axis=2)
    got = (new - old)[inside].mean(axis=0)
    assert np.abs(got - [0.1, -0.05, 0.02]).max() < 0.006
    assert times_of(plan.target) == [Fraction(at, 25) for at in range(3)]


def test_an_exception_in_the_block_leaves_nothing(tmp_path):
    clip = Clip(write_clip(tmp_path / "a.mp4", pan(3)))
    plan = plan_video(clip, None)
    coder = FrameCoder(clip.frame, plan.layout)

    def give_up():
        with open_writer(clip, plan, coder, overwrite=False) as writer:
            planes, _ = coder.read(clip.frame)
            writer.write(coder.write(planes, None), 0, 512)
            assert len(list(tmp_path.iterdir())) == 2
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        give_up()

    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    clip.close()


@pytest.mark.parametrize(
    ("name", "source", "asked", "target", "codec", "pixels"),
    [
        ("a.mp4", ("libx264", "yuv420p"), None, "a.unblurred.mp4", "h264", "yuv420p"),
        ("a.mov", ("libx264", "yuv420p"), None, "a.unblurred.mov", "h264", "yuv420p"),
        ("a.mp4", ("libx264", "yuv420p10le"), None, "a.unblurred.mp4", "h265", "yuv420p10le"),
        ("a.webm", ("libvpx-vp9", "yuv420p"), None, "a.unblurred.webm", "vp9", "yuv420p"),
        ("a.mkv", ("ffv1", "yuv422p10le"), None, "a.unblurred.mkv", "ffv1", "yuv422p10le"),
        ("a.avi", ("mpeg4", "yuv420p"), None, "a.unblurred.mkv", "h264", "yuv420p"),
        ("a.avi", ("ffv1", "bgr0"), None, "a.unblurred.mkv", "ffv1", "bgr0"),
        ("a.mkv", ("ffv1", "bgr0"), "b.mp4", "b.mp4", "h264", "yuv420p"),
        ("a.mkv", ("libx264", "yuv422p"), "b.webm", "b.webm", "vp9", "yuv422p"),
        ("a.mkv", ("libx264", "yuv420p10le"), "b.webm", "b.webm", "vp9", "yuv420p"),
        ("a.mkv", ("ffv1", "gray"), "b.webm", "b.webm", "vp9", "yuv420p"),
        ("a.mkv", ("ffv1", "yuv420p14le"), "b.mp4", "b.mp4", "h265", "yuv420p12le"),
        ("a.MP4", ("libx264", "yuv420p"), None, "a.unblurred.MP4", "h264", "yuv420p"),
    ],
)
def test_codec_and_container_follow_the_source(
    tmp_path, name, source, asked, target, codec, pixels
):
    options = {} if source[0] != "libx264" else {"g": "1"}
    path = write_clip(
        tmp_path / name.lower(), pan(1), codec=source[0], pix_fmt=source[1], options=options
    )
    path = path.rename(tmp_path / name)

    clip = Clip(path)
    plan = plan_video(clip, None if asked is None else tmp_path / asked)
    clip.close()

    assert (plan.target, plan.codec, plan.pixels) == (tmp_path / target, codec, pixels)
    kept = plan.layout.bits >= Layout.of(clip.frame.format).bits
    assert any("bits become" in note for note in plan.notes) == (not kept)


def test_an_encoder_that_is_not_there_is_named(tmp_path, monkeypatch):
    from unblur.errors import OptionError
    from unblur.imaging.video import plan as video_plan

    gone = video_plan.Encoder(name="libx264-of-another-build", crf=17)
    monkeypatch.setitem(video_plan.ENCODERS, "h264", gone)
    clip = Clip(write_clip(tmp_path / "a.mp4", pan(1)))

    with pytest.raises(OptionError, match="no encoder libx264-of-another-build for h264; it has"):
        plan_video(clip, None)
    clip.close()


def test_planes_are_views_without_padding():
    frame = av.VideoFrame(97, 65, "yuv420p10le")

    shapes = [plane.shape for plane in planes_of(frame)]

    assert shapes == [(65, 97), (33, 49), (33, 49)]
    planes_of(frame)[0][:] = 700
    assert (planes_of(frame)[0] == 700).all()


def test_the_target_may_not_be_the_source(tmp_path):
    clip = Clip(write_clip(tmp_path / "a.mp4", pan(1)))
    with pytest.raises(TargetError, match="is the source itself"):
        plan_video(clip, tmp_path / "a.mp4")
    clip.close()
