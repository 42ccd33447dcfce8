import json

import skimage.data

from photo_sets import cut_short, save, save_frames, save_pair


def test_a_fit_data_set_is_described(run, tmp_path):
    for name in ("train/GOPR1", "train/GOPR2"):
        save_pair(tmp_path / "gopro" / name, "000001")

    done = run("data", "check", "gopro", "--crop-px", 32)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "gopro: 2 pairs in 2 sequences",
        "sizes: smallest 80x60, median 80x60, largest 80x60 px",
        "no problems",
    ]


def test_all_problems_are_listed_and_the_status_is_1(run, tmp_path):
    save(skimage.data.coffee()[:90, :120], tmp_path / "photos" / "fine.png")
    cut_short(save(skimage.data.coffee(), tmp_path / "photos" / "cut.jpg"))
    save(skimage.data.coffee()[:20, :120], tmp_path / "photos" / "low.png")

    done = run("data", "check", "photos", "--crop-px", 64)

    assert done.returncode == 1
    assert [line.split()[1] for line in done.stderr.splitlines()] == [
        "photos/cut.jpg:",
        "photos/low.png",
    ]
    assert done.stdout.startswith("photos: 3 sharp photos\n")
    assert done.stdout.endswith("\n2 problems\n")


def test_json_is_one_object(run, tmp_path):
    save_frames(tmp_path / "frames", 10)

    done = run("data", "check", "frames", "--json", "--crop-px", 32)

    assert (done.returncode, done.stderr) == (1, "")
    problem = {
        "kind": "sequence",
        "file": "frames",
        "why": "frames: 10 frames are too few for windows of 25; leave it out or average fewer "
        "frames",
    }
    assert json.loads(done.stdout) == {
        "folder": "frames",
        "layout": "frames",
        "files": 10,
        "pairs": 0,
        "sequences": 1,
        "smallest": [64, 48],
        "median": [64, 48],
        "largest": [64, 48],
        "problems": [problem],
        "notes": [],
    }


def test_wrong_use_is_one_line_and_the_status_is_2(run, tmp_path):
    for arguments, said in [
        (("missing",), "missing is not a folder"),
        ((".",), "holds no photos"),
        ((".", "--layout", "video"), "layout must be one of pairs, photos, frames, got 'video'"),
        ((".", "--split", "val"), "split must be one of train, test, got 'val'"),
    ]:
        done = run("data", "check", *arguments)

        assert (done.returncode, done.stdout) == (2, "")
        assert len(done.stderr.splitlines()) == 1
        assert said in done.stderr


def test_tries_are_made_once(run, tmp_path):
    for name in ("astronaut", "coffee"):
        save(getattr(skimage.data, name)()[:200, :200], tmp_path / "photos" / f"{name}.png")
    (tmp_path / "not.txt").write_text("coffee.png\n")
    command = ("data", "kernels", "photos", "-o", "tries", "--no-search", "--leave-out", "not.txt")

    first = run(*command, "--count", 2)
    more = run(*command, "--count", 3)

    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == "2 tries written to tries\n"
    assert more.stdout == "1 try written to tries, 2 were there\n"
    assert sorted(path.name for path in (tmp_path / "tries").iterdir()) == [
        f"known-1-0000{number}.npz" for number in range(3)
    ]


def test_a_bad_photo_makes_the_status_1(run, tmp_path):
    cut_short(save(skimage.data.coffee(), tmp_path / "photos" / "cut.jpg"))

    done = run("data", "kernels", "photos", "-o", "tries", "--no-search", "--count", 1)

    assert done.returncode == 1
    assert "cut.jpg" in done.stderr
    assert "1 of 1 try failed" in done.stderr


def test_no_photos_is_wrong_use(run, tmp_path):
    done = run("data", "kernels", "nowhere", "-o", "tries")

    assert done.returncode == 2
    assert "nowhere is not a folder" in done.stderr
