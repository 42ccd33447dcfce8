import json
import math
import shutil

import numpy as np
import onnx
import pytest
import skimage.data
from PIL import Image

import unblur
from photo_sets import cut_short, save
from small_network import sharpening_network
from unblur.errors import DataError, NetworkError, OptionError
from unblur.imaging.photo.photo import Photo, read_photo, write_photo
from unblur.metrics import psnr, ssim
from unblur.models import MODELS
from unblur.tasks.bench.options import GUARDS
from unblur.tasks.bench.published import PUBLISHED
from unblur.tasks.bench.report import as_markdown, as_report, table, warnings
from unblur.tasks.bench.run import Bench, BenchOptions
from unblur.tasks.bench.score import score_files
from unblur.tasks.bench.summary import gains, summarise
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer
from unblur.tasks.singan import fit as singan_fit
from unblur.tasks.singan import options as singan_options
from unblur.tasks.singan.options import SinGANOptions

PHOTOS = {"astronaut": (30, 100), "coffee": (100, 150), "chelsea": (50, 120), "rocket": (200, 300)}
SIDE = 96
CLASSICAL = BenchOptions(models=("unsharp-mask",))


def floats(codes):
    return codes.astype(np.float32) / np.float32(255)


def codes(pixels):
    return np.rint(pixels * 255).astype(np.uint8)


@pytest.fixture(scope="session")
def shaken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    for index, (name, (top, left)) in enumerate(PHOTOS.items()):
        sharp = getattr(skimage.data, name)()[top : top + SIDE, left : left + SIDE + 8 * index]
        rng = np.random.default_rng(index)
        kernel = unblur.random_kernels(1, rng=rng, exposure=(0.2,))[0]
        save(sharp, folder / "sharp" / f"{name}.png")
        save(codes(unblur.blur(floats(sharp), kernel)), folder / "blur" / f"{name}.png")
    return folder


@pytest.fixture
def pairs(shaken, tmp_path):
    return shutil.copytree(shaken, tmp_path / "pairs")


def run(folder, options=CLASSICAL, report=None):
    bench = Bench(folder, options)
    return bench, [row for rows in bench.run(report) for row in rows]


def by(rows, method):
    return {row["image"]: row for row in rows if row["method"] == method}


# --- numbers


def test_bench_score_and_functions_give_identical_numbers(pairs, tmp_path):
    options = BenchOptions(models=("fast",), precision="fp32", engine="onnx")
    restorer = Restorer.open(RestoreOptions(method="network", precision="fp32", engine="onnx"))
    out = tmp_path / "restored"
    out.mkdir()
    for path in (pairs / "blur").iterdir():
        write_photo(restorer.restore(read_photo(path)), out / path.name)

    _, rows = run(pairs, options)
    _, of_files = run(pairs, BenchOptions(models=(), restored=(out,)))
    scored = {result.name: result.scores for result in score_files(out, pairs / "sharp")}

    ours, theirs = by(rows, "fast"), by(of_files, "restored")
    for name in PHOTOS:
        both = [read_photo(x / f"{name}.png").pixels for x in (out, pairs / "sharp")]
        expected = {"psnr": psnr(*both), "ssim": ssim(*both)}
        assert ours[name]["scores"] == expected
        assert theirs[name]["scores"] == expected
        assert {key: scored[name][key] for key in expected} == expected


def test_no_number_depends_on_the_workers(pairs):
    options = [
        BenchOptions(models=("fast", "richardson-lucy"), workers=workers) for workers in (1, 2, 7)
    ]
    runs = [run(pairs, each)[1] for each in options]

    numbers = [[(r["image"], r["method"], r["scores"]) for r in rows] for rows in runs]
    assert numbers[0] == numbers[1] == numbers[2]
    assert len(numbers[0]) == 12


def test_the_blurred_input_has_its_own_row_and_gains_are_over_it(pairs):
    bench, rows = run(pairs)

    blurred, restored = summarise(bench, rows)
    assert (blurred.method, restored.method) == ("blurred", "unsharp-mask")
    both = [by(rows, method) for method in ("blurred", "unsharp-mask")]
    change = [both[1][n]["scores"]["psnr"] - both[0][n]["scores"]["psnr"] for n in PHOTOS]
    assert restored.gain == pytest.approx(np.mean(change), abs=1e-12)
    assert restored.worst_gain == min(change)
    assert blurred.gain is None
    assert restored.means["ssim"] == pytest.approx(
        np.mean([row["scores"]["ssim"] for row in both[1].values()]), abs=1e-12
    )


def test_equal_pictures_are_infinite_counted_apart_and_in_no_mean(pairs):
    shutil.copy(pairs / "sharp/coffee.png", pairs / "blur/coffee.png")

    bench, rows = run(pairs, BenchOptions(models=()))

    (blurred,) = summarise(bench, rows)
    values = {name: row["scores"]["psnr"] for name, row in by(rows, "blurred").items()}
    assert values.pop("coffee") == math.inf
    assert blurred.infinite == 1
    assert blurred.means["psnr"] == pytest.approx(np.mean(list(values.values())), abs=1e-12)


def test_a_pair_shifted_by_one_pixel_gets_the_score_of_the_shift(pairs):
    photo = skimage.data.astronaut()[100:196]
    save(photo[:, 101:201], pairs / "blur/astronaut.png")
    save(photo[:, 100:200], pairs / "sharp/astronaut.png")

    _, rows = run(pairs, BenchOptions(models=()))

    error = photo[:, 101:201].astype(float) - photo[:, 100:200]
    expected = 10 * np.log10(255**2 / np.mean(error**2))
    assert by(rows, "blurred")["astronaut"]["scores"]["psnr"] == pytest.approx(expected, abs=1e-9)


def test_a_constant_picture_is_scored(pairs):
    for folder, code in (("blur", 100), ("sharp", 110)):
        save(np.full((40, 50, 3), code, np.uint8), pairs / folder / "rocket.png")

    bench, rows = run(pairs)

    scores = by(rows, "blurred")["rocket"]["scores"]
    assert scores["psnr"] == pytest.approx(20 * np.log10(25.5))
    assert scores["ssim"] == pytest.approx((22000 + 6.5025) / (22100 + 6.5025), abs=1e-9)
    assert not any("swapped" in note for note in warnings(bench, rows))


def test_sixteen_bits_against_eight_and_opacity_are_scored_with_a_note(pairs):
    pixels = read_photo(pairs / "sharp/coffee.png").pixels
    fine = Photo(pixels=np.clip(pixels + np.float32(0.3 / 255), 0, 1), bits=16)
    write_photo(fine, pairs / "sharp/coffee.png", overwrite=True)
    clear = Image.open(pairs / "blur/rocket.png").convert("RGBA")
    clear.putalpha(40)
    clear.save(pairs / "blur/rocket.png")

    before = by(run(pairs, BenchOptions(models=()))[1], "blurred")
    bench, rows = run(pairs, BenchOptions(models=()))

    expected = psnr(read_photo(pairs / "blur/coffee.png").pixels, pixels)
    assert before["coffee"]["scores"]["psnr"] == expected
    blurred, sharp = (read_photo(pairs / x / "rocket.png").pixels for x in ("blur", "sharp"))
    assert before["rocket"]["scores"]["psnr"] == psnr(blurred, sharp)
    assert warnings(bench, rows) == [
        "8 bits against 16: both rounded to 8 (1 photos)",
        "opacity is not compared (1 photos)",
    ]


# --- protocols


def gopro_of(pairs, tmp_path):
    folder = tmp_path / "GOPRO_Large/test/GOPR0384_11_00"
    shutil.copytree(pairs, folder)
    return tmp_path / "GOPRO_Large"


def test_the_protocol_of_deblurgan_halves_both_photos_as_pillow_does(pairs, tmp_path):
    folder = gopro_of(pairs, tmp_path)

    _, rows = run(folder, BenchOptions(benchmark="gopro", protocol="deblurgan", models=()))

    for name in PHOTOS:
        row = by(rows, "blurred")[f"GOPR0384_11_00/{name}"]
        both = [Image.open(pairs / x / f"{name}.png") for x in ("blur", "sharp")]
        half = [x.resize((x.width // 2, x.height // 2), Image.Resampling.BICUBIC) for x in both]
        expected = psnr(*(floats(np.asarray(x)) for x in half))
        assert row["size"] == [half[0].width, half[0].height]
        assert row["scores"]["psnr"] == pytest.approx(expected, abs=0.05)
        assert set(row["scores"]) == {"psnr", "ssim", "cw_ssim"}


def test_protocols_give_other_numbers_for_the_same_photos(pairs, tmp_path):
    folder = gopro_of(pairs, tmp_path)
    means = {}
    for protocol in ("standard", "deblurgan", "singan"):
        options = BenchOptions(benchmark="gopro", protocol=protocol, models=())
        means[protocol] = summarise(*run(folder, options))[0].means["psnr"]

    assert means["deblurgan"] > means["standard"] + 0.5
    assert means["singan"] == means["standard"]  # fewer than 100 photos: all of them


@pytest.mark.parametrize(
    ("benchmark", "protocol"),
    [("gopro", "standard"), ("gopro", "deblurgan"), ("kohler", "standard"), ("pairs", "standard")],
)
def test_every_protocol_runs_without_the_guard_unless_it_is_asked_for(benchmark, protocol):
    assert BenchOptions(benchmark=benchmark, protocol=protocol).guard == "off"
    with pytest.raises(OptionError, match="unknown guard 'yes'; known: off, on, both"):
        BenchOptions(benchmark=benchmark, protocol=protocol, guard="yes")


def test_guard_is_off_on_or_both_and_named_in_every_row(tmp_path):
    grass = np.repeat(skimage.data.grass()[:160, :160, None], 3, axis=2)
    for folder in ("blur", "sharp"):
        save(grass, tmp_path / folder / "grass.png")
    models = ("fast", "unsharp-mask")
    runs = {g: run(tmp_path, BenchOptions(models=models, guard=g)) for g in GUARDS}

    def scores(guard, method="fast"):
        return by(runs[guard][1], method)["grass"]["scores"]["psnr"]

    assert scores("on") == math.inf  # sharp already: nothing was changed
    assert scores("off") < 80
    assert scores("both") == scores("off")
    assert scores("both", "fast, guarded") == math.inf
    assert [(m.name, m.facts["guard"]) for m in runs["both"][0].methods] == [
        ("blurred", False), ("fast", False), ("fast, guarded", True), ("unsharp-mask", False),
    ]  # fmt: skip
    report = as_report(*runs["both"])
    assert [row.split(" | ")[1] for row in table(report)[2:]] == ["off", "off", "on", "off"]
    for guard, words in (
        ("off", "run without the guard"), ("on", "run with the guard"), ("both", "in a row each"),
    ):  # fmt: skip
        assert words in as_markdown(as_report(*runs[guard]))


def test_a_network_that_the_guard_would_undo_has_a_row_of_its_own(pairs, tmp_path):
    """Weights that are not `fast` came out as the blurred row, to the last digit."""
    network = str(sharpening_network(tmp_path / "theirs.onnx"))

    rows = run(pairs, BenchOptions(models=(network,), guard="both", engine="onnx"))[1]

    for name, row in by(rows, network).items():
        assert row["scores"] != by(rows, "blurred")[name]["scores"]


def test_a_narrow_variant_is_called_a_topology_and_is_no_published_row(pairs, tmp_path):
    path = tmp_path / "sixteen.onnx"
    sharpening_network(path)
    proto = onnx.load(path)
    facts = {entry.key: entry.value for entry in proto.metadata_props}
    onnx.helper.set_model_props(proto, facts | {"unblur.model": "deblurgan-16"})
    onnx.save(proto, path)

    bench = Bench(gopro_of(pairs, tmp_path), BenchOptions(benchmark="gopro", models=(str(path),)))

    assert bench.methods[1].facts["architecture"] == "DeblurGAN's topology, 16 channels"
    assert MODELS["deblurgan"].label == "DeblurGAN's generator"
    assert not any("channels" in row.method for rows in PUBLISHED.values() for row in rows)


def test_singan_learns_every_scene_and_goes_on_where_it_was_killed(pairs, tmp_path, monkeypatch):
    for name in ("chelsea", "rocket"):
        for folder in ("blur", "sharp"):
            (pairs / folder / f"{name}.png").unlink()
    monkeypatch.setattr(singan_options, "fast_options", lambda **more: SinGANOptions(
        scales=2, max_size_px=40, critic_steps=1, generator_steps=1, **more
    ))  # fmt: skip
    options = BenchOptions(models=("singan", "singan-grow"), iterations=2)
    learnt, fit = [], singan_fit.fit

    def killed(sharp, target, *arguments, **more):
        if learnt:
            raise KeyboardInterrupt
        learnt.append(target)
        return fit(sharp, target, *arguments, **more)

    report = tmp_path / "report"
    report.mkdir()
    monkeypatch.setattr(singan_fit, "fit", killed)
    with pytest.raises(KeyboardInterrupt):
        run(pairs, options, report)
    assert list((report / "singan").iterdir()) == learnt
    before = learnt[0].read_bytes()
    monkeypatch.setattr(singan_fit, "fit", fit)

    bench, rows = run(pairs, options, report)

    assert learnt[0].read_bytes() == before  # was not learnt again
    assert len(list((report / "singan").iterdir())) == 2  # one for both readings
    facts = bench.methods[1].facts
    assert (facts["start"], facts["finest scale, px"], facts["guard"]) == (
        "shrink-first", 40, False,
    )  # fmt: skip
    one, other = by(rows, "singan"), by(rows, "singan-grow")
    for name in ("astronaut", "coffee"):
        assert one[name]["scores"] != other[name]["scores"]
    again = run(pairs, options, report)[1]
    assert again == rows
    monkeypatch.setattr(singan_fit, "fit", None)  # what was scored is not restored again
    assert run(pairs, options, report)[1] == rows


def test_singan_is_not_for_kohlers_set():
    with pytest.raises(OptionError, match="singan learns the one sharp photo of a pair; Köhler"):
        BenchOptions(benchmark="kohler", models=("singan",))
    with pytest.raises(OptionError, match="iterations must be at least 1, got 0"):
        BenchOptions(models=("singan",), iterations=0)


# --- what goes wrong


def test_a_photo_that_fails_is_a_row_and_the_mean_is_over_the_others(pairs):
    cut_short(pairs / "blur/coffee.png")
    save(np.zeros((70, 71, 3), np.uint8), pairs / "sharp/rocket.png")
    (pairs / "sharp/chelsea.png").unlink()

    bench, rows = run(pairs)

    errors = {name: row["error"] for name, row in by(rows, "blurred").items() if "error" in row}
    assert set(errors) == {"coffee", "rocket", "chelsea"}
    assert "blur/coffee.png" in errors["coffee"]
    assert "blur/rocket.png is 120x96 px" in errors["rocket"]
    assert "sharp/rocket.png is 71x70 px" in errors["rocket"]
    assert "chelsea.png has no sharp partner" in errors["chelsea"]
    blurred, restored = summarise(bench, rows)
    assert (restored.photos, restored.scored, restored.failed) == (4, 1, 3)
    assert blurred.means["psnr"] == by(rows, "blurred")["astronaut"]["scores"]["psnr"]


def test_swapped_folders_are_told(pairs):
    (pairs / "blur").rename(pairs / "was_blur")
    (pairs / "sharp").rename(pairs / "blur")
    (pairs / "was_blur").rename(pairs / "sharp")

    found = warnings(*run(pairs, BenchOptions(models=())))

    assert found == [
        "in 4 of 4 pairs the sharp photo has less detail than the blurred one; are the folders "
        "swapped?"
    ]


def test_folders_the_right_way_round_are_not_called_swapped(pairs):
    assert warnings(*run(pairs, BenchOptions(models=()))) == []


def test_a_file_of_others_that_is_missing_or_of_another_size_is_a_row(pairs, tmp_path):
    theirs = tmp_path / "theirs"
    save(np.zeros((50, 60, 3), np.uint8), theirs / "astronaut.png")
    shutil.copy(pairs / "blur/coffee.png", theirs)

    _, rows = run(pairs, BenchOptions(models=(), restored=(theirs,)))

    errors = {name: row.get("error") for name, row in by(rows, "theirs").items()}
    assert errors["coffee"] is None
    assert "astronaut of theirs is 60x50 px" in errors["astronaut"]
    assert errors["rocket"] == f"theirs: {theirs} has no restored photo for rocket"
    assert all("error" not in row for row in by(rows, "blurred").values())


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"benchmark": "reds"}, "'reds'; known: gopro, kohler, pairs"),
        ({"protocol": "deblurgan"}, "protocol 'deblurgan' of pairs; known: standard"),
        ({"benchmark": "kohler", "metrics": ("ssim",)}, "its own metrics: psnr, ms_ssim"),
        ({"metrics": ("lpips",)}, "unknown metric 'lpips'"),
        ({"limit": 0}, "limit must be at least 1, got 0"),
        ({"seed": -1}, "seed must not be negative, got -1"),
        ({"workers": -1}, "workers must not be negative"),
        ({"engine": "tpu"}, "unknown engine 'tpu'"),
        ({"models": ("fast", "fast")}, "each method once, got fast, fast"),
    ],
)
def test_options_that_mean_nothing_are_refused(wrong, why):
    with pytest.raises(OptionError, match=why):
        BenchOptions(**wrong)


def test_methods_that_cannot_be_opened_are_refused_before_the_first_photo(pairs, tmp_path):
    for name, kind, why in (
        ("nafnet", OptionError, "known: fast, .*unsharp-mask.* or an .onnx file"),
        ("wiener", OptionError, "wiener needs --kernel"),
        ("none.onnx", NetworkError, "no such network file"),
    ):
        with pytest.raises(kind, match=why):
            Bench(pairs, BenchOptions(models=(name,)))
    with pytest.raises(DataError, match="is not a folder"):
        Bench(pairs, BenchOptions(restored=(tmp_path / "none",)))


# --- resuming


def test_what_was_scored_is_not_scored_again(pairs, tmp_path):
    report = tmp_path / "report"
    report.mkdir()
    bench = Bench(pairs, CLASSICAL)
    stopped = bench.run(report)
    done = next(stopped)
    stopped.close()
    file = report / "rows.jsonl"
    with file.open("a") as stream:
        stream.write('{"image": "torn')

    _, rows = run(pairs, CLASSICAL, report)

    assert rows[:2] == done  # to the digits of their seconds
    lines = file.read_text().splitlines()
    assert len(lines) == 8 + 1
    assert {json.loads(line)["image"] for line in lines if "torn" not in line} == set(PHOTOS)
    assert run(pairs, CLASSICAL, report)[1] == rows
    assert file.read_text().splitlines() == lines


def test_other_files_and_other_rules_are_scored_anew_failures_are_tried_again(pairs, tmp_path):
    report = tmp_path / "report"
    report.mkdir()
    whole = (pairs / "blur/coffee.png").read_bytes()
    cut_short(pairs / "blur/coffee.png")
    first = by(run(pairs, CLASSICAL, report)[1], "blurred")
    (pairs / "blur/coffee.png").write_bytes(whole)
    save(255 - skimage.data.chelsea()[:SIDE, :112], pairs / "blur/chelsea.png")

    again = by(run(pairs, CLASSICAL, report)[1], "blurred")
    more = by(run(pairs, BenchOptions(models=(), metrics=("psnr",)), report)[1], "blurred")

    assert "error" in first["coffee"]
    assert again["coffee"]["scores"]["psnr"] > 15
    assert again["chelsea"]["scores"] != first["chelsea"]["scores"]
    assert again["rocket"] == first["rocket"]
    assert set(more["rocket"]["scores"]) == {"psnr"}


def test_an_infinite_score_survives_the_file(pairs, tmp_path):
    report = tmp_path / "report"
    report.mkdir()
    shutil.copy(pairs / "sharp/coffee.png", pairs / "blur/coffee.png")
    options = BenchOptions(models=())

    rows = [by(run(pairs, options, report)[1], "blurred")["coffee"] for _ in range(2)]

    assert rows[0] == rows[1]
    assert rows[1]["scores"]["psnr"] == math.inf
    assert '"psnr": "infinity"' in (report / "rows.jsonl").read_text()


def test_gains_leave_out_what_has_no_number(pairs):
    shutil.copy(pairs / "sharp/coffee.png", pairs / "blur/coffee.png")
    cut_short(pairs / "blur/rocket.png")

    _, rows = run(pairs)

    assert set(gains(rows, "unsharp-mask")) == {"astronaut", "chelsea"}
