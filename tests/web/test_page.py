"""The page in a real Chromium: what people do with it, and what leaves the machine (nothing)."""

import base64
import re

import numpy as np
import pytest

from command_line import call_command
from unblur.imaging.photo.photo import Photo, read_photo, write_photo
from video_files import pan, write_video
from web_pages import WAIT_MS, box, divider_px, give, middle, restore, see_result, touch, wait_until

pytestmark = pytest.mark.thorough
BACKGROUND = "getComputedStyle(document.body).backgroundColor"
FOCUS = "document.activeElement"
PICTURES = "[...document.querySelectorAll('.picture')]"
LOOKS = "x => [x.scrollWidth, document.documentElement.scrollWidth]"


def test_a_photo_is_restored_compared_and_downloaded(visit, jpeg, restored, tmp_path):
    page = visit()
    restore(page, jpeg)

    assert "shake" in page.inner_text(".verdict .said")
    assert page.evaluate(f"{PICTURES}.map(x => x.naturalWidth)") == [300, 300]
    slider = page.locator(".divider")
    seen = "getComputedStyle(document.querySelector('.base')).clipPath"
    before = page.evaluate(seen)
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    assert slider.input_value() == "55"
    moved = page.evaluate(seen)
    assert moved != before
    place = slider.bounding_box()
    page.mouse.click(place["x"] + 0.1 * place["width"], place["y"] + place["height"] / 2)
    assert int(slider.input_value()) < 20
    page.click(".tool:has-text('Actual pixels')")
    assert page.evaluate(f"{PICTURES}[0].getBoundingClientRect().width") == 300
    with page.expect_download() as download:
        page.click(".button:has-text('Download')")
    assert download.value.suggested_filename == "shaken.unblurred.jpg"
    download.value.save_as(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == restored

    page.reload()

    see_result(page)
    assert not page.is_visible("#status")
    wait_until(page, "document.querySelector('#chosen img')?.naturalWidth === 300")
    page.goto(page.url.split("?")[0])
    page.click("#said a:has-text('Show what came of it')")
    see_result(page)
    page.click("#restore")  # the photo comes from the server, which has kept it
    page.wait_for_selector("#doing:has-text('shaken.jpg: ')", timeout=WAIT_MS)


def test_the_example_is_one_click_and_its_result_comes_into_view(visit):
    page = visit()
    page.click("#example")
    see_result(page)

    assert page.inner_text(".part h2") == "shaken.jpg"
    _, top, _, height = box(page, ".frame")
    assert top >= 0
    assert top + height <= 800
    assert page.evaluate(f"{FOCUS}.id") == "result"


def test_dragging_on_the_picture_moves_the_divider_and_the_thumb(visit, shaken_job):
    page = visit(job=shaken_job)
    see_result(page)
    left, top, width, height = box(page, ".frame")
    for share in (0.1, 0.8):
        page.mouse.move(left + width / 2, top + height / 3)
        page.mouse.down()
        page.mouse.move(left + share * width, top + height / 2, steps=5)
        page.mouse.up()

        line, thumb = divider_px(page)
        assert abs(line - (left + share * width)) < 1
        assert abs(thumb - line) <= width / 100  # the slider has whole percents
    page.focus(".frame")
    page.keyboard.press("ArrowLeft")
    assert abs(divider_px(page)[0] - (left + 0.78 * width)) < 1


def test_each_name_stands_on_its_own_side_of_the_divider_or_not_at_all(visit, shaken_job):
    page = visit(width=390, height=844, job=shaken_job)
    see_result(page)
    left, _, width, _ = box(page, ".frame")
    for percent, seen in (("0", [False, True]), ("50", [True, True]), ("100", [True, False])):
        page.fill(".divider", percent)
        line, _ = divider_px(page)
        assert [page.is_visible(f".tag.{name}") for name in ("before", "after")] == seen
        for name in [x for x, here in zip(("before", "after"), seen, strict=True) if here]:
            start, _, length, _ = box(page, f".tag.{name}")
            assert left <= start
            assert start + length <= left + width
            assert (start + length <= line) if name == "before" else (start >= line)
    assert abs(line - (left + width)) < 1  # all of it is before


def test_wheel_keys_and_buttons_zoom_inside_the_frame(visit, shaken_job):
    page = visit(job=shaken_job)
    see_result(page)
    frame = box(page, ".frame")
    width = f"{PICTURES}[0].getBoundingClientRect().width"
    whole = page.evaluate(width)
    page.wait_for_timeout(500)  # the wheel that scrolled the page does not zoom at once
    page.mouse.move(frame[0] + 10, frame[1] + 10)
    corner = page.evaluate(f"{PICTURES}[0].getBoundingClientRect().left")
    page.mouse.wheel(0, -400)
    wait_until(page, f"{width} > {1.5 * whole}")

    assert abs(page.evaluate(f"{PICTURES}[0].getBoundingClientRect().left") - corner) < 20
    page.focus(".frame")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(f"{PICTURES}[0].getBoundingClientRect().left") < corner - 40
    x, y = middle(page, ".frame")
    page.mouse.move(x - 100, y)
    at = divider_px(page)[0]
    page.mouse.down()
    page.mouse.move(x - 60, y + 30, steps=3)
    page.mouse.up()
    assert divider_px(page)[0] == at  # zoomed in, dragging moves the picture
    for key in ("+", "-", "-", "-", "0"):
        page.keyboard.press(key)
    page.focus(".frame")
    page.keyboard.press("0")
    assert page.evaluate(width) == whole
    page.click("button[aria-label='Zoom in']")
    assert page.evaluate(width) == pytest.approx(1.5 * whole)
    page.click("text='Whole picture'")
    assert page.evaluate(width) == pytest.approx(whole)
    assert box(page, ".frame")[2:] == frame[2:]
    assert page.eval_on_selector("body", LOOKS)[1] == 1280


def test_a_phone_pinches_pans_and_divides_and_nothing_hangs_out(visit, shaken_job):
    page = visit(width=390, height=844, has_touch=True, is_mobile=True, job=shaken_job)
    see_result(page)
    places = f"{PICTURES}.map(x => x.getBoundingClientRect())"
    assert not page.is_visible(".desk")  # a finger drops nothing
    assert not page.is_visible(".zoom")
    after, before = page.evaluate(f"{places}.map(x => [x.left, x.top, x.width, x.height])")
    frame = box(page, ".frame")
    around = page.eval_on_selector(".frame", "x => getComputedStyle(x).backgroundColor")
    assert around == "rgba(0, 0, 0, 0)"  # no dark line where the edge is within a pixel
    assert all(0 <= side - room < 1 for side, room in zip(after[2:], frame[2:], strict=True))
    assert after == before  # they lie exactly one upon the other
    assert after[0] >= 0
    assert after[0] + after[2] <= 390
    x, y = middle(page, ".frame")
    touch(page, [(x, y)], [(x + 30, y)], [(x + 90, y)])
    line, thumb = divider_px(page)
    assert abs(line - (x + 90)) < 2
    assert abs(line - thumb) < 4
    left, _, width, _ = box(page, ".divider")
    assert (left, width) == (box(page, ".frame")[0], box(page, ".frame")[2])

    pinch = ([(x - 20 * n, y), (x + 20 * n, y)] for n in (1, 2, 3, 4))
    touch(page, *pinch)

    wide = page.evaluate(f"{places}[0].width")
    assert wide == pytest.approx(4 * after[2], rel=0.1)
    assert re.fullmatch(r"Zoom: \d+ %", page.inner_text(".zoom"))
    left = page.evaluate(f"{places}[0].left")
    touch(page, [(x - 50, y)], [(x - 60, y)], [(x - 90, y)])
    assert page.evaluate(f"{places}[0].left") < left - 20
    assert page.evaluate("document.documentElement.scrollWidth") == 390  # nothing hangs out
    assert page.evaluate("visualViewport.scale") == 1  # the picture is larger, not the page
    assert divider_px(page)[0] == line


def test_strength_is_mixed_in_the_browser_and_the_download_is_what_the_command_writes(
    visit, shaken_job, jpeg, restored, tmp_path
):
    page = visit(height=1000, job=shaken_job)
    see_result(page)
    page.click(".tool:has-text('Actual pixels')")
    page.fill(".divider", "0")  # nothing but after
    page.fill(".strength", "50")

    whole = "position: fixed; top: 0; left: 0; margin: 0; z-index: 1"  # on whole pixels
    page.eval_on_selector(".frame", f"x => x.style.cssText += '; {whole}'")
    left, top, width, height = box(page, ".picture")
    assert (width, height) == (300, 256)
    inner = {"x": left + 30, "y": top + 60, "width": width - 60, "height": height - 120}
    seen = read_photo(page.screenshot(clip=inner)).pixels
    pair = (read_photo(jpeg).pixels, read_photo(restored).pixels)
    mixed = np.mean(pair, axis=0)[60:-60, 30:-30]
    assert seen.shape == mixed.shape
    error = np.abs(seen - mixed)
    assert np.median(error) < 1.5 / 255
    assert error.mean() < 0.5 * np.abs(seen - pair[0][60:-60, 30:-30]).mean()

    page.eval_on_selector(".frame", "x => { x.style.position = 'relative'; }")
    with page.expect_download(timeout=WAIT_MS) as download:
        page.click("button:has-text('Download at 50 %')")
    assert download.value.suggested_filename == "shaken.unblurred-50.jpg"
    download.value.save_as(tmp_path / "file")
    out = tmp_path / "out"
    assert call_command("restore", jpeg, "-o", out, "--strength", "0.5", folder=tmp_path) == 0
    assert (tmp_path / "file").read_bytes() == (out / "shaken.unblurred.jpg").read_bytes()
    assert page.is_visible("a:has-text('Download at 50 %')")
    page.fill(".strength", "100")
    assert page.is_visible("a:has-text('Download shaken.unblurred.jpg (')")


def test_a_photo_is_pasted_others_are_dropped_and_one_is_taken_away(visit, jpeg):
    page = visit()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate(
        """async () => {
          const canvas = new OffscreenCanvas(80, 80);
          canvas.getContext("2d").fillRect(10, 10, 40, 40);
          const blob = await canvas.convertToBlob({ type: "image/png" });
          await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
        }"""
    )
    page.keyboard.press("Control+v")
    page.wait_for_selector("#chosen img")
    data = base64.b64encode(jpeg.read_bytes()).decode()
    page.evaluate(
        """(data) => {
          const bytes = Uint8Array.from(atob(data), (x) => x.charCodeAt(0));
          const carried = new DataTransfer();
          for (const name of ["first.jpg", "second.jpg", "third.jpg"])
            carried.items.add(new File([bytes], name, { type: "image/jpeg" }));
          const how = { dataTransfer: carried, bubbles: true, cancelable: true };
          const drop = new DragEvent("drop", how);
          document.querySelector("footer").dispatchEvent(drop);
        }""",
        data,
    )
    page.wait_for_selector("#chosen :text('third.jpg')")

    assert page.locator("#chosen li").count() == 4
    assert page.inner_text("#restore") == "Restore 4 photos"
    wait_until(page, "[...document.querySelectorAll('#chosen img')].every(x => x.naturalWidth)")
    page.click("button[aria-label='Remove second.jpg']")
    names = page.locator("#chosen .name").all_inner_texts()
    assert names[1:] == ["first.jpg", "third.jpg"]
    assert names[0].endswith(".png")


def test_garbage_is_a_line_and_not_a_traceback(visit, jpeg, tmp_path, server):
    garbage = tmp_path / "garbage.jpg"
    garbage.write_bytes(b"this is no photo")
    page = visit()
    page.click("#restore")
    page.wait_for_selector(".error:has-text('no photo was given; choose one')")
    give(page, garbage)
    page.click("#restore")
    error = page.wait_for_selector(".error:has-text('garbage.jpg: is not a photo')")

    assert str(server.folder) not in error.inner_text()
    assert "Traceback" not in server.log.read_text()


def test_what_is_too_large_is_refused_before_it_is_sent(visit, tmp_path, jpeg):
    page = visit()
    large = tmp_path / "large.png"
    with large.open("wb") as file:
        file.truncate(101_000_000)
    page.set_input_files("#photos", [str(large)])
    page.wait_for_selector(".error:has-text('101.0 MB at once; 100.0 MB are taken at most')")
    film = tmp_path / "film.mp4"
    film.write_bytes(b"x")
    page.set_input_files("#photos", [str(jpeg), str(film)])
    page.wait_for_selector(".error:has-text('film.mp4: give a video by itself')")
    assert page.locator("#chosen li").count() == 0


def test_what_is_no_photo_is_refused_when_it_is_chosen_and_the_others_are_taken(
    visit, tmp_path, jpeg
):
    text, empty = tmp_path / "notes.txt", tmp_path / "empty.jpg"
    text.write_text("no photo")
    empty.touch()
    page = visit()
    page.set_input_files("#photos", [str(x) for x in (text, jpeg, empty)])
    page.wait_for_selector("#chosen :text('shaken.jpg')")

    error = page.inner_text(".error")
    assert "notes.txt: is no photo that can be read here. Choose JPEG, PNG" in error
    assert "empty.jpg: is empty" in error
    assert page.locator("#chosen li").count() == 1
    assert page.inner_text("#restore") == "Restore"


def test_several_photos_give_a_zip_though_one_is_garbage(visit, jpeg, tmp_path):
    garbage = tmp_path / "garbage.jpg"
    garbage.write_bytes(b"this is no photo")
    page = visit(color_scheme="dark")
    give(page, jpeg, garbage)
    page.click("#restore")
    page.wait_for_selector(".zip", timeout=WAIT_MS)

    assert page.inner_text("#result h2") == "1 of 2 restored"
    assert "is not a photo" in page.inner_text("#result .error")
    with page.expect_download() as download:
        page.click(".zip")
    assert download.value.suggested_filename == "unblurred.zip"
    light = [int(x) for x in re.findall(r"\d+", page.evaluate(BACKGROUND))[:3]]
    assert max(light) < 60  # dark, as was asked for


def test_a_video_counts_its_frames_and_shows_a_clip_of_before_and_after(visit, tmp_path):
    clip = tmp_path / "pan.mp4"
    frames = pan(20, height=240, width=320)
    write_video(clip, frames, codec="libx264", pix_fmt="yuv420p", rate=10)
    page = visit()
    page.evaluate(
        """() => {
          window.told = [];
          const doing = document.getElementById("doing");
          new MutationObserver(() => window.told.push(doing.textContent))
            .observe(doing, { childList: true });
        }"""
    )
    give(page, clip)
    page.click("#restore")
    see_result(page)

    told = " ".join(page.evaluate("window.told"))
    assert re.search(r"frame \d+ of 20, step 1 of 2", told)
    assert page.inner_text(".verdict .said") == "20 frames were restored, one by one."
    sides = page.evaluate(f"{PICTURES}.map(x => [x.width, x.height])")
    assert sides == [[320, 240], [320, 240]]
    shown = page.evaluate(
        f"{PICTURES}.map(x => [...x.getContext('2d').getImageData(0, 0, 320, 240).data])"
    )
    before, after = (np.array(x, np.float32).reshape(240, 320, 4)[..., :3] for x in shown)
    assert np.abs(before - after).mean() > 0.3
    near = min(np.abs(before - frame).mean() for frame in frames)
    assert near < 4
    with page.expect_download() as download:
        page.click("a:has-text('Download pan.unblurred.mp4')")
    assert download.value.suggested_filename == "pan.unblurred.mp4"


def test_a_job_is_cancelled_and_the_next_one_is_done(visit, jpeg, tmp_path):
    rng = np.random.default_rng(0)
    large = tmp_path / "large.png"
    write_photo(Photo(pixels=rng.random((2400, 3200, 3), np.float32)), large)
    page = visit()
    give(page, large)
    page.click("#restore")
    page.wait_for_selector("#doing:has-text('step')", timeout=WAIT_MS)
    assert 0 <= page.eval_on_selector("#bar", "x => x.value") < 1
    assert "left" in page.inner_text("#doing")
    page.click("#cancel")
    page.wait_for_selector("#said :text('Cancelled')")
    assert not page.is_visible("#cancel")

    page.reload()
    page.wait_for_selector("#said :text('Cancelled')")
    restore(page, jpeg)


def test_results_stay_until_removed_and_only_what_is_new_is_restored(visit, jpeg, plain, tmp_path):
    rng = np.random.default_rng(0)
    large = tmp_path / "large.png"
    write_photo(Photo(pixels=rng.random((2400, 3200, 3), np.float32)), large)
    page = visit()
    names = page.locator("#chosen .name")
    results = page.locator("#result h2")
    restore(page, jpeg)
    assert page.inner_text("#restore") == "Restore again"

    give(page, plain)
    assert names.all_inner_texts() == ["plain.jpg"]
    give(page, large)  # beside it, as it waits, too
    assert page.inner_text("#restore") == "Restore 2 photos"
    page.click("button[aria-label='Remove plain.jpg']")
    page.click("#restore")
    page.wait_for_selector("#doing:has-text('large.png: ')", timeout=WAIT_MS)
    assert results.all_inner_texts() == ["shaken.jpg"]
    page.click("#cancel")
    page.wait_for_selector("#said :text('Cancelled')")
    assert results.all_inner_texts() == ["shaken.jpg"]
    assert names.all_inner_texts() == ["large.png"]  # nothing has come of it yet

    page.click("button[aria-label='Remove large.png']")
    give(page, plain)
    page.click("#restore")
    page.wait_for_selector("#result h2:text('plain.jpg')", timeout=WAIT_MS)
    assert results.all_inner_texts() == ["plain.jpg", "shaken.jpg"]
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(x => x.id)")
    assert len(set(ids)) == len(ids)

    page.reload()
    page.wait_for_selector("#result h2:text('plain.jpg')", timeout=WAIT_MS)
    assert results.all_inner_texts() == ["plain.jpg", "shaken.jpg"]
    assert names.all_inner_texts() == ["plain.jpg"]
    page.click("button[aria-label='Remove this result, plain.jpg']")
    assert results.all_inner_texts() == ["shaken.jpg"]
    assert page.evaluate(f"{FOCUS}.ariaLabel") == "Remove this result, shaken.jpg"
    assert page.url.count("job=") == 1
    page.click("button[aria-label='Remove this result, shaken.jpg']")
    assert "job=" not in page.url
    assert not page.is_visible("#result")


@pytest.fixture
def dark(tmp_path, blurred):
    """A photo that is too dark and noisy for its blur to be told."""
    rng = np.random.default_rng(1)
    path = tmp_path / "dark.png"
    noisy = 0.2 * blurred + rng.normal(0, 0.05, blurred.shape)
    write_photo(Photo(pixels=np.clip(noisy, 0, 1).astype(np.float32)), path)
    return path


def test_a_second_shot_is_for_the_photo_whose_verdict_offers_it(visit, plain, dark):
    page = visit()
    restore(page, dark)
    give(page, plain)
    page.click("#restore")
    page.wait_for_selector("#result h2:text('plain.jpg')", timeout=WAIT_MS)
    page.click(".job:has(h2:text('dark.png')) button:has-text('Add a second shot')")

    assert page.locator("#chosen .name").all_inner_texts() == ["dark.png"]
    assert page.inner_text("#restore") == "Restore"


def test_two_people_see_each_their_own(visit, jpeg, blurred, tmp_path):
    other = tmp_path / "other.png"
    write_photo(Photo(pixels=blurred[::-1, :200].copy()), other)
    pages = {visit(): jpeg, visit(): other}
    for page, photo in pages.items():
        give(page, photo)
    for page in pages:
        page.click("#restore")
    for page, photo in pages.items():
        see_result(page)
        assert page.inner_text(".part h2") == photo.name


def test_a_second_shot_is_offered_where_it_would_help_and_used(visit, dark):
    page = visit()
    restore(page, dark)
    page.click(".verdict button:has-text('Add a second shot')")

    assert page.evaluate(f"{FOCUS}.id") == "reference"
    give(page, dark, where="reference")
    page.check("input[value=noisy]")
    page.click("#restore")
    page.wait_for_selector(".verdict :text('second shot could not be used')", timeout=WAIT_MS)
    note = page.locator(".figures dd").all_text_contents()
    assert any("dark.png not used: " in text for text in note)


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
    see_result(page)
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(f"{FOCUS}.className"))
    for name in ("frame", "divider", "strength", "button main"):
        assert name in reached


def test_focus_is_seen_on_all_that_is_reached(visit, jpeg):
    page = visit()
    give(page, jpeg)
    page.click("summary")
    ring = """() => {
      const at = document.activeElement;
      if (at === document.body) return null;
      const seen = at.className === "unseen" ? at.nextElementSibling : at;
      const style = getComputedStyle(seen);
      return [at.id, style.outlineStyle, parseFloat(style.outlineWidth)];
    }"""
    page.evaluate("document.activeElement.blur()")
    found = []
    for _ in range(12):
        page.keyboard.press("Tab")
        found.append(page.evaluate(ring))
    found = [x for x in found if x is not None]
    assert {"photos", "reference", "restore", "model", "guard"} <= {name for name, _, _ in found}
    assert all(style == "solid" and width >= 3 for _, style, width in found), found


def test_the_server_asks_nothing_of_the_internet_and_the_page_is_light(visit, server, jpeg):
    page = visit()
    sizes = page.evaluate(
        "performance.getEntriesByType('resource').map(x => [x.name, x.transferSize])"
    )
    document = page.evaluate("performance.getEntriesByType('navigation')[0].transferSize")
    assert len(sizes) > 4
    assert document + sum(size for _, size in sizes) < 200_000
    assert document > 1000
    restore(page, jpeg)
    control = "NETWORK ('127.0.0.9', 9)"
    lines = [line for line in server.log.read_text().splitlines() if line.startswith("NETWORK")]
    assert lines.count(control) >= 2  # server and worker are both watched
    assert [line for line in lines if line != control] == []
