"""Two machines, of which one is in trouble: a second raylet with its own folder for files."""

import sys
import time
from collections import Counter
from contextlib import contextmanager, suppress

import numpy as np
import pytest
import skimage.data

from ray_cluster import start_cluster, stop_cluster
from ray_node import kill_node, second_node
from small_disk import small_disk
from small_network import sharpening_network
from unblur.imaging.photo.photo import Photo, write_photo
from unblur.tasks.restore.options import RestoreOptions

scale = pytest.importorskip("unblur.tasks.scale.run")
pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]

COUNT = 40
EACH = {"workers": 2, "cpus": 4.0}
"""One worker on each machine: the first has four CPUs, the second six."""
SECOND = {"workers": 1, "cpus": 6.0}


@pytest.fixture(scope="module")
def second(tmp_path_factory):
    """The disk of the second machine, and the id of that."""
    address, _ = start_cluster()
    with (
        small_disk(tmp_path_factory.mktemp("second") / "disk", "48k") as disk,
        second_node(address, temporary=disk, cpus=6) as node,
    ):
        yield disk, node
    stop_cluster()


@contextmanager
def full(disk):
    """Leave room for a page or two: enough to look usable, too little for a network."""
    filler = disk / "filler"
    try:
        with filler.open("wb", buffering=0) as stream:
            with suppress(OSError):
                while True:
                    stream.write(bytes(4096))
            stream.truncate(stream.tell() - 8192)
        yield
    finally:
        filler.unlink()


@pytest.fixture(scope="module")
def how(tmp_path_factory):
    network = sharpening_network(tmp_path_factory.mktemp("network") / "small.onnx")
    return RestoreOptions(model=str(network), engine="onnx", guard=False)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A network file of 22 kB."""
    network = sharpening_network(tmp_path_factory.mktemp("network") / "large.onnx", side=25)
    return RestoreOptions(model=str(network), engine="onnx", guard=False)


@pytest.fixture(scope="module")
def archive(second, tmp_path_factory):
    """A store with photos of 50 kB and more."""
    import fsspec

    remote = fsspec.filesystem("s3")
    remote.mkdir("nodes")
    picture = skimage.data.astronaut().astype(np.float32) / 255
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    write_photo(Photo(pixels=picture[:160, 100:300].copy()), path)
    assert path.stat().st_size > 50_000
    for index in range(COUNT):
        remote.put_file(str(path), f"nodes/photos/{index:02}.png")
    return remote


def results(remote, out):
    remote.invalidate_cache()
    found = [x for x in remote.find(f"nodes/{out}") if x.endswith(".unblurred.png")]
    return {x.rsplit("/", 1)[1]: remote.cat_file(x) for x in found}


def run(out, how, **changed):
    options = scale.ScaleOptions(**changed)
    outcomes = scale.restore_everywhere("s3://nodes/photos", f"s3://nodes/{out}", how, options)
    return list(outcomes)


def test_photos_that_one_machine_has_no_room_for_are_done_on_the_other(second, archive, how):
    done = run("half", how, **EACH)

    assert Counter(x.status for x in done) == {"done": COUNT}
    assert len({x.source for x in done}) == COUNT
    assert 1 < max(x.attempts for x in done) < 5  # some came back from the full disk
    there = results(archive, "half")
    assert len(there) == COUNT
    assert len(set(there.values())) == 1
    assert not list(second[0].rglob("*.png"))


def test_a_full_disk_waits_for_a_machine_that_is_not_free_yet(second, archive, how):
    import ray

    first = {"num_cpus": 4, "resources": {"node:__internal_head__": 0.01}}
    others = ray.remote(**first)(lambda: time.sleep(8)).remote()

    done = run("late", how, **EACH)

    assert Counter(x.status for x in done) == {"done": COUNT}
    assert max(x.attempts for x in done) < 5
    assert len(results(archive, "late")) == COUNT
    ray.get(others)


def test_where_no_machine_has_room_photos_fail_with_a_reason_and_are_done_the_next_time(
    second, archive, how
):
    failed = run("nowhere", how, **SECOND)
    there = results(archive, "nowhere")

    assert Counter(x.status for x in failed) == {"failed": COUNT}
    assert all(x.reason.endswith(f"{second[0]}: no space left, 5 times") for x in failed)
    assert there == {}

    again = run("nowhere", how, **EACH)

    assert Counter((x.status, x.fresh) for x in again) == {("done", True): COUNT}
    assert len(results(archive, "nowhere")) == COUNT


def test_a_machine_whose_disk_is_full_from_the_start_is_done_without(second, archive, large):
    with full(second[0]):
        done = run("full", large, **EACH)

    assert Counter((x.status, x.attempts) for x in done) == {("done", 1): COUNT}
    assert len(results(archive, "full")) == COUNT


def test_where_no_worker_can_start_the_run_ends_and_says_why(second, archive, large):
    with full(second[0]), pytest.raises(scale.ClusterError, match=r"can start: .*no space left"):
        run("never", large, **SECOND)

    assert results(archive, "never") == {}


def test_a_machine_that_is_gone_takes_no_photo_with_it(second, archive, how):
    outcomes = scale.restore_everywhere(
        "s3://nodes/photos", "s3://nodes/gone", how, scale.ScaleOptions(**EACH)
    )
    seen = []
    for outcome in outcomes:
        seen.append(outcome)
        if len(seen) == 8:
            kill_node(second[1])

    assert Counter(x.status for x in seen) == {"done": COUNT}
    assert len({x.source for x in seen}) == COUNT
    assert len(results(archive, "gone")) == COUNT
