import errno
import uuid
from pathlib import Path

import pytest

pytest.importorskip("fsspec", reason="needs the extra scale: fsspec")

from unblur.errors import OptionError, PhotoError
from unblur.tasks.scale.connect import hide, retry
from unblur.tasks.scale.store import Store


class Flaky:
    """A call that fails so often, in this way, and then answers."""

    def __init__(self, times, error):
        self.left, self.error, self.calls = times, error, 0

    def __call__(self):
        self.calls += 1
        if self.left:
            self.left -= 1
            raise self.error
        return "answer"


@pytest.fixture
def memory():
    return Store(f"memory://{uuid.uuid4().hex}/results")


def test_what_may_pass_is_tried_again():
    for error in (OSError("503"), ConnectionResetError(), TimeoutError(), RuntimeError("odd")):
        flaky = Flaky(3, error)
        assert retry(flaky, first_seconds=0.001) == "answer"
        assert flaky.calls == 4


def test_what_will_not_pass_is_not_tried_again():
    errors = (FileNotFoundError(), PermissionError(), OSError(errno.ENOSPC, "full"), ValueError())
    for error in errors:
        flaky = Flaky(3, error)
        with pytest.raises(type(error)):
            retry(flaky, first_seconds=0.001)
        assert flaky.calls == 1


def test_trying_again_has_an_end():
    flaky = Flaky(99, OSError("503"))

    with pytest.raises(OSError, match="503"):
        retry(flaky, attempts=4, first_seconds=0.001)

    assert flaky.calls == 4


def test_a_store_with_rename_gets_whole_files_and_nothing_else(memory, tmp_path):
    (tmp_path / "a").write_bytes(b"whole")

    memory.put(tmp_path / "a", "in/a.jpg", waiting="waiting")

    assert memory.read("in/a.jpg") == b"whole"
    assert memory.size("in/a.jpg") == 5
    assert memory.size("in/b.jpg") is None
    assert list(memory.entries("waiting")) == []
    assert [(x.name, x.bytes) for x in memory.entries("in")] == [("a.jpg", 5)]


def test_a_file_that_is_shorter_than_listed_is_not_taken(memory, tmp_path, monkeypatch):
    monkeypatch.setattr("unblur.tasks.scale.connect._MOST_SECONDS", 0.001)
    (tmp_path / "a").write_bytes(b"whole")
    memory.put(tmp_path / "a", "a.jpg", waiting="waiting")

    memory.fetch("a.jpg", tmp_path / "b", expected_bytes=5)
    with pytest.raises(PhotoError, match="5 bytes came, 6 were listed"):
        memory.fetch("a.jpg", tmp_path / "c", expected_bytes=6)


def test_a_store_whose_library_is_missing_or_unknown_is_wrong_use():
    with pytest.raises(OptionError, match="pip install"):
        Store("gs://bucket/folder")
    with pytest.raises(OptionError, match="cannot be opened"):
        Store("nonsense://bucket")


def test_names_with_the_signs_of_patterns_are_names(tmp_path):
    (tmp_path / "a").write_bytes(b"whole")
    store = Store(f"memory://{uuid.uuid4().hex}/r[1]*")

    for name in ("in/a[1].jpg", "in/*.jpg", "in/b?.jpg", "in/#.jpg"):
        store.put(tmp_path / "a", name, waiting="waiting")
        assert store.read(name) == b"whole"

    assert [x.name for x in store.entries("in")] == ["#.jpg", "*.jpg", "a[1].jpg", "b?.jpg"]
    assert list(store.entries("waiting")) == []


def test_what_a_killed_run_left_is_removed_and_nothing_that_looks_like_it(tmp_path):
    top = uuid.uuid4().hex
    (tmp_path / "a").write_bytes(b"part")
    mine, other = Store(f"memory://{top}/r*"), Store(f"memory://{top}/rest")
    for store in (mine, other):
        store.put(tmp_path / "a", "waiting/x", waiting="w")

    mine.remove_waiting("waiting")

    assert mine.size("waiting/x") is None
    assert other.size("waiting/x") == 4


def test_no_secret_of_a_url_is_shown():
    for url, said in (
        ("nonsense://anna:pass%2Fword@host/photos", "nonsense://anna@host/photos: cannot be"),
        ("https://host/photos?sig=pass%2Fword", "https://host/photos: a URL of a folder ends"),
    ):
        with pytest.raises(OptionError, match=said) as caught:
            Store(url)
        assert "pass" not in str(caught.value)
    assert hide("login for anna:pass/word failed", "sftp://anna:pass%2Fword@host/x") == (
        "login for anna:*** failed"
    )


def test_a_folder_with_two_colons_is_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert Store("a::b").local == Path("a::b")


def test_a_file_url_is_a_local_folder(tmp_path):
    assert Store(f"file://{tmp_path}").local == tmp_path
