"""Every state of the page, photographed and looked over by axe: 1280 and 390 px, light and dark.

The pictures lie in pytest's temporary folder, ``screens``: `pytest --basetemp=FOLDER` says where.
"""

import json
import re

import numpy as np
import pytest
import skimage.data

from unblur.imaging.photo.photo import Photo, write_photo
from video_files import pan, write_video
from web_pages import WAIT_MS, give, see_result

axe = pytest.importorskip("axe_playwright_python.sync_playwright")
pytestmark = pytest.mark.thorough
LEVELS = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
SHARP = skimage.data.astronaut()[:256, 100:400].astype(np.float32) / 255
LOOKS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]


@pytest.fixture(scope="module")
def screens(tmp_path_factory):
    return tmp_path_factory.mktemp("screens")


@pytest.fixture(scope="module")
def photos(tmp_path_factory, blurred, jpeg):
    """A photo for each verdict, a piece of garbage, and a video."""
    folder = tmp_path_factory.mktemp("states")
    rng = np.random.default_rng(0)
    noisy = np.clip(0.2 * blurred + rng.normal(0, 0.06, blurred.shape), 0, 1)
    for name, pixels in (
        ("sharp", SHARP),
        ("noisy", noisy),
        ("small", blurred[:40, :40]),
    ):
        write_photo(Photo(pixels=np.ascontiguousarray(pixels, np.float32)), folder / f"{name}.png")
    (folder / "garbage.jpg").write_bytes(b"no photo")
    frames = pan(20, height=120, width=160)
    write_video(folder / "film.mp4", frames, codec="libx264", pix_fmt="yuv420p", rate=10)
    return {path.stem: path for path in (jpeg, *sorted(folder.iterdir()))}


@pytest.fixture(scope="module")
def jobs(server, photos):
    """One job for each state, restored once for all looks of it."""
    several = ["shaken", "small", "garbage"]
    wanted = {name: [name] for name in photos if name != "small"} | {"several": several}
    with server.client() as client:
        started = {}
        for state, names in wanted.items():
            files = [("photo", (photos[x].name, photos[x].read_bytes())) for x in names]
            started[state] = client.post("/api/jobs", files=files).json()["id"]
        done = {}
        for state, job in started.items():
            while (answer := client.get(f"/api/jobs/{job}?wait=50").json())["state"] in {
                "waiting",
                "running",
            }:
                pass
            done[state] = answer
    return done


@pytest.fixture
def look(screens):
    """Take a picture of a page, and have axe look it over."""

    def take(page, name):
        width = page.viewport_size["width"]
        dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        path = screens / f"{name}-{width}-{'dark' if dark else 'light'}.png"
        page.screenshot(path=path, full_page=name.startswith(("options", "details")))
        found = axe.Axe().run(page, options=LEVELS).response["violations"]
        told = [(x["id"], [node["html"][:200] for node in x["nodes"]]) for x in found]
        assert told == [], f"{name}: {json.dumps(told, indent=1)}"
        assert page.evaluate("document.documentElement.scrollWidth") == width  # nothing hangs out

    return take


@pytest.fixture(params=LOOKS, ids=lambda x: f"{x[0]}-{x[1]}")
def show(request, visit):
    """Open the page at one of the looks."""
    width, scheme = request.param
    phone = {"has_touch": True} if width < 500 else {}

    def open_one(job=None):
        height = 800 if width > 500 else 844
        return visit(width=width, height=height, job=job, color_scheme=scheme, **phone)

    return open_one


def test_start_choice_and_errors(show, look, photos):
    page = show()
    look(page, "start")
    page.click("summary")
    give(page, photos["noisy"], where="reference")
    look(page, "options")
    page.click("summary")
    page.click("#restore")
    page.wait_for_selector(".error")
    look(page, "error-none")
    give(page, *(photos[x] for x in ("shaken", "sharp", "noisy", "small")))
    look(page, "several-chosen")


def test_progress(show, look, server, jpeg):
    with server.client() as client:
        files = [("photo", (f"{n}.jpg", jpeg.read_bytes())) for n in range(20)]
        long = client.post("/api/jobs", files=files).json()["id"]
        next_job = client.post("/api/jobs", files=files[:1]).json()["id"]
        page = show(long)
        page.wait_for_selector("#doing:has-text('step 2 of 4')", timeout=WAIT_MS)
        told = page.inner_text("#doing")
        look(page, "progress")
        page.wait_for_selector("#doing:has-text(' left.')", timeout=WAIT_MS)
        told_later = page.inner_text("#doing")
        waits = show(next_job)
        waits.wait_for_selector("#doing:has-text('Waiting, 1 before you')")
        look(waits, "waiting")
        for job in (next_job, long):
            client.delete(f"/api/jobs/{job}")
    what = "(looking for the shake|weighing what was found|following the shake)"
    assert re.fullmatch(rf"1 of 20: 0\.jpg: {what}, step 2 of 4\.( About .* left\.)?", told)
    when = (
        r"(A few seconds|About (10 seconds|20 seconds|half a minute|a minute|\d+ minutes)) left\."
    )
    assert re.fullmatch(rf"\d+ of 20: \d+\.jpg: [\w ]+, step \d of 4\. {when}", told_later)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("shaken", "shake"),
        ("sharp", "sharp already"),
        ("noisy", "Hardly changed"),
        ("film", "20 frames were restored"),
        ("several", "shake"),
    ],
)
def test_results(show, look, jobs, state, said):
    page = show(jobs[state]["id"])
    see_result(page)
    look(page, f"result-{state}")
    assert said in page.inner_text(".verdict >> nth=0")
    for term in ("--", "pip", " dB", " px", "°"):  # figures stand under Details alone
        assert term not in page.inner_text("#result")
    assert page.is_visible(".strength") == page.is_visible(".download a") == (state != "sharp")
    for summary in page.locator("#result .figures summary").all():
        summary.click()
    look(page, f"details-{state}")
    told = page.inner_text("#result")
    for term in (" dB", " px", "°", "NaN", "undefined", "null"):
        assert term not in told
    assert (re.search(r"about \d+ pixels (sideways|up|at a)", told) is not None) == (
        state in {"shaken", "several"}
    )


def test_two_results_one_of_them_of_the_same_photo(show, look, jobs):
    page = show(f"{jobs['shaken']['id']}&job={jobs['several']['id']}")
    see_result(page)
    page.wait_for_selector("#result h2:text('2 of 3 restored')")
    look(page, "details-two-results")


def test_full_size_and_another_strength(show, look, jobs):
    page = show(jobs["shaken"]["id"])
    see_result(page)
    page.click("button[aria-label='Zoom in']")
    page.click("button[aria-label='Zoom in']")
    page.fill(".strength", "60")
    page.focus(".frame")
    look(page, "zoomed-and-mixed")


def test_a_job_that_failed_or_is_gone(show, look, jobs):
    for name, job in (("failed", jobs["garbage"]["id"]), ("gone", "no-such-job")):
        page = show(job)
        page.wait_for_selector(".error")
        look(page, f"error-{name}")
    assert "it has been deleted, or its address is wrong" in page.inner_text(".error")
