"""The HTTP interface, by real requests to a real server in a process of its own."""

import io
import re
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unblur.imaging.photo.photo import Photo, read_photo, write_photo
from unblur.tasks.batch.any_kind import restore
from unblur.web import app
from video_files import pan, write_video
from web_servers import serving

OWNER = ("me", "pä:ss")
DOCS = Path(__file__).parents[2] / "docs" / "web-server.md"


@pytest.fixture(scope="module")
def limited(tmp_path_factory):
    """A server that takes little, and from its owner only."""
    folder, secret = tmp_path_factory.mktemp("limited"), {"UNBLUR_AUTH": ":".join(OWNER)}
    few = ("--queue", "1", "--max-mb", "1", "--name", "Photos.example")
    with serving(folder, *few, env=secret) as running:
        yield running


@pytest.fixture
def client(server):
    with server.client() as client:
        yield client


def sent(path, field="photo"):
    return (field, (path.name, path.read_bytes()))


def finished(client, job):
    """The state of a job, once it has ended."""
    while job["state"] in {"waiting", "running"}:
        job = client.get(f"/api/jobs/{job['id']}", params={"wait": 30}).json()
    return job


def test_the_file_is_the_one_that_the_command_line_writes(client, jpeg, restored):
    answer = client.post("/api/restore", files=[sent(jpeg)])

    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert answer.content == restored
    assert 'filename="shaken.unblurred.jpg"' in answer.headers["content-disposition"]


def test_a_job_tells_how_far_it_is_and_what_came_of_it(client, jpeg, plain, restored):
    again = ("photo", (jpeg.name, plain.read_bytes()))
    answer = client.post("/api/jobs", files=[sent(jpeg), again], data={"strength": "1"})
    assert answer.status_code == 202

    job = finished(client, answer.json())

    assert (job["state"], job["error"]) == ("done", None)
    photo = job["photos"][0]
    assert (job["share"], job["left_s"]) == (1, 0)
    assert photo["verdict"]["said"] == photo["diagnosis"]["words"]
    assert photo["bytes"] == len(restored)
    assert photo["result"] == "shaken.unblurred.jpg"
    assert photo["diagnosis"]["gain_db"] > 0
    assert client.get(photo["urls"]["result"]).content == restored
    assert client.get(photo["urls"]["after"]).content == restored
    assert client.get(photo["urls"]["before"]).content == jpeg.read_bytes()
    packed = zipfile.ZipFile(io.BytesIO(client.get(job["result"]).content))
    assert packed.namelist() == ["shaken.unblurred.jpg", "shaken-2.unblurred.jpg"]


def test_options_are_those_of_the_command_line(run, client, astronaut, tmp_path):
    source, pixels = tmp_path / "deep.tif", astronaut[::2, ::2].copy()
    write_photo(Photo(pixels=pixels, bits=16), source)
    asked = {"strength": "0.5", "guard": "false"}

    job = finished(client, client.post("/api/jobs", files=[sent(source)], data=asked).json())

    out = tmp_path / "cli.tif"
    flags = ("--strength", "0.5", "--no-guard")
    assert run("restore", source, "-o", out, *flags).returncode == 0
    urls = job["photos"][0]["urls"]
    assert client.get(urls["result"]).content == out.read_bytes()
    for which, expected in (("before", pixels), ("after", read_photo(out).pixels)):
        shown = client.get(urls[which])  # no browser shows a TIFF
        assert shown.headers["content-type"] == "image/jpeg"
        assert np.abs(read_photo(shown.content).pixels - expected).mean() < 0.02


def test_a_second_shot_is_used(client, jpeg, blurred, tmp_path):
    second = tmp_path / "second.png"
    write_photo(Photo(pixels=np.clip(blurred, 0, 1)), second)

    files = [sent(jpeg), sent(second, "reference")]
    job = finished(client, client.post("/api/jobs", files=files).json())

    assert job["state"] == "done"  # as the photo itself it is refused, and a note says so
    assert "second.png not used: the reference is no sharper" in job["photos"][0]["notes"][0]


def test_a_short_video_gives_a_video(client, tmp_path):
    clip = tmp_path / "pan.mp4"
    write_video(clip, pan(4), codec="libx264", pix_fmt="yuv420p", rate=24)

    job = finished(client, client.post("/api/jobs", files=[sent(clip)]).json())
    assert job["photos"][0]["verdict"]["said"] == "4 frames were restored, one by one."
    answer = client.get(job["result"])

    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "video/mp4"
    shown = client.get(job["photos"][0]["urls"]["clip"])
    assert (shown.headers["content-type"], shown.content[4:8]) == ("video/mp4", b"ftyp")
    assert answer.content[4:8] == b"ftyp"
    assert 'filename="pan.unblurred.mp4"' in answer.headers["content-disposition"]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({"strength": "much"}, "strength must be from 0 to 1, got 'much'"),
        ({"strength": "nan"}, "strength must be from 0 to 1, got nan"),
        ({"guard": "perhaps"}, "guard must be true or false, got 'perhaps'"),
        (
            {"model": "/etc/x"},
            "unknown model '/etc/x'; known: fast, fast-gan, deblurgan-32, unsharp-mask",
        ),
        ({"reference_is": "red"}, "unknown reference_is 'red'; known: sharp, noisy"),
        ({"colour": "red"}, "unknown field 'colour'; known: guard, model, photo"),
        ({"photo": "x"}, "photo must be a file"),
    ],
)
def test_wrong_options_are_refused_in_one_line(client, jpeg, data, error):
    answer = client.post("/api/jobs", files=[sent(jpeg)], data=data)

    assert answer.status_code == 400
    assert answer.json()["error"].startswith(error)


def test_garbage_is_refused_as_on_the_command_line(client, jpeg, server):
    half = ("photo", ("half.jpg", jpeg.read_bytes()[:2000]))
    for name, data in (("empty.jpg", b""), ("notes.txt", b"text"), half[1]):
        answer = client.post("/api/restore", files=[("photo", (name, data))])

        assert answer.status_code == 422
        error = answer.json()["error"]
        assert error.startswith(f"{name}: ")
        assert "\n" not in error
        assert str(server.folder) not in answer.text
        job = answer.json()["job"]
        assert (job["state"], job["result"], job["photos"][0]["error"]) == ("failed", None, error)

    assert client.post("/api/restore", data={}).status_code == 400
    broken = client.post(
        "/api/restore", content=b"--x", headers={"content-type": "multipart/form-data; boundary=y"}
    )
    assert broken.status_code == 400


def test_a_photo_of_too_many_pixels_is_refused_before_it_is_decoded(client):
    stream = io.BytesIO()
    Image.new("1", (30_000, 20_000)).save(stream, "png")

    answer = client.post("/api/restore", files=[("photo", ("bomb.png", stream.getvalue()))])

    assert answer.status_code == 422
    assert answer.json()["error"].endswith("30000 x 20000 px are 600 megapixels, the limit is 50")


def test_an_upload_is_never_a_page_of_this_server(client, plain):
    data = plain.read_bytes() + b"<script>alert(1)</script>"
    job = client.post("/api/jobs", files=[("photo", ("<b>evil.html", data))]).json()
    job = finished(client, job)

    for url in job["photos"][0]["urls"].values():
        answer = client.get(url)
        assert answer.headers["content-type"].startswith("image/")
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_unknown_jobs_and_pictures_are_not_found(client, plain):
    job = client.post("/api/jobs", files=[sent(plain)]).json()
    here = f"/api/jobs/{job['id']}"
    finished(client, job)
    sent_back = client.get(f"{here}/photos/0/source")
    assert sent_back.content == plain.read_bytes()
    assert sent_back.headers["content-disposition"].startswith("attachment")
    for address in ("/api/jobs/x", f"{here}/photos/1/before", f"{here}/photos/0/x"):
        assert client.get(address).status_code == 404
    assert client.get("/api/jobs/x/result").status_code == 404

    assert client.delete(here).status_code == 200
    assert client.get(here).status_code == 404


def test_what_is_busy_or_too_large_is_turned_away(limited, jpeg):
    server = limited
    with server.client(auth=OWNER) as client:
        jobs = [client.post("/api/jobs", files=[sent(jpeg)] * 50).json()]
        while client.get(f"/api/jobs/{jobs[0]['id']}").json()["state"] == "waiting":
            time.sleep(0.05)
        jobs.append(client.post("/api/jobs", files=[sent(jpeg)]).json())

        busy = client.post("/api/restore", files=[sent(jpeg)])

        assert (busy.status_code, busy.headers["retry-after"]) == (503, "60")
        assert busy.json()["error"] == "busy: the queue of 1 is full; try again in a minute"
        for job in jobs:
            assert client.delete(f"/api/jobs/{job['id']}").json()["id"] == job["id"]
        assert finished(client, jobs[0])["state"] == "cancelled"
        large = [("photo", ("large.jpg", bytes(1_200_000)))]
        answer = client.post("/api/jobs", files=large)
        assert answer.status_code == 413
        assert answer.json()["error"] == "the upload is larger than 1 MB, the limit here"

        def pieces():
            yield b'--b\r\nContent-Disposition: form-data; name="photo"; filename="a"\r\n\r\n'
            for _ in range(20):
                yield bytes(100_000)

        kind = {"content-type": "multipart/form-data; boundary=b"}
        assert client.post("/api/jobs", content=pieces(), headers=kind).status_code == 413
        deadline = time.monotonic() + 30
        while left := uploads(server):  # those of the job that was being worked on go last
            assert time.monotonic() < deadline, left
            time.sleep(0.05)


def uploads(server):
    return [x for x in server.private()[0].rglob("*") if x.is_file() and x.name != "lock"]


def test_who_has_no_password_or_comes_from_elsewhere_is_refused(limited, jpeg):
    server = limited
    with server.client() as client:
        for address in ("/", "/api/jobs/x", "/page/main.js", "/page/example.jpg"):
            answer = client.get(address)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Basic")
        assert client.get("/", headers={"authorization": "Basic %%%"}).status_code == 401
        assert client.get("/", headers={"authorization": "Bearer x"}).status_code == 401
    with server.client(auth=OWNER) as client:
        assert client.get("/").status_code == 200
        foreign = {"host": "evil.example"}
        assert client.get("/", headers=foreign).status_code == 403
        proxied = {"host": "photos.example:8443", "x-forwarded-proto": "https"}
        page = client.get("/", headers=proxied)
        assert page.status_code == 200
        assert "://" not in page.text  # its addresses hold behind any proxy
        own = proxied | {"origin": "https://photos.example:8443"}
        assert client.post("/api/jobs", files=[sent(jpeg)], headers=own).status_code != 403
        stranger = proxied | {"origin": "https://evil.example"}
        assert client.post("/api/jobs", files=[sent(jpeg)], headers=stranger).status_code == 403
        origin = {"origin": "https://evil.example"}
        answer = client.post("/api/jobs", files=[sent(jpeg)], headers=origin)
        assert answer.status_code == 403


def test_a_killed_server_leaves_nothing_after_the_next_start(tmp_path, jpeg):
    with serving(tmp_path) as server, server.client() as client:
        client.post("/api/jobs", files=[sent(jpeg)] * 30)
        (left,) = server.private()
        assert list(left.rglob("shaken*.jpg"))
        time.sleep(1)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    assert left.exists()

    with serving(tmp_path) as server:
        assert not left.exists()
        assert "removed what 1 killed server(s) left" in server.log.read_text()
    assert server.process.returncode == 0
    assert server.private() == []


@pytest.mark.parametrize("field", ["photo", "reference"])
def test_a_made_up_request_does_not_make_the_server_fetch_something(client, server, jpeg, field):
    form = {field: "https://huggingface.co/photo.jpg"}
    answer = client.post("/api/jobs", files=[sent(jpeg)], data=form)

    assert (answer.status_code, answer.json()["error"]) == (
        400,
        f"{field} must be a file: curl -F {field}=@photo.jpg",
    )
    assert "huggingface" not in server.log.read_text()
    assert client.get("/page/..%2fapp.py").status_code == 404
    assert client.get("/page/page.html").status_code == 404


def test_the_page_lets_the_browser_run_its_own_files_only(client):
    page = client.get("/")

    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    named = re.findall(r'(?:src|href)="(page/[^"]+)"', page.text)
    assert {"page/main.js", "page/page.css", "page/example.jpg"} <= set(named)
    kinds = {name: client.get(name).headers["content-type"] for name in named}
    assert kinds["page/main.js"].startswith("text/javascript")
    assert kinds["page/page.css"].startswith("text/css")
    assert kinds["page/example.jpg"] == "image/jpeg"


def test_the_example_is_the_one_of_the_repository():
    ours = Path(app.__file__).with_name("page") / "example.jpg"

    assert ours.read_bytes() == (DOCS.parents[1] / "examples" / "shaken.jpg").read_bytes()


def test_a_photo_is_restored_again_with_another_strength(run, client, jpeg, tmp_path):
    job = finished(client, client.post("/api/jobs", files=[sent(jpeg)]).json())
    address = f"/api/jobs/{job['id']}/photos/0/again"

    answer = client.post(address, data={"strength": "0.5"})

    assert answer.status_code == 202
    assert answer.json()["photos"][0]["diagnosis"] == job["photos"][0]["diagnosis"]
    weaker = finished(client, answer.json())
    photo = weaker["photos"][0]
    assert (job["photos"][0]["known"], photo["known"]) == (True, True)  # no second search
    assert photo["result"] == "shaken.unblurred-50.jpg"
    assert photo["blur"] == job["photos"][0]["blur"]
    out = tmp_path / "cli.jpg"
    assert run("restore", jpeg, "-o", out, "--strength", "0.5").returncode == 0
    assert client.get(weaker["result"]).content == out.read_bytes()
    assert client.get(job["result"]).content != out.read_bytes()
    for data, error in (
        ({"strength": "2"}, "strength must be from 0 to 1, got 2.0"),
        ({"strength": "much"}, "strength must be from 0 to 1, got 'much'"),
        ({"model": "fast"}, "strength is needed, and nothing else, from 0 to 1"),
    ):
        refused = client.post(address, data=data)
        assert (refused.status_code, refused.json()["error"]) == (400, error)
    assert client.post(address.replace("photos/0", "photos/9")).status_code == 404
    client.delete(f"/api/jobs/{job['id']}")
    assert client.post(address, data={"strength": "0.5"}).status_code == 404


def test_a_port_that_is_taken_is_one_line(server):
    port = server.url.rsplit(":", 1)[1]
    command = [sys.executable, "-m", "unblur", "serve", "--port", port]

    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)

    assert done.returncode == 2
    assert re.fullmatch(r"unblur: cannot listen on 127\.0\.0\.1:\d+ \(.*\n", done.stderr)


def test_what_the_documentation_says_works(server, plain, tmp_path):
    text = DOCS.read_text().replace("http://127.0.0.1:7860", server.url)
    (tmp_path / "blurred.jpg").write_bytes(plain.read_bytes())
    (shell,) = re.findall(r"```sh\n(# With curl.*?)```", text, re.S)
    (python,) = re.findall(r"```python\n(.*?)```", text, re.S)

    subprocess.run(["sh", "-ec", shell], cwd=tmp_path, check=True, capture_output=True)
    subprocess.run([sys.executable, "-c", python], cwd=tmp_path, check=True, capture_output=True)

    expected = restore(plain.read_bytes())
    assert (tmp_path / "restored.jpg").read_bytes() == expected
    assert (tmp_path / "blurred.unblurred.jpg").read_bytes() == expected
    assert zipfile.ZipFile(tmp_path / "restored.zip").testzip() is None
