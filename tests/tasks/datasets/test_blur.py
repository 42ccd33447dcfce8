import hashlib
import json
import re
import shutil
from dataclasses import asdict, replace

import numpy as np
import pytest
import scipy
from skimage import data

import unblur
from unblur.errors import OptionError, TargetError
from unblur.imaging.blur.blur import blur
from unblur.imaging.blur.motion import KINDS
from unblur.imaging.photo.photo import Photo, read_photo, write_photo
from unblur.tasks.datasets.blur import BlurOptions, rebuild_pairs, write_pairs

QUICK = BlurOptions(length_px=20)
MIXED = BlurOptions(length_px=20, kind="mixed", seed=7)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Three small photos: PNG, a grey JPEG, TIFF of 16 bits with alpha."""
    folder = tmp_path_factory.mktemp("photos")
    height, width = 72, 96

    def save(pixels, name, **more):
        cut = pixels[60 : 60 + height, 150 : 150 + width].astype(np.float32)
        cut = np.dstack([cut] * 3) if cut.ndim == 2 else cut
        write_photo(Photo(pixels=cut / 255, **more), folder / name)

    save(data.astronaut(), "astronaut.png")
    save(data.camera(), "camera.jpg", grey=True)
    deep = data.coffee() * 0.99 + np.random.default_rng(0).random((400, 600, 1))
    save(deep, "coffee.tif", bits=16, alpha=np.full((height, width), 999, np.uint16))
    return {path.stem: path for path in sorted(folder.iterdir())}


@pytest.fixture
def sources(photos):
    return list(photos.values())


@pytest.fixture
def mine(photos, tmp_path):
    """Copies of the photos, to spoil."""
    folder = tmp_path / "mine"
    folder.mkdir()
    return [shutil.copy(path, folder / path.name) for path in photos.values()]


def run(sources, out, options=QUICK, **more):
    return list(write_pairs(sources, out, options, **more))


def tree(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def records(folder):
    lines = (folder / "manifest.jsonl").read_text("utf-8").splitlines()
    return {record["name"]: record for record in map(json.loads, lines)}


def names(results):
    return [result.name for result in results]


def made(results):
    results = list(results)
    assert [result.error for result in results if result.error] == []
    return names(result for result in results if not result.there)


# --- what is written


def test_a_pair_is_two_photos_a_kernel_in_two_formats_and_a_line(photos, tmp_path):
    results = run([photos["astronaut"]], tmp_path / "out", count=2)

    assert made(results) == ["astronaut-000", "astronaut-001"]
    assert all(result.source == photos["astronaut"] for result in results)
    assert all(result.seconds > 0 for result in results)
    assert sorted(tree(tmp_path / "out")) == [
        "blur/astronaut-000.png",
        "blur/astronaut-001.png",
        "kernels/astronaut-000.npy",
        "kernels/astronaut-000.png",
        "kernels/astronaut-001.npy",
        "kernels/astronaut-001.png",
        "manifest.jsonl",
        "sharp/astronaut-000.png",
        "sharp/astronaut-001.png",
    ]


def test_a_line_holds_what_it_takes_to_make_the_pair_again(photos, tmp_path):
    source = photos["camera"]
    run([source], tmp_path, MIXED, count=3)

    for draw, (name, record) in enumerate(records(tmp_path).items()):
        assert name == f"camera-{draw:03d}"
        assert record["draw"] == draw
        assert record["source"] == str(source.resolve())
        assert record["source_sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
        assert BlurOptions(**record["options"] | {"exposure": (0.1, 0.5, 1.0)}) == MIXED
        assert record["kind"] in KINDS
        assert record["exposure"] in MIXED.exposure
        assert record["versions"]["unblur"] == unblur.__version__
        assert record["versions"]["numpy"] == np.__version__
        assert record["versions"]["scipy"] == scipy.__version__
        assert re.fullmatch(r"8\.\d+\.\d+", record["versions"]["libvips"])
        assert all((tmp_path / file).is_file() for file in record["files"].values())


def test_the_sharp_partner_is_the_source_without_its_alpha(photos, sources, tmp_path):
    run(sources, tmp_path)

    for name, source in photos.items():
        before, after = read_photo(source), read_photo(tmp_path / f"sharp/{name}-000.png")
        np.testing.assert_array_equal(after.pixels, before.pixels)
        assert (after.bits, after.grey, after.alpha) == (before.bits, before.grey, None)
        blurred = read_photo(tmp_path / f"blur/{name}-000.png")
        assert (blurred.bits, blurred.grey, blurred.alpha) == (before.bits, before.grey, None)
        assert blurred.pixels.shape == before.pixels.shape
        assert blurred.pixels.std() < before.pixels.std()
    assert read_photo(tmp_path / "blur/coffee-000.png").bits == 16


@pytest.mark.parametrize("linear_light", [True, False])
def test_the_stored_kernel_gives_the_blurred_photo_to_half_a_code(
    photos, sources, tmp_path, linear_light
):
    run(sources, tmp_path, replace(QUICK, linear_light=linear_light))

    for name in photos:
        sharp = read_photo(tmp_path / f"sharp/{name}-000.png")
        kernel = np.load(tmp_path / f"kernels/{name}-000.npy")
        expected = blur(sharp.pixels, kernel, linear_light=linear_light)
        stored = read_photo(tmp_path / f"blur/{name}-000.png").pixels
        half_a_code = 0.5 / (2**sharp.bits - 1)
        np.testing.assert_allclose(stored, expected, atol=half_a_code + 1e-6)


def test_pictures_of_kernels_have_16_bits_and_are_as_bright_as_the_kernels(photos, tmp_path):
    for kind in KINDS:
        run([photos["astronaut"]], tmp_path / kind, replace(QUICK, kind=kind))
        kernels = np.load(tmp_path / kind / "kernels/astronaut-000.npy")
        picture = read_photo(tmp_path / kind / "kernels/astronaut-000.png")

        assert (picture.bits, picture.grey) == (16, True)
        if kind == "rotation":
            assert kernels.shape[:2] == (3, 3)
            kernels = np.block([[*row] for row in kernels])  # side by side, as over the photo
        shown = picture.pixels[..., 0] * kernels.max()
        np.testing.assert_allclose(shown, kernels, atol=0.51 / 65535 * kernels.max())


def test_moving_objects_come_with_their_mask(photos, tmp_path):
    run([photos["astronaut"]], tmp_path, replace(QUICK, kind="object", length_px=30))

    mask = read_photo(tmp_path / "kernels/astronaut-000.mask.png")
    assert mask.grey
    assert (mask.pixels.min(), mask.pixels.max()) == (0, 1)
    sharp, blurred = (
        read_photo(tmp_path / f"{side}/astronaut-000.png").pixels for side in ("sharp", "blur")
    )
    inside, outside = mask.pixels[..., 0] == 1, mask.pixels[..., 0] == 0
    change = abs(blurred - sharp).mean(axis=2)
    assert change[inside].mean() > 3 * change[outside].mean()


def test_noise_has_the_sigma_asked_for_and_leaves_the_sharp_partner_clean(photos, tmp_path):
    run([photos["coffee"]], tmp_path / "clean")
    run([photos["coffee"]], tmp_path / "noisy", replace(QUICK, noise_sigma=0.02))

    clean, noisy = (
        read_photo(tmp_path / which / "blur/coffee-000.png").pixels for which in ("clean", "noisy")
    )
    middle = (clean > 0.1) & (clean < 0.9)  # where nothing is clipped
    assert (noisy - clean)[middle].std() == pytest.approx(0.02, rel=0.05)
    sharp = [
        (tmp_path / which / "sharp/coffee-000.png").read_bytes() for which in ("clean", "noisy")
    ]
    assert sharp[0] == sharp[1]


def test_jpeg_is_for_the_blurred_photo_alone(photos, tmp_path):
    sizes = []
    for quality in (50, 95):
        run([photos["coffee"]], tmp_path / str(quality), replace(QUICK, jpeg=quality))
        files = records(tmp_path / str(quality))["coffee-000"]["files"]
        assert files["blur"] == "blur/coffee-000.jpg"
        assert files["sharp"] == "sharp/coffee-000.png"
        blurred = tmp_path / str(quality) / files["blur"]
        assert read_photo(blurred).format == "jpeg"
        sizes.append(blurred.stat().st_size)

    assert 2 * sizes[0] < sizes[1]


def test_mixed_pairs_are_of_every_kind_and_exposure(photos, tmp_path):
    run([photos["astronaut"]], tmp_path, replace(MIXED, exposure=(0.2, 0.9)), count=15)

    drawn = [(record["kind"], record["exposure"]) for record in records(tmp_path).values()]
    assert {kind for kind, _ in drawn} == set(KINDS)
    assert {exposure for _, exposure in drawn} == {0.2, 0.9}


def test_a_longer_path_and_a_longer_exposure_leave_larger_kernels(photos, tmp_path):
    def side(name, **options):
        run([photos["astronaut"]], tmp_path / name, BlurOptions(**options), count=6)
        kernels = (tmp_path / name / "kernels").glob("*.npy")
        return np.mean([len(np.load(kernel)) for kernel in kernels])

    short = side("short", length_px=10, exposure=(1.0,))
    long = side("long", length_px=60, exposure=(1.0,))
    brief = side("brief", length_px=60, exposure=(0.05,))
    smooth = side("smooth", length_px=60, exposure=(1.0,), preset="paper")
    assert 2 * short < long
    assert 2 * brief < long
    assert smooth > long


# --- what a pair depends on


def test_a_pair_depends_on_seed_number_and_content_alone(photos, sources, tmp_path):
    run(sources, tmp_path / "all", MIXED, count=2)
    run([photos["coffee"], photos["camera"]], tmp_path / "two", MIXED, count=3)
    moved = tmp_path / "moved"
    moved.mkdir()
    run([shutil.copy(photos["camera"], moved / "renamed.jpg")], tmp_path / "one", MIXED, count=2)

    whole, two, one = (tree(tmp_path / name) for name in ("all", "two", "one"))
    for name in ("coffee-000", "coffee-001", "camera-000", "camera-001"):
        files = [file for file in whole if name in file]
        assert len(files) >= 4
        for file in files:
            assert whole[file] == two[file]
            if "camera" in file:
                assert whole[file] == one[file.replace("camera", "renamed")]


def test_other_seeds_numbers_and_photos_give_other_kernels(photos, sources, tmp_path):
    options = replace(QUICK, exposure=(1.0,))
    run(sources, tmp_path / "0", options, count=2)
    run(sources, tmp_path / "1", replace(options, seed=1), count=2)

    kernels = {file for seed in "01" for file in (tmp_path / seed / "kernels").glob("*.npy")}
    assert len({file.read_bytes() for file in kernels}) == 2 * 2 * len(photos)


# --- rebuilding


@pytest.mark.parametrize(
    "options",
    [
        QUICK,
        replace(QUICK, noise_sigma=0.03, preset="paper", exposure=(0.3, 0.9)),
        replace(QUICK, kind="rotation", jpeg=80),
        replace(QUICK, kind="object", noise_sigma=0.01, jpeg=93, seed=2**40),
        replace(MIXED, linear_light=False, length_px=12.5),
    ],
    ids=["shake", "noise", "rotation", "object", "mixed"],
)
def test_the_manifest_alone_rebuilds_every_pair_byte_for_byte(sources, tmp_path, options):
    count = 2 if options.kind == "mixed" else 1
    run(sources, tmp_path / "first", options, count=count)
    before = tree(tmp_path / "first")
    manifest = shutil.copy(tmp_path / "first/manifest.jsonl", tmp_path / "kept.jsonl")
    shutil.rmtree(tmp_path / "first")

    results = list(rebuild_pairs(manifest, tmp_path / "again"))

    assert len(made(results)) == count * len(sources)
    assert tree(tmp_path / "again") == before


def test_one_pair_is_rebuilt_by_its_name(sources, tmp_path):
    run(sources, tmp_path / "first", MIXED, count=3)
    manifest = tmp_path / "first/manifest.jsonl"

    results = list(rebuild_pairs(manifest, tmp_path / "again", names=["coffee-002"]))

    assert made(results) == ["coffee-002"]
    first, again = tree(tmp_path / "first"), tree(tmp_path / "again")
    assert again.keys() == {"manifest.jsonl", *(file for file in first if "coffee-002" in file)}
    assert all(again[file] == first[file] for file in again if file != "manifest.jsonl")
    assert records(tmp_path / "again") == {"coffee-002": records(tmp_path / "first")["coffee-002"]}


def test_rebuilding_continues_where_it_stopped(sources, tmp_path):
    run(sources, tmp_path / "first", MIXED)
    manifest = tmp_path / "first/manifest.jsonl"
    again = rebuild_pairs(manifest, tmp_path / "again")
    first = [next(again), next(again)]
    again.close()

    results = list(rebuild_pairs(manifest, tmp_path / "again"))

    assert [result.there for result in results] == [True, True, False]
    assert names(results[:2]) == names(first)
    assert tree(tmp_path / "again") == tree(tmp_path / "first")


def test_what_was_lost_can_be_rebuilt_in_place(sources, tmp_path):
    run(sources, tmp_path, MIXED)
    before = tree(tmp_path)
    (tmp_path / "blur/camera-000.png").unlink()

    results = list(rebuild_pairs(tmp_path / "manifest.jsonl", tmp_path))

    assert made(results) == ["camera-000"]
    after = tree(tmp_path)
    assert after.pop("manifest.jsonl").startswith(before.pop("manifest.jsonl"))
    assert after == before


def test_a_source_that_is_gone_is_an_error_of_its_pair(mine, tmp_path):
    run(mine, tmp_path / "first")
    mine[1].unlink()

    results = list(rebuild_pairs(tmp_path / "first/manifest.jsonl", tmp_path / "again"))

    assert [result.error is None for result in results] == [True, False, True]
    assert f"{mine[1]}: cannot be opened (no such file" in results[1].error
    assert mine[1].stem + "-000" not in records(tmp_path / "again")


def test_a_source_that_has_changed_is_an_error_of_its_pair(mine, tmp_path):
    run(mine, tmp_path / "first")
    shutil.copy(mine[0], mine[2])

    manifest = tmp_path / "first/manifest.jsonl"
    results = list(rebuild_pairs(manifest, tmp_path / "again"))

    assert [result.error is None for result in results] == [True, True, False]
    assert results[2].error == f"{mine[2]}: has changed since {manifest} was written"
    assert mine[2].stem + "-000" not in records(tmp_path / "again")


def test_of_a_changed_source_nothing_is_rebuilt(mine, tmp_path):
    run(mine, tmp_path / "first")
    shutil.copy(mine[0], mine[2])

    list(rebuild_pairs(tmp_path / "first/manifest.jsonl", tmp_path / "again"))

    assert [file for file in tree(tmp_path / "again") if mine[2].stem in file] == []


def test_a_pair_of_a_linked_photo_is_rebuilt_under_its_name(photos, tmp_path):
    link = tmp_path / "link.png"
    link.symlink_to(photos["astronaut"])
    run([link], tmp_path / "first")

    results = list(rebuild_pairs(tmp_path / "first/manifest.jsonl", tmp_path / "again"))

    assert made(results) == ["link-000"]
    assert tree(tmp_path / "again") == tree(tmp_path / "first")


def test_a_name_that_the_manifest_does_not_have_is_refused(photos, tmp_path):
    run([photos["camera"]], tmp_path / "first")
    manifest = tmp_path / "first/manifest.jsonl"

    with pytest.raises(OptionError, match=r"manifest\.jsonl: has no pair named camera-001$"):
        list(rebuild_pairs(manifest, tmp_path / "again", names=["camera-000", "camera-001"]))
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read (No such file"),
        (b"\xff\xfe\n", "cannot be read (it is not text)"),
        (b"{}\n", "line 1: is not a record of a pair"),
        (b'{"name": "a-000", "options": {}}\nnonsense\n', "line 2: is not a record of a pair"),
        (b"[1]\n", "line 1: is not a record of a pair"),
        (b'{"name": "a-000"}\n', "a-000 has no options of a blur"),
        (b'{"name": "a-000", "options": {"exposure": [1], "x": 1}}\n', "has no options of a blur"),
        pytest.param(
            b'{"name": "a-000", "options": {"exposure": [1]}}\n',
            "manifest.jsonl",
        ),
    ],
)
def test_what_is_not_a_manifest_is_refused(tmp_path, text, said):
    path = tmp_path / "manifest.jsonl"
    if text is not None:
        path.write_bytes(text)

    with pytest.raises(OptionError, match=re.escape(said)):
        list(rebuild_pairs(path, tmp_path / "again"))


# --- stopping and going on


@pytest.fixture(scope="module")
def uninterrupted(photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    run(list(photos.values()), folder, MIXED, count=2)
    return tree(folder)


@pytest.mark.parametrize("done", [0, 3])
def test_a_run_that_was_stopped_goes_on_to_the_same_tree(sources, uninterrupted, tmp_path, done):
    stopped = write_pairs(sources, tmp_path, MIXED, count=2)
    for _ in range(done):
        next(stopped)
    stopped.close()
    assert len(records(tmp_path) if done else []) == done

    results = run(sources, tmp_path, MIXED, count=2)

    assert [result.there for result in results] == done * [True] + (6 - done) * [False]
    assert tree(tmp_path) == uninterrupted


def test_a_run_that_is_done_makes_nothing(sources, uninterrupted, tmp_path):
    run(sources, tmp_path, MIXED, count=2)
    written = {path: path.stat().st_ino for path in tmp_path.rglob("*")}  # a new file, a new number

    assert made(run(sources, tmp_path, MIXED, count=2)) == []

    assert {path: path.stat().st_ino for path in tmp_path.rglob("*")} == written
    assert tree(tmp_path) == uninterrupted


@pytest.mark.parametrize("folder", ["blur", "sharp", "kernels"])
def test_a_deleted_file_is_made_again(sources, uninterrupted, tmp_path, folder):
    run(sources, tmp_path, MIXED, count=2)
    next((tmp_path / folder).glob("coffee-001.*")).unlink()

    assert made(run(sources, tmp_path, MIXED, count=2)) == ["coffee-001"]

    after = tree(tmp_path)
    assert after.pop("manifest.jsonl").startswith(uninterrupted["manifest.jsonl"])
    assert after == {file: b for file, b in uninterrupted.items() if file != "manifest.jsonl"}
    assert made(run(sources, tmp_path, MIXED, count=2)) == []


@pytest.mark.parametrize("kept", [1, -2])
def test_a_torn_last_line_is_dropped_and_its_pair_made_again(
    sources, uninterrupted, tmp_path, kept
):
    run(sources, tmp_path, MIXED, count=2)
    manifest = tmp_path / "manifest.jsonl"
    *whole, last = manifest.read_bytes().splitlines(keepends=True)
    manifest.write_bytes(b"".join(whole) + last[:kept])

    assert made(run(sources, tmp_path, MIXED, count=2)) == ["coffee-001"]

    assert tree(tmp_path) == uninterrupted


def test_a_line_torn_within_a_letter_is_dropped_as_well(photos, tmp_path):
    source = shutil.copy(photos["camera"], tmp_path / "\u00e9t\u00e9.jpg")
    run([source], tmp_path / "out")
    manifest = tmp_path / "out/manifest.jsonl"
    line = manifest.read_bytes()
    manifest.write_bytes(line[: line.index(rb"\u00e9") + 3])

    assert made(run([source], tmp_path / "out")) == ["\u00e9t\u00e9-000"]

    assert manifest.read_bytes() == line


def test_letters_of_any_language_are_kept_in_the_manifest(photos, tmp_path):
    source = shutil.copy(photos["camera"], tmp_path / "\u65e5\u672c \u2028 \u00e9t\u00e9.jpg")
    run([source], tmp_path / "first")

    assert made(run([source], tmp_path / "first")) == []
    results = rebuild_pairs(tmp_path / "first/manifest.jsonl", tmp_path / "again")
    assert made(results) == ["\u65e5\u672c \u2028 \u00e9t\u00e9-000"]
    assert tree(tmp_path / "again") == tree(tmp_path / "first")


def test_a_photo_that_is_added_later_makes_only_its_own_pairs(sources, uninterrupted, tmp_path):
    run(sources[:2], tmp_path, MIXED, count=2)

    results = run(sources, tmp_path, MIXED, count=2)

    expected = [f"{source.stem}-{draw:03d}" for source in sources[2:] for draw in range(2)]
    assert made(results) == expected
    assert tree(tmp_path) == uninterrupted


def test_a_greater_count_makes_only_the_pairs_that_are_missing(sources, uninterrupted, tmp_path):
    run(sources, tmp_path, MIXED, count=1)

    results = run(sources, tmp_path, MIXED, count=2)

    assert made(results) == [f"{source.stem}-001" for source in sources]
    after = tree(tmp_path)
    assert sorted(after.pop("manifest.jsonl").splitlines()) == sorted(
        uninterrupted["manifest.jsonl"].splitlines()
    )
    assert after.items() <= uninterrupted.items()


# --- errors


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", 1),
        ("kind", "mixed"),
        ("preset", "paper"),
        ("exposure", (0.1, 0.5)),
        ("length_px", 21.0),
        ("noise_sigma", 0.1),
        ("linear_light", False),
        ("jpeg", 90),
    ],
)
def test_other_options_in_the_same_folder_are_named_and_nothing_is_written(
    photos, sources, tmp_path, name, value
):
    run([photos["camera"]], tmp_path)
    before = tree(tmp_path)

    other = list(value) if name == "exposure" else value
    old = asdict(QUICK)[name]
    old = list(old) if name == "exposure" else old
    said = f"{tmp_path} holds camera-000 made with {name}={old}, asked for {other}; choose"
    with pytest.raises(OptionError, match=re.escape(said)):
        run(sources, tmp_path, replace(QUICK, **{name: value}))
    assert tree(tmp_path) == before


def test_a_source_that_has_changed_since_is_an_error_of_its_pairs(mine, tmp_path):
    run(mine, tmp_path / "out")
    before = tree(tmp_path / "out")
    shutil.copy(mine[0], mine[2])

    results = run(mine, tmp_path / "out", count=2)

    wrong = f"{mine[2].stem}-000"
    assert names(result for result in results if result.error) == [wrong]
    error = next(result.error for result in results if result.error)
    assert f"holds {wrong} made with source_sha256=" in error
    assert (
        before.items() - {("manifest.jsonl", before["manifest.jsonl"])}
        <= tree(tmp_path / "out").items()
    )


def test_two_photos_of_one_name_are_refused_before_anything_is_written(photos, tmp_path):
    namesake = shutil.copy(photos["camera"], tmp_path / "astronaut.jpg")

    said = f"{photos['astronaut']} and {namesake} would share their names in {tmp_path / 'out'}"
    with pytest.raises(OptionError, match=re.escape(said)):
        run([photos["astronaut"], namesake], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_bad_photo_is_a_result_and_the_others_are_made(photos, uninterrupted, tmp_path):
    text = tmp_path / "text.png"
    text.write_text("this is not a picture, whatever its name says\n")
    missing = tmp_path / "missing.jpg"
    first, *others = photos.values()

    results = run([first, text, missing, *others], tmp_path / "out", MIXED, count=2)

    assert names(r for r in results if r.error) == [
        f"{stem}-{draw:03d}" for stem in ("text", "missing") for draw in range(2)
    ]
    assert all(str(result.source) in result.error for result in results if result.error)
    assert all("\n" not in result.error for result in results if result.error)
    assert tree(tmp_path / "out") == uninterrupted


def test_a_photo_smaller_than_its_kernel_is_an_error_with_both_sizes(photos, tmp_path):
    tiny = Photo(pixels=read_photo(photos["astronaut"]).pixels[:9, :11].copy())
    write_photo(tiny, tmp_path / "tiny.png")
    options = BlurOptions(exposure=(1.0,), preset="paper")

    results = run([tmp_path / "tiny.png", photos["astronaut"]], tmp_path / "out", options)

    assert re.search(r"kernel of \d+x\d+ px is larger than the photo of 11x9", results[0].error)
    assert made(results[1:]) == ["astronaut-000"]
    assert names(result for result in results if result.there) == []
    assert list(records(tmp_path / "out")) == ["astronaut-000"]


def test_the_error_of_a_small_photo_names_it(photos, tmp_path):
    tiny = Photo(pixels=read_photo(photos["astronaut"]).pixels[:9, :11].copy())
    write_photo(tiny, tmp_path / "tiny.png")

    results = run([tmp_path / "tiny.png"], tmp_path / "out", BlurOptions(exposure=(1.0,)))

    assert "tiny" in results[0].error


@pytest.mark.parametrize("folder", ["blur", "sharp"])
def test_a_folder_with_pairs_of_another_source_is_refused(sources, tmp_path, folder):
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "precious.png").write_text("precious")

    with pytest.raises(TargetError, match=r"has pairs but no manifest\.jsonl; choose another"):
        run(sources, tmp_path)
    assert tree(tmp_path) == {f"{folder}/precious.png": b"precious"}


def test_a_manifest_that_is_none_is_refused_and_left_alone(sources, tmp_path):
    (tmp_path / "manifest.jsonl").write_text("shopping: bread, milk\n")

    with pytest.raises(OptionError, match="line 1: is not a record of a pair"):
        run(sources, tmp_path)
    assert tree(tmp_path) == {"manifest.jsonl": b"shopping: bread, milk\n"}


def test_a_file_in_the_place_of_the_folder_is_refused(sources, tmp_path):
    (tmp_path / "file").write_text("precious")

    for out in (tmp_path / "file", tmp_path / "file" / "folder"):
        with pytest.raises(TargetError, match=re.escape(f"{out}: cannot be written")):
            run(sources, out)
    assert tree(tmp_path) == {"file": b"precious"}


@pytest.mark.parametrize("folder", ["blur", "kernels"])
def test_a_file_in_the_place_of_a_folder_of_the_data_set_is_an_error(sources, tmp_path, folder):
    (tmp_path / folder).write_text("precious")

    results = run(sources, tmp_path)

    said = f"{tmp_path / folder}: cannot be made (File exists)"
    assert [result.error for result in results] == len(sources) * [said]
    assert (tmp_path / folder).read_text() == "precious"


@pytest.mark.parametrize("count", [0, -1])
def test_a_count_below_1_is_refused(sources, tmp_path, count):
    with pytest.raises(OptionError, match=f"count must be at least 1, got {count}"):
        run(sources, tmp_path / "out", count=count)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kind": "zoom"}, "kind must be one of shake, rotation, object, mixed, got 'zoom'"),
        ({"preset": "thesis"}, "preset must be one of authors, paper, got 'thesis'"),
        ({"seed": -1}, "seed must not be negative, got -1"),
        ({"exposure": ()}, "exposure needs fractions in (0, 1], got ()"),
        ({"exposure": (0.5, 0.0)}, "exposure needs fractions in (0, 1], got (0.5, 0.0)"),
        ({"exposure": (1.5,)}, "exposure needs fractions in (0, 1], got (1.5,)"),
        ({"exposure": (float("nan"),)}, "exposure needs fractions in (0, 1], got (nan,)"),
        ({"length_px": 0}, "length_px must be positive and finite, got 0"),
        ({"length_px": -3.0}, "length_px must be positive and finite, got -3.0"),
        ({"length_px": float("inf")}, "length_px must be positive and finite, got inf"),
        ({"length_px": float("nan")}, "length_px must be positive and finite, got nan"),
        ({"noise_sigma": -0.1}, "noise_sigma must be in [0, 1], got -0.1"),
        ({"noise_sigma": 2}, "noise_sigma must be in [0, 1], got 2"),
        ({"jpeg": 0}, "jpeg must be a quality from 1 to 100, got 0"),
        ({"jpeg": 101}, "jpeg must be a quality from 1 to 100, got 101"),
    ],
)
def test_an_option_out_of_range_is_named_with_its_value(options, said):
    with pytest.raises(OptionError, match=re.escape(said)):
        BlurOptions(**options)
