"""A store that is a server of SFTP: with a password, renames, and one connection for a thread."""

import shutil
import threading
from contextlib import closing
from dataclasses import replace

import pytest

pytest.importorskip("fsspec", reason="needs the extra scale: fsspec")
pytest.importorskip("paramiko", reason="needs paramiko")

from sftp_server import PASSWORD, sftp_server
from small_network import sharpening_network
from unblur.errors import OptionError, PhotoError
from unblur.tasks.restore.file import restore_file
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer
from unblur.tasks.scale.listing import list_photos
from unblur.tasks.scale.luggage import pack
from unblur.tasks.scale.store import Store
from unblur.tasks.scale.worker import Worker


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    (folder / "photos" / "day 1#").mkdir(parents=True)
    with sftp_server(folder) as (url, drop):
        yield folder, url, drop


def test_photos_come_from_it_and_go_to_it_by_a_rename(server, photo, tmp_path):
    folder, url, _ = server
    names = ("a [1]*.jpg", "day 1#/ü?.jpg")
    for name in names:
        shutil.copy(photo, folder / "photos" / name)
    how = RestoreOptions(
        model=str(sharpening_network(tmp_path / "small.onnx")), engine="onnx", guard=False
    )
    restore_file(photo, Restorer.open(how), target=tmp_path / "expected.jpg")
    worker = Worker(how, pack(how), f"{url}/photos", f"{url}/out", "waiting", False)

    with closing(worker):
        worker.hello()
        done = [worker.restore(item) for item in list_photos(Store(f"{url}/photos"))]

    assert [(x.source, x.status) for x in done] == [(name, "done") for name in names]
    for outcome in done:
        assert (folder / "out" / outcome.target).read_bytes() == (
            tmp_path / "expected.jpg"
        ).read_bytes()
    assert list((folder / "out" / "waiting").iterdir()) == []


def test_no_password_is_seen_in_what_is_noted_or_said(server, tmp_path):
    folder, url, _ = server
    (folder / "photos" / "bad.jpg").write_bytes(b"\xff\xd8\xff damaged")
    how = RestoreOptions(
        model=str(sharpening_network(tmp_path / "small.onnx")), engine="onnx", guard=False
    )
    worker = Worker(how, pack(how), f"{url}/photos", f"{url}/out", "waiting", False)

    with closing(worker):
        worker.hello()
        (item,) = list_photos(Store(f"{url}/photos"))
        damaged, missing = worker.restore(item), worker.restore(replace(item, key="gone.jpg"))
    with pytest.raises(PhotoError, match="cannot be listed") as listing:
        list(Store(f"{url}/nowhere").entries(""))
    with pytest.raises(OptionError, match="cannot be opened") as login:
        Store(url.replace(PASSWORD, "wrong-secret"))

    assert (damaged.status, missing.status) == ("failed", "failed")
    said = [damaged.reason, missing.reason, str(listing.value), str(login.value)]
    assert all("sftp://anna@127.0.0.1:" in text for text in said)
    assert not any(PASSWORD in text or "secret" in text for text in said)


def test_a_connection_that_is_lost_is_made_again(server, tmp_path):
    folder, url, drop = server
    (folder / "photos" / "a.jpg").write_bytes(b"abc")
    store = Store(f"{url}/photos")
    assert store.size("a.jpg") == 3

    drop()

    assert store.size("a.jpg") == 3
    store.fetch("a.jpg", tmp_path / "a.jpg", expected_bytes=3)
    drop()
    store.put(tmp_path / "a.jpg", "b.jpg", waiting="waiting")
    assert (folder / "photos" / "b.jpg").read_bytes() == b"abc"


def test_threads_do_not_read_each_others_answers(server):
    folder, url, _ = server
    for size in range(1, 9):
        (folder / "photos" / f"{size}.jpg").write_bytes(bytes(size))
    store = Store(f"{url}/photos")
    wrong = []

    def ask(size):
        wrong.extend(x for _ in range(40) if (x := store.size(f"{size}.jpg")) != size)

    threads = [threading.Thread(target=ask, args=(size,), daemon=True) for size in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert not any(thread.is_alive() for thread in threads)
    assert wrong == []
