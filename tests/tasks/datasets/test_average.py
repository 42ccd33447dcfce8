import json
from itertools import pairwise

import numpy as np
import pytest
from PIL import ImageCms

import unblur.tasks.datasets.average as task
from unblur.errors import DataError, OptionError, TargetError
from unblur.imaging.blur.convolution import convolve
from unblur.imaging.photo.metadata import Metadata
from unblur.imaging.photo.photo import Photo, read_photo, write_photo
from unblur.imaging.video.frames import Unreadable
from unblur.imaging.video.read import open_frames
from unblur.tasks.datasets.average import Averaged, AverageOptions, Skipped, Summary, average
from video_files import damage, pan, write_video


@pytest.fixture
def clip(tmp_path):
    """60 frames at 240 fps, lossless, that pan by a pixel a frame."""
    return write_video(tmp_path / "clip.mkv", pan(60))


def run(source, out, **options):
    return list(average(open_frames(source), out, AverageOptions(**options)))


def lines(out):
    return [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]


def files(out):
    return {
        str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()
    }


def windows(results):
    return [(r.window.first, r.window.size) for r in results if isinstance(r, Averaged)]


def eight_bits(path):
    return np.rint(read_photo(path).pixels * 255).astype(int)


def test_a_pan_gives_box_blur_in_linear_light_around_the_sharp_frame(clip, tmp_path):
    results = run(clip, tmp_path / "out", frames=(9, 9))

    assert windows(results) == [(0, 9), (9, 9), (18, 9), (27, 9), (36, 9), (45, 9)]
    frames = pan(60)
    box = np.zeros((9, 9), np.float32)
    box[4] = 1 / 9
    for line in lines(tmp_path / "out"):
        sharp = eight_bits(tmp_path / "out" / line["files"]["sharp"])
        assert np.array_equal(sharp, frames[line["middle_frame"]])
        light = convolve((sharp / 255).astype(np.float32) ** 2.2, box)
        want = np.clip(light, 0, 1) ** (1 / 2.2) * 255
        blur = eight_bits(tmp_path / "out" / line["files"]["blur"])
        assert np.abs(blur - want)[:, 9:-9].max() < 0.51  # rounding


def test_the_manifest_says_how_each_pair_was_made(clip, tmp_path):
    results = run(clip, tmp_path / "out", seed=3)

    first = lines(tmp_path / "out")[0]
    window = results[0].window
    name = f"clip-{window.middle:06d}"
    assert first["name"] == name
    assert first["files"] == {"blur": f"blur/{name}.png", "sharp": f"sharp/{name}.png"}
    assert first["source"] == str(clip)
    assert (first["window"], first["first_frame"], first["frames"]) == (0, 0, window.size)
    assert first["middle_frame"] == window.size // 2
    assert (first["fps"], first["exposure_seconds"]) == (240.0, window.size / 240)
    assert first["longest_step_px"] == pytest.approx(1, abs=0.2)
    assert first["options"] == {
        "frames": [5, 25],
        "stride": None,
        "gamma": "2.2",
        "max_step_px": 2.0,
        "seed": 3,
    }
    assert first["versions"]["unblur"]
    assert sorted(files(tmp_path / "out")) == sorted(
        ["manifest.jsonl", *(f for line in lines(tmp_path / "out") for f in line["files"].values())]
    )


def test_windows_are_odd_drawn_by_seed_and_number_and_follow_one_another(clip, tmp_path):
    drawn = {}
    for seed in range(3):
        results = run(clip, tmp_path / str(seed), frames=(4, 10), seed=seed)
        drawn[seed] = windows(results)
        assert {size for _, size in drawn[seed]} <= {5, 7, 9}
        assert all(a + size == b for (a, size), (b, _) in pairwise(drawn[seed]))
        assert drawn[seed][0][0] == 0
        sizes = [
            5 + 2 * int(np.random.default_rng([seed, number]).integers(3))
            for number in range(len(drawn[seed]))
        ]
        assert [size for _, size in drawn[seed]] == sizes
    assert len({tuple(windows) for windows in drawn.values()}) == 3


def test_with_a_stride_windows_begin_so_far_apart_and_no_step_is_measured_twice(
    clip, tmp_path, monkeypatch
):
    measured = []

    def counted(before, after):
        measured.append((before[0, 0].tobytes(), after[0, 0].tobytes()))
        return real(before, after)

    real = task.step_px
    monkeypatch.setattr(task, "step_px", counted)

    results = run(clip, tmp_path / "out", frames=(5, 25), stride=4)

    starts = [first for first, _ in windows(results)]
    ends = [first + size for first, size in windows(results)]
    assert max(ends) <= 60
    assert starts == sorted(set(starts))
    assert all(start % 4 == 0 for start in starts)
    assert len(starts) >= 9
    assert len(measured) < 60
    assert all(r.step_px < 1.2 for r in results if isinstance(r, Averaged))
    assert (
        len(lines(tmp_path / "out"))
        == len(starts)
        == len({r["name"] for r in lines(tmp_path / "out")})
    )


def test_a_stride_longer_than_the_windows_leaves_frames_out(clip, tmp_path):
    assert windows(run(clip, tmp_path / "out", frames=(5, 5), stride=20)) == [
        (0, 5),
        (20, 5),
        (40, 5),
    ]


@pytest.mark.parametrize("gamma", ["2.2", "srgb", "none"])
def test_a_still_stays_as_it_is(tmp_path, gamma):
    still = write_video(tmp_path / "still.mkv", pan(1) * 15)

    *_, summary = run(still, tmp_path / "out", gamma=gamma, frames=(5, 5))

    assert (summary.made, summary.longest_step_px, summary.warnings) == (3, 0.0, ())
    for line in lines(tmp_path / "out"):
        blur, sharp = (eight_bits(tmp_path / "out" / line["files"][k]) for k in ("blur", "sharp"))
        assert np.array_equal(blur, sharp)


def test_a_fast_pan_is_skipped_and_the_step_is_said(tmp_path):
    fast = write_video(tmp_path / "fast.mkv", pan(20, 6, height=128, width=192), rate=25)

    *results, summary = run(fast, tmp_path / "out", frames=(5, 5))

    assert all(isinstance(result, Skipped) for result in results)
    assert (summary.made, summary.skipped) == (0, 4)
    assert summary.longest_step_px == pytest.approx(6, rel=0.1)
    step, slow = summary.warnings
    assert step.startswith("most frames move 6.")
    assert "more than 2: averages would show ghosts; film at 120 fps or more" in step
    assert "25 fps is slow" in slow
    assert lines(tmp_path / "out") == []

    *_, summary = run(fast, tmp_path / "far", frames=(5, 5), max_step_px=9, fps=120)
    assert (summary.made, summary.skipped, summary.warnings) == (4, 0, ())


def test_one_jerk_costs_one_window(tmp_path):
    frames = pan(60)
    jerky = write_video(tmp_path / "jerky.mkv", frames[:22] + frames[30:])

    *results, summary = run(jerky, tmp_path / "out", frames=(5, 5))

    (skipped,) = [result for result in results if isinstance(result, Skipped)]
    assert skipped.window.first == 20
    assert skipped.step_px == pytest.approx(9, rel=0.1)
    assert (summary.made, summary.skipped, summary.warnings) == (9, 1, ())


def test_16_bits_stay_16(tmp_path):
    frames = [frame.astype(np.uint16) * 257 for frame in pan(5)]
    deep = write_video(tmp_path / "deep.mkv", frames, pix_fmt="gbrp10le")
    middle = [frame.pixels for frame in open_frames(deep)][2]

    run(deep, tmp_path / "out", frames=(5, 5))

    for kind in ("blur", "sharp"):
        photo = read_photo(tmp_path / "out" / kind / "deep-000002.png")
        assert photo.bits == 16
    assert np.array_equal(np.rint(photo.pixels * 65535), middle)


def test_the_profile_of_a_folder_of_frames_is_kept_and_its_rate_is_not_known(tmp_path):
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    (tmp_path / "Take 1.2").mkdir()
    for index, pixels in enumerate(pan(5)):
        photo = Photo(pixels=pixels.astype(np.float32) / 255, metadata=Metadata(icc=icc))
        write_photo(photo, tmp_path / "Take 1.2" / f"{index}.png")

    run(tmp_path / "Take 1.2", tmp_path / "out", frames=(5, 5))

    (line,) = lines(tmp_path / "out")
    assert (line["name"], line["fps"], line["exposure_seconds"]) == ("Take 1.2-000002", None, None)
    for file in line["files"].values():
        assert read_photo(tmp_path / "out" / file).metadata.icc == icc

    run(tmp_path / "Take 1.2", tmp_path / "told", frames=(5, 5), fps=250)
    assert lines(tmp_path / "told")[0]["exposure_seconds"] == 5 / 250


@pytest.mark.parametrize("stride", [None, 2])
def test_no_window_spans_frames_that_cannot_be_read(tmp_path, stride):
    clip = write_video(tmp_path / "clip.mov", pan(40), codec="png", pix_fmt="rgb24")
    for number in (12, 26):
        damage(clip, number)

    *results, summary = run(clip, tmp_path / "out", frames=(5, 9), stride=stride)

    lost = [result.first for result in results if isinstance(result, Unreadable)]
    assert lost == [12, 26]
    made = windows(results)
    assert all(not first <= number < first + size for first, size in made for number in lost)
    assert summary.cut >= 1
    if stride is None:
        assert {13, 27} <= {first for first, _ in made}
    else:
        # Also short windows that begin after a longer one which the gap cuts.
        sizes = [
            5 + 2 * int(np.random.default_rng([0, number]).integers(3)) for number in range(20)
        ]
        fit = [
            (2 * number, size)
            for number, size in enumerate(sizes)
            if 2 * number + size <= 40
            and not any(2 * number <= gap < 2 * number + size for gap in lost)
        ]
        assert made == fit


def test_an_interrupted_run_goes_on_and_ends_with_the_same_bytes(clip, tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    run(clip, whole, frames=(5, 9))

    begun = average(open_frames(clip), cut, AverageOptions(frames=(5, 9)))
    next(begun), next(begun), next(begun)
    begun.close()
    manifest = cut / "manifest.jsonl"
    manifest.write_text(manifest.read_text()[:-40])  # killed while it wrote
    third = lines(whole)[2]["files"]
    (cut / third["sharp"]).unlink()
    before = (cut / "blur" / (lines(whole)[0]["name"] + ".png")).stat().st_mtime_ns
    *_, summary = run(clip, cut, frames=(5, 9))

    assert summary.there == 2
    assert files(cut) == files(whole)
    assert (cut / "blur" / (lines(whole)[0]["name"] + ".png")).stat().st_mtime_ns == before
    *_, again = run(clip, cut, frames=(5, 9))
    assert (again.made, again.there) == (0, len(lines(whole)))
    assert again.longest_step_px == summary.longest_step_px
    assert files(cut) == files(whole)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"seed": 1}, "seed=0, asked for 1"),
        ({"gamma": "srgb"}, "gamma=2.2, asked for srgb"),
        ({"frames": (5, 9)}, r"frames=\[5, 25\], asked for \[5, 9\]"),
        ({"stride": 3}, "stride=None, asked for 3"),
        ({"max_step_px": 3.0}, "max_step_px=2.0, asked for 3.0"),
        ({"fps": 120.0}, "fps=240.0, asked for 120.0"),
    ],
)
def test_a_folder_of_pairs_made_otherwise_is_refused_with_the_difference(
    clip, tmp_path, changed, said
):
    run(clip, tmp_path / "out")
    before = files(tmp_path / "out")

    with pytest.raises(OptionError, match=said):
        run(clip, tmp_path / "out", **changed)

    assert files(tmp_path / "out") == before


def test_videos_share_a_folder_unless_they_share_a_name(clip, tmp_path):
    other = write_video(tmp_path / "other.mkv", pan(20))
    (tmp_path / "elsewhere").mkdir()
    namesake = write_video(tmp_path / "elsewhere" / "clip.mkv", pan(20))
    run(clip, tmp_path / "out", frames=(5, 5))

    run(other, tmp_path / "out", frames=(5, 5), seed=4)

    assert {line["clip"] for line in lines(tmp_path / "out")} == {"clip", "other"}
    with pytest.raises(OptionError, match=r"source=.*clip\.mkv, asked for .*elsewhere"):
        run(namesake, tmp_path / "out", frames=(5, 5))


def test_too_few_frames_make_nothing(tmp_path):
    short = write_video(tmp_path / "short.mkv", pan(3))

    with pytest.raises(DataError, match="frames that can be read: 3, the smallest window needs 5"):
        run(short, tmp_path / "out")

    assert not (tmp_path / "out").exists()
    *_, summary = run(short, tmp_path / "out", frames=(3, 99), seed=2)
    assert summary == Summary(
        made=0,
        there=0,
        skipped=0,
        cut=0,
        longest_step_px=None,
        warnings=("no window of the sizes drawn fits; use smaller --frames",),
    )


def test_a_folder_that_cannot_be_written_is_said(clip, tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(TargetError, match="file"):
        run(clip, tmp_path / "file")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"frames": (0, 5)}, r"got 0\.\.5; 5\.\.25 would work"),
        ({"frames": (9, 5)}, r"got 9\.\.5"),
        ({"frames": (6, 6)}, "odd number, for a window to have a middle, got 6; 7 would work"),
        ({"stride": 0}, "stride must be at least 1"),
        ({"gamma": "3"}, r"one of 2\.2, srgb, none"),
        ({"fps": 0.0}, "fps must be positive"),
        ({"max_step_px": float("nan")}, "max_step_px must be positive"),
        ({"max_step_px": float("inf")}, "finite"),
        ({"seed": -1}, "seed must not be negative"),
    ],
)
def test_bad_options_are_refused(options, said):
    with pytest.raises(OptionError, match=said):
        AverageOptions(**options)
