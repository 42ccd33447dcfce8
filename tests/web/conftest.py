import shutil

import numpy as np
import pytest
import skimage.data

from command_line import call_command
from unblur.imaging.blur.blur import blur
from unblur.imaging.photo.photo import Photo, write_photo
from web_servers import WATCH, serving


@pytest.fixture(scope="session")
def blurred():
    """A shaken photo, (256, 300, 3) floats in [0, 1]."""
    sharp = skimage.data.astronaut()[:256, 100:400].astype(np.float32) / 255
    kernel = np.zeros((9, 9), np.float32)
    kernel[4] = 1 / 9
    return blur(sharp, kernel)


@pytest.fixture(scope="session")
def jpeg(blurred, tmp_path_factory):
    path = tmp_path_factory.mktemp("photos") / "shaken.jpg"
    write_photo(Photo(pixels=blurred), path)
    return path


@pytest.fixture(scope="session")
def plain(astronaut, tmp_path_factory):
    """A photo that is too sharp to be searched for a shake, which takes seconds each time."""
    path = tmp_path_factory.mktemp("photos") / "plain.jpg"
    write_photo(Photo(pixels=astronaut[::2, ::2].copy()), path)
    return path


@pytest.fixture(scope="session")
def restored(jpeg, tmp_path_factory):
    """What the command line makes of it."""
    out = tmp_path_factory.mktemp("out")
    assert call_command("restore", jpeg, "-o", out, folder=out) == 0
    return (out / "shaken.unblurred.jpg").read_bytes()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server without torch, whose log names every connection that it and its worker open."""
    folder, modules = tmp_path_factory.mktemp("server"), tmp_path_factory.mktemp("modules")
    (modules / "torch.py").write_text("raise ImportError('torch is not installed')")
    (modules / "sitecustomize.py").write_text(WATCH)  # the worker's, too
    with serving(folder, env={"PYTHONPATH": str(modules)}) as running:
        yield running


@pytest.fixture(scope="module")
def shaken_job(server, jpeg):
    """The name of a job in which the shaken photo has been restored."""
    with server.client() as client:
        job = client.post("/api/jobs", files=[("photo", (jpeg.name, jpeg.read_bytes()))]).json()
        while job["state"] != "done":
            assert job["state"] in {"waiting", "running"}
            job = client.get(f"/api/jobs/{job['id']}", params={"wait": 30}).json()
    return job["id"]


@pytest.fixture(scope="module")
def browser():
    """A real Chromium."""
    api = pytest.importorskip("playwright.sync_api", reason="pip install playwright runs these")
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium is installed; apt-get install chromium runs these")
    with api.sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, server):
    """Open the page as another person; all that is asked for must be asked of the server."""
    contexts, asked, wrong = [], [], []

    def open_page(width=1280, height=800, job=None, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        context.set_default_timeout(120_000)  # of a machine with much to do
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
        page.goto(server.url + (f"/?job={job}" if job else "/"))
        page.wait_for_selector("#restore")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert len(asked) > 5
    assert {url for url in asked if not url.startswith((server.url, "data:", "blob:"))} == set()
    told = "the server responded with a status of 40"  # bad input, a job that is gone
    assert [line for line in wrong if told not in line] == []
