import os
from pathlib import Path

import pytest

from unblur.errors import OptionError
from unblur.tasks.batch.entries import read_names
from unblur.tasks.batch.sources import Source, find_sources, list_sources, plan_jobs


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Empty files are enough to be listed."""
    for name in (
        "holiday/a.jpg",
        "holiday/b.PNG",
        "holiday/notes.txt",
        "holiday/a.unblurred.jpg",
        "holiday/a.before-after.jpg",
        "holiday/.hidden.jpg",
        "holiday/day1/c.jpg",
        "holiday/day1/deep/d.tif",
        "holiday/.trash/e.jpg",
        "holiday/sharp/f.jpg",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return Path("holiday")


def names(sources):
    return [str(source.path) for source in sources]


def test_of_a_folder_the_photos_right_in_it_but_no_earlier_results(tree):
    assert names(find_sources([tree])) == ["holiday/a.jpg", "holiday/b.PNG"]
    assert list_sources([tree]) == [tree / "a.jpg", tree / "b.PNG"]


def test_folders_that_are_not_entered_are_told_unless_they_are_named_or_hold_results(tree):
    Path("holiday/day1-unblurred").mkdir()

    def passed(*named, **how):
        left_out = []
        find_sources(named, left_out=left_out, **how)
        return sorted(path.name for path in left_out if path.is_dir())

    assert passed(tree) == ["day1", "sharp"]
    assert passed(tree, out=tree / "sharp") == ["day1"]
    assert passed(tree, tree / "day1") == ["deep", "sharp"]
    assert passed(tree, recursive=True) == []


def test_recursion_mirrors_the_tree_without_hidden_folders_and_the_output(tree):
    out = tree / "sharp"

    jobs = plan_jobs(find_sources([tree], recursive=True, out=out), out)

    assert [str(job.target) for job in jobs] == [
        "holiday/sharp/a.unblurred.jpg",
        "holiday/sharp/b.unblurred.PNG",
        "holiday/sharp/day1/c.unblurred.jpg",
        "holiday/sharp/day1/deep/d.unblurred.tif",
    ]


def test_the_named_folder_may_be_the_output(tree):
    assert len(find_sources([tree], recursive=True, out=tree)) == 5


def test_results_of_a_folder_go_beside_it_and_those_of_a_photo_beside_the_photo(tree):
    jobs = plan_jobs(find_sources([tree, tree / "day1" / "c.jpg"], recursive=True))

    assert [str(job.target) for job in jobs] == [
        "holiday-unblurred/a.unblurred.jpg",
        "holiday-unblurred/b.unblurred.PNG",
        "holiday-unblurred/day1/c.unblurred.jpg",
        "holiday-unblurred/day1/deep/d.unblurred.tif",
        "holiday-unblurred/sharp/f.unblurred.jpg",
    ]
    (alone,) = plan_jobs(find_sources([tree / "day1" / "c.jpg"]))
    assert str(alone.target) == "holiday/day1/c.unblurred.jpg"


def test_the_folder_of_results_of_another_that_is_named_is_left_out(tree):
    Path("holiday-unblurred").mkdir()
    Path("holiday-unblurred", "z.jpg").touch()

    assert "holiday-unblurred/z.jpg" not in names(find_sources([Path("holi*")]))
    assert names(find_sources([Path("holiday-unblurred")])) == ["holiday-unblurred/z.jpg"]


def test_results_of_this_folder_go_beside_it_too(tree, monkeypatch):
    monkeypatch.chdir(tree)

    (job, *_) = plan_jobs(find_sources([Path()]))

    assert job.target == Path.cwd().with_name("holiday-unblurred") / "a.unblurred.jpg"


def test_loops_of_links_end(tree):
    (tree / "day1" / "up").symlink_to("..", target_is_directory=True)
    (tree / "day1" / "round").symlink_to("round")

    found = names(find_sources([tree], recursive=True))
    matched = names(find_sources([Path("holiday/**/*.jpg")]))

    assert len(found) == len(set(found)) == 5
    assert matched == [name for name in found if name.endswith(".jpg")]


@pytest.mark.parametrize(
    "pattern", ["holiday/*.jpg", "holiday/[a]*", "*/a.*", "{cwd}/holiday/?.jpg"]
)
def test_patterns_are_expanded_without_earlier_results(tree, pattern):
    sources = find_sources([Path(pattern.format(cwd=Path.cwd()))])

    assert [source.path.name for source in sources] == ["a.jpg"]
    assert not sources[0].named


def test_a_pattern_that_nothing_fits_is_named(tree):
    with pytest.raises(OptionError, match=r"holiday/\*\.gif: no photo fits"):
        find_sources([Path("holiday/*.gif")])


def test_a_file_with_brackets_in_its_name_comes_before_the_pattern(tree):
    (tree / "a[1].jpg").touch()

    (source,) = find_sources([tree / "a[1].jpg"])

    assert source.named


def test_names_of_a_list_are_no_patterns(tree):
    assert names(find_sources([], listed=[Path("*.jpg")])) == ["*.jpg"]


def test_one_photo_under_several_names_is_one(tree):
    (Path("link")).symlink_to("holiday", target_is_directory=True)
    spelled = [
        tree / "a.jpg",
        Path("holiday/day1/../a.jpg"),
        Path("link/a.jpg"),
        Path("holiday/a*"),
    ]

    assert names(find_sources(spelled)) == ["holiday/a.jpg"]


def test_a_result_that_is_named_beside_its_source_is_left_out(tree):
    jobs = plan_jobs(find_sources([tree / "a.jpg", tree / "a.unblurred.jpg"]))

    assert [job.source.name for job in jobs] == ["a.jpg"]
    (alone,) = plan_jobs(find_sources([tree / "a.unblurred.jpg"]))
    assert alone.target.name == "a.unblurred.unblurred.jpg"


def test_two_sources_with_one_target_are_both_named(tree):
    sources = find_sources([tree / "a.jpg", tree / "day1"])
    (tree / "day1" / "a.jpg").touch()
    sources += find_sources([tree / "day1" / "a.jpg"])

    with pytest.raises(OptionError, match=r"holiday/a\.jpg and holiday/day1/a\.jpg would both"):
        plan_jobs(sources, Path("out"))


def test_a_folder_may_have_a_name_with_a_point_where_nothing_else_can_be_meant(tree):
    (tree / "2024.05").mkdir()
    for sources, out, more in (
        (find_sources([tree / "a.jpg"]), tree / "2024.05", {}),
        (find_sources([tree / "a.jpg"]), Path("2024.06"), {"is_folder": True}),
        (find_sources([tree / "a.jpg"]), Path("St. Moritz"), {}),
        (find_sources([tree / "day1"]), Path("2024.06"), {}),
        (find_sources([tree]), Path("2024.06"), {}),
        (find_sources([tree / "a.jpg"]), Path("new.jpg"), {"is_folder": True}),
    ):
        assert all(job.target.parent == out for job in plan_jobs(sources, out, **more))
    with pytest.raises(OptionError, match=r"'\.06' is no ending of a photo; use \.jpg \.jpeg"):
        plan_jobs(find_sources([tree / "a.jpg"]), Path("2024.06"))


def test_an_empty_folder_says_what_would_help(tree):
    (tree / "day2" / "within").mkdir(parents=True)

    with pytest.raises(OptionError, match="--recursive"):
        find_sources([tree / "day2"])
    with pytest.raises(OptionError, match="no photos in this folder"):
        find_sources([tree / "day2"], recursive=True)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may list everything")
def test_a_folder_within_that_cannot_be_listed_is_an_error_of_its_own(tree):
    (tree / "day1").chmod(0)

    sources = find_sources([tree], recursive=True)

    assert [source.error for source in sources if source.error] == [
        "holiday/day1: cannot be listed (Permission denied)"
    ]
    (tree / "day1").chmod(0o755)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a.jpg\nb c.jpg\r\n\n", ["a.jpg", "b c.jpg"]),
        (b"a.jpg\0b\nc.jpg\0", ["a.jpg", "b\nc.jpg"]),
        ("grün.jpg".encode(), ["grün.jpg"]),
    ],
)
def test_lists_have_lines_or_nuls(data, expected):
    assert [str(name) for name in read_names(data)] == expected


def test_an_empty_list_is_an_error():
    with pytest.raises(OptionError, match="standard input is empty"):
        read_names(b"\n")


@pytest.mark.parametrize("ending", [".HEIC", ".hif", ".nef", ".cr3", ".gif", ".psd"])
def test_formats_that_are_not_written_are_refused_as_results(ending, tmp_path):
    with pytest.raises(OptionError, match=f"cannot write '{ending}'; use .jpg"):
        plan_jobs([Source(path=tmp_path / "photo.jpg")], tmp_path / f"result{ending}")
