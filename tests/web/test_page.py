"""The page in a real Chromium: what people do with it, and what leaves the machine (nothing)."""

import re
import shutil

import numpy as np
import pytest

from unblur.imaging.photo.photo import Photo, write_photo

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
if CHROMIUM is None:
    pytest.skip(
        "no Chromium is installed; apt-get install chromium runs these", allow_module_level=True
    )
api = pytest.importorskip("playwright.sync_api", reason="pip install playwright runs these")
pytestmark = pytest.mark.thorough
BACKGROUND = "getComputedStyle(document.body).backgroundColor"
FOCUS = "document.activeElement"
AFTER = ".ub-compare img.ub-after"


@pytest.fixture(scope="module")
def browser():
    with api.sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, server):
    """Open the page as another person; all that is asked for must be asked of the server."""
    contexts, asked, wrong = [], [], []

    def open_page(width=1280, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        context.set_default_timeout(180_000)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(server.url)
        page.wait_for_selector("#restore")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert len(asked) > 10
    assert {url for url in asked if not url.startswith((server.url, "data:", "blob:"))} == set()
    assert wrong == []


def give(page, *paths, where="photos"):
    page.set_input_files(f"#{where} input[type=file]", [str(path) for path in paths])
    for path in paths:
        page.wait_for_selector(f"#{where} :text('{path.stem}')")


def test_a_photo_is_restored_compared_and_downloaded(visit, jpeg, restored, tmp_path):
    page = visit()
    give(page, jpeg)
    page.click("#restore")
    page.wait_for_selector(AFTER)
    page.wait_for_function("[...document.querySelectorAll('.ub-stack img')].every(x => x.complete)")

    assert "blurred over about" in page.inner_text(".ub-diagnosis")
    sides = page.evaluate(
        "(s) => [...document.querySelectorAll(s)].map(x => x.naturalWidth)", AFTER
    )
    assert sides == [300]
    slider = page.locator(".ub-slider")
    seen = "getComputedStyle(document.querySelector('.ub-before')).clipPath"
    before = page.evaluate(seen)
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    assert slider.input_value() == "55"
    moved = page.evaluate(seen)
    assert moved != before
    box = slider.bounding_box()
    page.mouse.click(box["x"] + 0.1 * box["width"], box["y"] + box["height"] / 2)
    assert int(slider.input_value()) < 20
    page.check(".ub-zoom input")
    assert page.evaluate("(s) => document.querySelector(s).clientWidth", AFTER) == 300
    with page.expect_download() as download:
        page.click(".ub-button:has-text('Download')")
    assert download.value.suggested_filename == "shaken.unblurred.jpg"
    download.value.save_as(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == restored

    page.reload()

    page.wait_for_selector(AFTER)
    assert page.inner_text("#status").strip() == "Done."


def test_the_two_pictures_lie_exactly_one_upon_the_other(visit, jpeg):
    page = visit(width=390, has_touch=True)
    give(page, jpeg)
    page.click("#restore")
    page.wait_for_selector(AFTER)
    places = "[...document.querySelectorAll('.ub-stack img')].map(x => x.getBoundingClientRect())"
    page.wait_for_function(f"{places}.every(x => x.height > 100)")

    after, before = page.evaluate(f"{places}.map(x => [x.left, x.top, x.width, x.height])")

    assert after == before
    assert after[0] >= 0
    assert after[0] + after[2] <= 390
    assert page.evaluate("document.documentElement.scrollWidth") == 390  # nothing hangs out


def test_garbage_is_a_line_and_not_a_traceback(visit, jpeg, tmp_path, server):
    garbage = tmp_path / "garbage.jpg"
    garbage.write_bytes(b"this is no photo")
    page = visit()
    page.click("#restore")
    page.wait_for_selector(".ub-error:has-text('no photo was given; choose one')")
    give(page, garbage)
    page.click("#restore")
    error = page.wait_for_selector(".ub-error:has-text('garbage.jpg: is not a photo')")

    assert str(server.folder) not in error.inner_text()
    assert "Traceback" not in server.log.read_text()


def test_several_photos_give_a_zip_though_one_is_garbage(visit, jpeg, tmp_path):
    garbage = tmp_path / "garbage.jpg"
    garbage.write_bytes(b"this is no photo")
    page = visit(color_scheme="dark")
    give(page, jpeg, garbage)
    page.click("#restore")
    page.wait_for_selector("#ub-zip")

    assert page.inner_text("#status").strip() == "1 of 2 restored."
    with page.expect_download() as download:
        page.click("#ub-zip")
    assert download.value.suggested_filename == "unblurred.zip"
    light = [int(x) for x in re.findall(r"\d+", page.evaluate(BACKGROUND))[:3]]
    assert max(light) < 60  # dark, as was asked for


def test_a_job_is_cancelled_and_the_next_one_is_done(visit, jpeg, tmp_path):
    rng = np.random.default_rng(0)
    large = tmp_path / "large.png"
    write_photo(Photo(pixels=rng.random((2400, 3200, 3), np.float32)), large)
    page = visit()
    give(page, large)
    page.click("#restore")
    page.wait_for_selector("#status progress")
    page.wait_for_selector("#cancel:not([disabled])")
    page.click("#cancel")
    page.wait_for_selector("#status :text('Cancelled')")
    assert page.is_disabled("#cancel")

    page.reload()
    page.wait_for_selector("#status :text('Cancelled')")
    give(page, jpeg)
    page.click("#restore")
    page.wait_for_selector(AFTER)


def test_two_people_see_each_their_own(visit, jpeg, blurred, tmp_path):
    other = tmp_path / "other.png"
    write_photo(Photo(pixels=blurred[::-1, :200].copy()), other)
    pages = {visit(): jpeg, visit(): other}
    for page, photo in pages.items():
        give(page, photo)
    for page in pages:
        page.click("#restore")
    for page, photo in pages.items():
        page.wait_for_selector(AFTER)
        assert page.inner_text(".ub-part h3") == photo.name


def test_everything_is_reached_by_keyboard(visit, jpeg):
    page = visit()
    give(page, jpeg)
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("document.activeElement.id || document.activeElement.innerText")
        )
        if reached[-1] == "restore":
            break
    assert any("Options" in name for name in reached)
    page.keyboard.press("Enter")
    page.wait_for_selector(AFTER)
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(f"{FOCUS}.className"))
    assert "ub-slider" in reached
    assert "ub-button" in reached


def test_the_server_asks_nothing_of_the_internet_and_the_page_is_light(visit, server, jpeg):
    page = visit()
    sizes = page.evaluate(
        "performance.getEntriesByType('resource').map(x => [x.name, x.transferSize])"
    )
    document = page.evaluate("performance.getEntriesByType('navigation')[0].transferSize")
    ours = [size for name, size in sizes if not re.search("/(assets|static|svelte)/", name)]
    assert document + sum(ours) < 1_000_000
    assert document > 1000
    give(page, jpeg)
    page.click("#restore")
    page.wait_for_selector(AFTER)
    control = "NETWORK ('127.0.0.9', 9)"
    lines = [line for line in server.log.read_text().splitlines() if line.startswith("NETWORK")]
    assert lines.count(control) >= 2  # server and worker are both watched
    assert [line for line in lines if line != control] == []
