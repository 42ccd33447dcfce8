"""What tests of the page do in a browser, and ask of what they see."""

import time

BOX = "(s) => { const b = document.querySelector(s).getBoundingClientRect(); \
return [b.left, b.top, b.width, b.height]; }"


WAIT_MS = 180_000
"""For what is restored meanwhile."""


def wait_until(page, expression):
    """Ask the page until the answer is true.

    Playwright's own `wait_for_function` evaluates text in the page whenever the first answer is
    no, which the page's Content-Security-Policy forbids: on a slow machine only.
    """
    last = time.monotonic() + WAIT_MS / 1000
    while not page.evaluate(expression):
        assert time.monotonic() < last, f"never true: {expression}"
        page.wait_for_timeout(250)


def give(page, *paths, where="photos"):
    """Choose files, and wait for their thumbnails."""
    page.set_input_files(f"#{where}", [str(path) for path in paths])
    shown = "#chosen" if where == "photos" else "#chosen-second"
    for path in paths:
        page.wait_for_selector(f"{shown} :text('{path.stem}')")


def restore(page, *paths):
    """Restore files, and wait until before and after are seen."""
    give(page, *paths)
    page.click("#restore")
    see_result(page)


def see_result(page):
    """Wait for before and after, and until scrolling to them has come to its end."""
    page.wait_for_selector(".frame .picture", timeout=WAIT_MS)
    wait_until(page, "document.querySelector('.frame').clientHeight > 100")
    wait_until(
        page,
        "() => { const top = Math.round(scrollY), same = window.lastTop === top; "
        "window.lastTop = top; return same; }",
    )


def box(page, selector):
    """Left, top, width and height of an element in the window, px."""
    return page.evaluate(BOX, selector)


def middle(page, selector):
    left, top, width, height = box(page, selector)
    return left + width / 2, top + height / 2


def divider_px(page):
    """Where the divider is, and where the middle of the slider's thumb, px from the left."""
    line, _ = middle(page, ".line")
    left, _, width, _ = box(page, ".divider")
    thumb = 28
    share = page.eval_on_selector(".divider", "x => x.value / x.max")
    return line, left + thumb / 2 + share * (width - thumb)


def touch(page, *steps):
    """Put fingers down, move them, lift them: every step has the place of each finger."""
    session = page.context.new_cdp_session(page)
    for kind, places in zip(["touchStart", *["touchMove"] * (len(steps) - 1)], steps, strict=True):
        points = [{"x": x, "y": y, "id": index} for index, (x, y) in enumerate(places)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
