from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest

from unblur.errors import DataError, OptionError, PhotoError, TargetError
from unblur.tasks.restore.restorer import Restorer
from unblur.tasks.video.restore import RestoredVideo, VideoOptions, VideoStep, restore_video
from video_files import (
    codes_of,
    contents_of,
    damage,
    pan,
    times_of,
    upright,
    write_clip,
    write_video,
)


@pytest.fixture(scope="module")
def restorer():
    return Restorer.open()


@pytest.fixture
def copy(restorer):
    """Write a video with its pictures as they were, and say what came of it."""

    def run(source, target=None, *, overwrite=False, **options):
        options = VideoOptions(strength=0, **options)
        *steps, done = restore_video(source, target, restorer, options, overwrite=overwrite)
        assert [step.frames for step in steps] == list(range(1, done.frames + 1))
        assert isinstance(done, RestoredVideo)
        return done

    return run


def left_over(folder):
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


LOSSLESS = {"options": {"qp": "0", "g": "4"}}


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "tags"),
    [
        ("libx264", "yuv420p", (1, 1, 1, 1)),
        ("libx264", "yuv420p", (6, 2, 6, 6)),
        ("libx264", "yuv420p", (2, 0, 2, 2)),
        ("libx264", "yuv422p", (5, 1, 5, 6)),
        ("libx264", "yuv444p", (9, 1, 9, 14)),
        ("libx264", "yuv420p10le", (9, 1, 9, 16)),
        ("ffv1", "yuv422p12le", (1, 1, 1, 1)),
        ("ffv1", "yuv420p10le", (1, 2, 1, 1)),
        ("ffv1", "yuva420p", (1, 1, 1, 1)),
        ("ffv1", "gray", (2, 0, 2, 2)),
        ("ffv1", "gray10le", (2, 0, 2, 2)),
        ("ffv1", "bgr0", (0, 2, 1, 13)),
        ("ffv1", "bgra", (0, 2, 1, 13)),
        ("ffv1", "gbrp10le", (0, 2, 1, 13)),
        ("ffv1", "yuv410p", (6, 1, 6, 6)),
        ("mjpeg", "yuvj420p", (5, 2, 2, 2)),
    ],
)
def test_what_the_network_leaves_alone_keeps_its_codes(tmp_path, copy, codec, pix_fmt, tags):
    options = LOSSLESS["options"] if codec == "libx264" else {}
    source = write_clip(
        tmp_path / "a.mkv", pan(4), codec=codec, pix_fmt=pix_fmt, tags=tags, options=options
    )

    done = copy(source, codec="ffv1")

    (before_name, before), (name, after) = codes_of(source), codes_of(done.target)
    assert name == before_name.replace("yuvj", "yuv")
    assert (done.frames, done.missing) == (4, ())
    for old, new in zip(before, after, strict=True):
        if pix_fmt == "bgr0":  # the fourth byte is nothing
            old, new = [[p[0].reshape(64, -1, 4)[..., :3]] for p in (old, new)]  # noqa: PLW2901
        assert all(np.array_equal(a, b) for a, b in zip(old, new, strict=True))
    with av.open(source) as one, av.open(done.target) as other:
        colours = [
            [c.colorspace, c.color_primaries, c.color_trc]
            for c in (one.streams.video[0].codec_context, other.streams.video[0].codec_context)
        ]
    assert colours[0] == colours[1]


@pytest.mark.parametrize("codec", ["h264", "h265", "vp9"])
@pytest.mark.parametrize("tags", [(1, 1, 1, 1), (9, 1, 9, 14), (6, 2, 6, 6)])
def test_every_codec_keeps_colours_and_their_tags(tmp_path, copy, codec, tags):
    source = write_clip(tmp_path / "a.mp4", pan(6), tags=tags)

    done = copy(source, codec=codec)

    assert (done.target, done.codec) == (tmp_path / "a.unblurred.mp4", codec)
    with av.open(done.target) as container:
        stream = container.streams.video[0]
        frame = next(container.decode(stream))
        assert stream.codec_context.name.startswith({"h265": "hevc"}.get(codec, codec))
        got = frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc
    assert got == tags
    for old, new in zip(upright(source), upright(done.target), strict=True):
        difference = new.astype(int) - old
        assert np.abs(difference.mean(axis=(0, 1))).max() < 1
        assert np.abs(difference).mean() < 4


def test_the_pictures_are_restored_each_like_a_photo(tmp_path, restorer):
    scenes = [pan(1, height=height)[0][-64:] for height in (64, 160, 256)]
    source = write_video(tmp_path / "a.mkv", scenes)

    *_, done = restore_video(source, None, restorer)

    assert (done.target.name, done.codec) == ("a.unblurred.mkv", "ffv1")
    for old, new in zip(upright(source), upright(done.target), strict=True):
        want = restorer.without_search().restore_pixels(old.astype(np.float32) / 255)
        assert np.abs(new / 255 - want).max() <= 1 / 255
        assert not np.array_equal(new, old)


def test_half_of_the_strength_is_half_of_the_change(tmp_path, restorer):
    source = write_clip(tmp_path / "a.mkv", pan(1), codec="ffv1", pix_fmt="yuv444p16le")
    results = []
    for strength in (0.5, 1.0):
        options = VideoOptions(strength=strength)
        *_, done = restore_video(source, None, restorer, options, overwrite=True)
        results.append(upright(done.target)[0] / 65535)

    (old,) = upright(source)
    half, whole = results
    inside = (whole > 0.02) & (whole < 0.98)
    assert np.abs(half - (whole + old / 65535) / 2)[inside].max() < 1e-3
    assert np.abs(whole - old / 65535).mean() > 1e-3


def test_ten_bits_stay_ten_bits(tmp_path, restorer):
    ramp = np.linspace(20000, 40000, 256).astype(np.uint16)
    frames = [np.repeat(np.tile(ramp, (64, 1))[..., None], 3, axis=2)] * 3
    source = write_clip(
        tmp_path / "a.mp4", frames, pix_fmt="yuv420p10le", tags=(9, 1, 9, 14), **LOSSLESS
    )

    *_, done = restore_video(source, None, restorer, VideoOptions(crf=4))

    name, codes = codes_of(done.target)
    assert (done.codec, name) == ("h265", "yuv420p10le")
    assert len(np.unique(codes[1][0])) > 150


def test_every_frame_keeps_its_time(tmp_path, copy):
    times = [0, 512, 700, 1536, 1537, 4000, 9001]
    source = write_clip(tmp_path / "a.mp4", pan(7), times=times)

    for codec in ("h264", "h265", "vp9"):
        done = copy(source, tmp_path / f"{codec}.mp4", codec=codec)
        assert times_of(done.target) == [Fraction(at, 12800) for at in times]
        with av.open(source) as one, av.open(done.target) as other:
            bases = {c.streams.video[0].time_base for c in (one, other)}
        assert bases == {Fraction(1, 12800)}


def test_a_file_that_does_not_begin_at_nought_begins_there_then(tmp_path, copy):
    source = write_clip(tmp_path / "a.ts", pan(25), start=7, sound=1, tick=Fraction(1, 90000))

    done = copy(source)

    assert done.target.suffix == ".mkv"
    assert done.notes == ("written as .mkv: .ts is read only",)
    was, now = times_of(source), times_of(done.target)
    assert len(was) == len(now) == 25
    sound_was, sound_now = (times_of(path, "audio") for path in (source, done.target))
    assert min(now[0], sound_now[0]) == 0
    assert abs((now[0] - sound_now[0]) - (was[0] - sound_was[0])) < Fraction(2, 1000)


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv"])
@pytest.mark.parametrize("turn", [(90,), (180,), (0, True)])
def test_a_turned_video_stays_turned(tmp_path, copy, ending, turn):
    source = write_clip(tmp_path / f"a.{ending}", pan(2), turn=turn)

    done = copy(source, crf=1)

    was, now = upright(source), upright(done.target)
    assert now[0].shape == was[0].shape
    assert np.abs(now[1].astype(int) - was[1]).mean() < 2
    assert np.abs(now[1][::-1, ::-1].astype(int) - was[1]).mean() > 20


def test_the_shape_of_pixels_stays(tmp_path, copy):
    for ending in ("mp4", "mkv"):
        source = write_clip(tmp_path / f"a.{ending}", pan(2), shape=Fraction(16, 11))
        with av.open(copy(source).target) as container:
            assert container.streams.video[0].sample_aspect_ratio == Fraction(16, 11)


RICH = {
    "sound": 2,
    "lines": [(0.1, 0.8, "one"), (1.1, 0.5, "two")],
    "chapters": [(0, 1, "begin"), (1, 2, "end")],
    "metadata": {"title": "A walk", "comment": "by the sea"},
}


def test_sound_subtitles_chapters_and_metadata_are_copied(tmp_path, copy):
    source = write_clip(tmp_path / "a.mkv", pan(50), **RICH)

    done = copy(source)

    assert done.notes == ()
    for kind in ("audio", "subtitle"):
        assert contents_of(done.target, kind) == contents_of(source, kind)
    with av.open(source) as one, av.open(done.target) as other:
        assert other.chapters() == one.chapters()
        assert other.metadata["title"] == "A walk"
        assert other.metadata["COMMENT"] == "by the sea"
        assert other.streams.video[0].metadata["language"] == "deu"


def test_a_part_is_cut_from_all_streams_at_one_moment(tmp_path, copy):
    source = write_clip(tmp_path / "a.mkv", pan(50), **(RICH | {"sound_codec": "pcm_s16le"}))

    done = copy(source, start=0.5, duration=1.0)

    # 0.52 s is the time of the first frame at or after 0.5 s.
    assert done.frames == 25
    assert times_of(done.target) == [Fraction(at, 1000) for at in range(0, 1000, 40)]
    whole, part = contents_of(source, "audio"), contents_of(done.target, "audio")
    want = [(begin - 0.52, data) for begin, data in whole if 0.52 <= begin < 1.5]
    assert [data for _, data in part] == [data for _, data in want]
    assert np.abs(np.subtract([at for at, _ in part], [at for at, _ in want])).max() < 0.0011
    assert contents_of(done.target, "subtitle") == [(0.0, b"one"), (0.58, b"two")]
    with av.open(done.target) as container:
        times = [[chapter["start"], chapter["end"]] for chapter in container.chapters()]
        tick = container.chapters()[0]["time_base"]
    assert np.allclose(np.array(times) * float(tick), [[0, 0.48], [0.48, 0.98]], atol=0.002)
    copied = upright(done.target)
    assert np.abs(copied[0].astype(int) - upright(source)[13]).mean() < 3


def test_a_part_may_begin_between_frames_that_need_no_other(tmp_path, copy):
    source = write_clip(
        tmp_path / "a.mp4", pan(40), options={"g": "15", "bf": "2", "qp": "0"}, sound=1.6
    )

    done = copy(source, codec="ffv1", start=0.8, duration=0.4)

    assert (done.frames, done.missing) == (10, ())
    for old, new in zip(upright(source)[20:30], upright(done.target), strict=True):
        assert np.array_equal(old, new)


def test_what_a_container_cannot_hold_is_left_out_and_said(tmp_path, copy):
    source = write_clip(tmp_path / "a.mkv", pan(10), **RICH)

    done = copy(source, tmp_path / "b.mp4")

    assert done.notes == ("left out: subtitle stream 2 (subrip), which .mp4 cannot hold",)
    assert len(contents_of(done.target, "audio")) == len(contents_of(source, "audio"))
    with av.open(done.target) as container:
        assert [chapter["metadata"]["title"] for chapter in container.chapters()] == [
            "begin",
            "end",
        ]
    again = copy(done.target)
    assert again.notes == ()


@pytest.mark.parametrize(
    ("codec", "name"),
    [("h264", "yuv444p"), ("h265", "yuv444p"), ("vp9", "yuv420p"), ("ffv1", "yuv420p")],
)
def test_odd_sizes_keep_their_size(tmp_path, copy, codec, name):
    frames = pan(3, height=65, width=97)
    source = write_clip(
        tmp_path / "a.mkv", frames, codec="ffv1", pix_fmt="yuv420p", options={}, tags=(1, 1, 1, 1)
    )

    done = copy(source, codec=codec)

    pix_fmt, codes = codes_of(done.target)
    assert (pix_fmt, codes[0][0].shape) == (name, (65, 97))
    assert any("odd" in note for note in done.notes) == (name == "yuv444p")
    assert np.abs(upright(done.target)[1].astype(int) - upright(source)[1]).mean() < 4


def test_alpha_is_kept_or_said_to_be_lost(tmp_path, copy):
    source = write_clip(tmp_path / "a.mkv", pan(2), codec="ffv1", pix_fmt="yuva420p", options={})

    assert copy(source).notes == ()
    lost = copy(source, tmp_path / "b.mp4")
    assert (lost.codec, len(lost.notes)) == ("h264", 1)
    assert "alpha" in lost.notes[0]


def test_interlaced_and_hdr_video_is_told(tmp_path, copy):
    source = write_clip(
        tmp_path / "a.mp4", pan(2), options={"x264-params": "interlaced=1"}, tags=(9, 1, 9, 18)
    )

    notes = copy(source).notes

    assert [note.split(",")[0] for note in notes] == ["an HDR video (HLG)", "interlaced"]


def test_a_cover_is_no_video_and_stays(tmp_path, copy):
    path = write_clip(tmp_path / "a.mp4", pan(4))
    cover = write_video(tmp_path / "cover.mov", pan(1)[:1], codec="png", pix_fmt="rgb24")
    source = tmp_path / "b.mp4"
    with av.open(path) as one, av.open(cover) as other, av.open(source, "w") as target:
        copies = {}
        for container, opaque in ((other, True), (one, True)):
            copies[container] = target.add_stream_from_template(container.streams[0], opaque=opaque)
        copies[other].disposition = 1024
        for container, stream in copies.items():
            for packet in container.demux():
                if packet.size:
                    packet.stream = stream
                    target.mux(packet)

    done = copy(source)

    assert (done.frames, done.notes) == (4, ())
    with av.open(done.target) as container:
        covers = [s for s in container.streams.video if s.disposition & 1024]
        assert [s.codec_context.name for s in covers] == ["png"]


def test_a_file_cut_short_gives_what_is_left_and_says_what_is_not(tmp_path, copy):
    frames = pan(40, height=128, width=192)
    for ending in ("mkv", "ts"):
        source = write_clip(tmp_path / f"a.{ending}", frames)
        data = source.read_bytes()
        source.write_bytes(data[: len(data) * 2 // 3])

        done = copy(source, tmp_path / f"{ending}.mkv")

        assert 15 < done.frames < 32
        assert len(upright(done.target)) == done.frames
        (why,) = done.missing if ending == "mkv" else [*done.missing, "no frame after"][:1]
        assert why.startswith("no frame after")


def test_an_mp4_cut_short_gives_what_is_left(tmp_path, copy):
    source = write_clip(tmp_path / "a.mp4", pan(40, height=128, width=192), sound=1.6)
    first = copy(source)  # has its index in front
    data = first.target.read_bytes()
    first.target.write_bytes(data[: len(data) * 2 // 3])

    done = copy(first.target)

    assert 10 < done.frames < 36
    assert done.missing[0].startswith("no frame after")
    source.write_bytes(source.read_bytes()[:-400])
    with pytest.raises(PhotoError, match="is not a video that can be read"):
        copy(source)


def test_damage_in_the_middle_leaves_a_gap_that_is_named(tmp_path, copy):
    source = write_clip(
        tmp_path / "a.mkv", pan(40, height=128, width=192), options={"g": "10"}, sound=1.6
    )
    damage(source, 13)

    done = copy(source)

    times = times_of(done.target)
    assert done.frames == len(times) < 40
    assert set(times) < {Fraction(at, 1000) for at in range(0, 1600, 40)}
    assert times[-1] == Fraction(1560, 1000)
    assert len(done.missing) == 1
    assert done.missing[0].startswith("no frame from 0.")
    assert " to 0.800 s (" in done.missing[0]


def test_a_video_without_frames_is_refused(tmp_path, copy):
    source = write_clip(tmp_path / "a.mkv", pan(1), sound=1)
    damage(source, 0)

    with pytest.raises(PhotoError, match="no frame that can be read"):
        copy(source)

    header = tmp_path / "b.avi"
    with av.open(header, "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.height, stream.width = 64, 96
        container.start_encoding()
    with pytest.raises(PhotoError):
        copy(header)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mkv", "b.avi"]


def test_frames_that_change_their_size_are_refused(tmp_path, copy):
    frames = pan(3)
    for number, part in enumerate((frames, [frame[:32, :48] for frame in frames])):
        write_video(tmp_path / f"{number}.mjpeg", part, codec="mjpeg", pix_fmt="yuvj444p")
    joined = b"".join((tmp_path / f"{number}.mjpeg").read_bytes() for number in range(2))
    (tmp_path / "joined.mjpeg").write_bytes(joined)

    with pytest.raises(DataError, match=r"96 x 64 px, a later one 48 x 32 px"):
        copy(tmp_path / "joined.mjpeg")
    assert not list(tmp_path.glob("*unblurred*"))
    assert left_over(tmp_path) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"start": -1}, "start must be 0 or more seconds, got -1"),
        ({"start": float("nan")}, "start must be"),
        ({"duration": 0}, "duration must be more than 0 seconds, got 0"),
        ({"duration": -2.0}, "duration must be more than 0"),
        ({"codec": "mpeg4"}, "unknown codec 'mpeg4'; known: auto, h264, h265, vp9, ffv1"),
        ({"crf": 52}, "crf must be from 0 to 51 for h264, got 52"),
        ({"codec": "ffv1", "crf": 3}, "ffv1 is lossless"),
        ({"start": 30.0}, "is 0.160 s long, cannot begin at 30.000 s"),
        ({"start": 0.5}, "no frame begins in the part from 0.500 s; the last one read begins at"),
        ({"start": 0.05, "duration": 0.01}, "no frame begins in the part from 0.050 s to 0.060"),
    ],
)
def test_options_that_do_not_fit_are_one_line(tmp_path, copy, options, said):
    source = write_clip(tmp_path / "a.mp4", pan(4))

    with pytest.raises(OptionError, match=said) as caught:
        copy(source, **options)

    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_a_strength_beyond_its_range_is_refused():
    with pytest.raises(OptionError, match=r"strength must be from 0 to 1, got 1\.5"):
        VideoOptions(strength=1.5)


def test_targets_that_will_not_do_are_refused_before_any_work(tmp_path, copy):
    source = write_clip(tmp_path / "a.mp4", pan(2))
    before = source.read_bytes()
    (tmp_path / "link.mp4").symlink_to(source)
    (tmp_path / "there.mp4").write_bytes(b"mine")

    for target, said in (
        ("a.mp4", "is the source itself"),
        ("link.mp4", "is the source itself"),
        ("there.mp4", "exists; --overwrite"),
        ("b.avi", r"cannot write '.avi' video; use .mp4"),
        ("b", "cannot write ''"),
        ("none/b.mp4", "there is no folder"),
    ):
        with pytest.raises(TargetError, match=said):
            copy(source, tmp_path / target, overwrite=target != "there.mp4")
    with pytest.raises(TargetError, match=r"\.webm cannot hold h264; use \.mkv, or --codec vp9"):
        copy(source, tmp_path / "b.webm", codec="h264")
    assert (source.read_bytes(), (tmp_path / "there.mp4").read_bytes()) == (before, b"mine")
    assert copy(source, tmp_path / "there.mp4", overwrite=True).frames == 2
    assert left_over(tmp_path) == []


def test_a_video_that_is_given_up_leaves_nothing(tmp_path, restorer):
    source = write_clip(tmp_path / "a.mp4", pan(60), sound=2)

    steps = restore_video(source, None, restorer, VideoOptions(strength=0))
    first = next(steps)
    assert isinstance(first, VideoStep)
    assert (first.frames, first.total, first.seconds) == (1, 60, 0.04)
    assert len(left_over(tmp_path)) == 1
    steps.close()

    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_an_error_in_the_middle_leaves_nothing(tmp_path):
    class Breaks:
        def without_search(self):
            return self

        def restore_pixels(self, pixels):
            raise MemoryError("no memory left")

    source = write_clip(tmp_path / "a.mp4", pan(30))

    with pytest.raises(MemoryError, match="no memory left"):
        list(restore_video(source, None, Breaks()))

    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_an_encoder_that_refuses_is_one_error(tmp_path, copy):
    source = write_clip(
        tmp_path / "a.mkv", [frame[:8, :8] for frame in pan(3)], codec="ffv1", options={}
    )

    with pytest.raises(TargetError, match="cannot be written"):
        copy(source, codec="h265")
    assert [path.name for path in tmp_path.iterdir()] == ["a.mkv"]


class Pulsates:
    """Brightens every other frame."""

    bright = False

    def without_search(self):
        return self

    def restore_pixels(self, pixels):
        self.bright = not self.bright
        return np.clip(pixels + 0.1 * self.bright, 0, 1)


def test_flicker_is_measured_and_told(tmp_path):
    source = write_clip(tmp_path / "a.mkv", pan(6), codec="ffv1", pix_fmt="bgr0", options={})

    *_, done = restore_video(source, None, Pulsates())

    frames = [frame.astype(float) for frame in upright(source)]
    results = [frame.astype(float) for frame in upright(done.target)]
    changes = [
        np.mean([np.abs(a - b).mean() for a, b in pairwise(some)]) for some in (frames, results)
    ]
    assert done.flicker == pytest.approx(changes[1] / changes[0], rel=0.02)
    assert done.flicker > 1.15
    assert any("may flicker" in note for note in done.notes)


def test_alpha_that_no_decoder_shows_is_said_to_be_lost(tmp_path, copy):
    source = write_clip(
        tmp_path / "a.webm", pan(2), codec="libvpx-vp9", pix_fmt="yuva420p", options={}
    )

    notes = copy(source).notes

    assert ["alpha of VP8 or VP9 is left out" in note for note in notes].count(True) == 1
