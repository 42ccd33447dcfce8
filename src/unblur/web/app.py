"""The page: drop photos, see progress, slide between before and after, download."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from unblur.errors import MissingExtraError, UnblurError
from unblur.web.api import routes
from unblur.web.checks import has_extra
from unblur.web.desk import Desk
from unblur.web.guard import Guard
from unblur.web.jobs import Job, Upload
from unblur.web.options import UNSHARP, Wish
from unblur.web.view import STYLE, error_html, result_html, status_html
from unblur.web.words import time_words
from unblur.weights import WEIGHTS, kept_networks

if TYPE_CHECKING:
    import gradio

_POLL_SECONDS: Final = 0.3
_FONTS: Final = ("system-ui", "sans-serif")
_MONO: Final = ("ui-monospace", "monospace")
# The address keeps the name of the job, so that reloading the page finds it again.
_REMEMBER: Final = "(id) => { history.replaceState(null, '', id ? '?job=' + id : '.'); return id; }"


def make_app(desk: Desk) -> Guard:
    """The application: the page at ``/``, the interface at ``/api``, and what stands before them.

    Args:
        desk: Where jobs are taken.

    Raises:
        MissingExtraError: If Gradio is not installed.
    """
    try:
        import gradio
        from fastapi import FastAPI
    except ImportError as error:
        raise MissingExtraError("gradio", extra="web") from error
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.router.routes.extend(routes(desk))
    gradio.mount_gradio_app(
        app,
        make_page(desk),
        path="/",
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=desk.options.most_bytes,
        ssr_mode=False,
        pwa=False,
        enable_monitoring=False,
        mcp_server=False,
        css_paths=[STYLE],
        # Fonts of the machine that looks at it: none is fetched.
        theme=gradio.themes.Default(font=list(_FONTS), font_mono=list(_MONO)),
    )
    return Guard(app, desk.options)


def make_page(desk: Desk) -> "gradio.Blocks":
    """The page alone.

    Args:
        desk: Where jobs are taken.
    """
    import gradio

    options = desk.options
    models = [*WEIGHTS, *kept_networks(), *([UNSHARP] if has_extra("bench") else ())]
    page = gradio.Blocks(title="unblur", analytics_enabled=False)
    with page:
        gradio.Markdown(
            "# unblur\nRestores photos spoiled by motion blur. They stay on the machine that runs "
            f"this page, and are deleted {time_words(options.keep_s)} after they are done. "
            f"{options.max_mb:g} MB and {options.max_megapixels:g} megapixels at most.",
            elem_classes="ub-head",
        )
        photos = gradio.File(
            label="Photos, or one short video" if has_extra("video") else "Photos",
            file_count="multiple",
            height=180,
            elem_id="photos",
        )
        with gradio.Accordion("Options", open=False):
            model = gradio.Dropdown(models, value=models[0], label="Network or method")
            strength = gradio.Slider(
                0, 1, 1, step=0.05, label="Strength", info="0 leaves the photo as it is."
            )
            guard = gradio.Checkbox(True, label="Leave alone what is sharp already")
            with gradio.Column(visible=has_extra("reference")):
                reference = gradio.File(
                    label="A second shot of the same scene, if there is one",
                    height=120,
                    elem_id="reference",
                )
                kind = gradio.Radio(
                    [("sharp", "sharp"), ("noisy: a short exposure", "noisy")],
                    value="sharp",
                    label="The second shot is",
                )
        with gradio.Row():
            start = gradio.Button("Restore", variant="primary", elem_id="restore")
            cancel = gradio.Button("Cancel", interactive=False, elem_id="cancel")
        status = gradio.HTML(elem_id="status")
        result = gradio.HTML(elem_id="result")
        job_id = gradio.Textbox(visible=False)

        def named(request: gradio.Request) -> str:
            """The job that the address names; Gradio finds out by the annotation what to give."""
            return str(request.query_params.get("job", ""))

        handlers = _Handlers(desk)
        shown: list[Any] = [status, result, cancel, job_id]
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        started = start.click(
            handlers.start, [photos, model, strength, guard, reference, kind], shown, **quiet
        )
        remembered = started.then(None, job_id, job_id, js=_REMEMBER, **quiet)
        remembered.then(handlers.follow, job_id, shown, **quiet)
        cancel.click(handlers.cancel, job_id, **quiet)
        page.load(named, None, job_id, **quiet).then(handlers.follow, job_id, shown, **quiet)
    # Following a job costs nothing; the desk's own queue is the limit.
    page.queue(default_concurrency_limit=None, api_open=False)
    for block in page.blocks.values():
        _refuse_addresses(block)
    return page


def _refuse_addresses(block: Any) -> None:
    """Keep Gradio from fetching a file that a made-up request names by an address elsewhere."""
    import gradio

    def check(path: str) -> None:
        if not Path(path).is_absolute():
            raise gradio.Error("upload the photo itself", print_exception=False)

    def move(path: str) -> Any:
        check(path)
        return inner(path)

    async def move_async(path: str) -> Any:
        check(path)
        return await inner_async(path)

    if hasattr(block, "move_resource_to_block_cache"):
        inner = block.move_resource_to_block_cache
        inner_async = block.async_move_resource_to_block_cache
        block.move_resource_to_block_cache = move
        block.async_move_resource_to_block_cache = move_async


class _Handlers:
    """What happens when something is pressed."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def start(
        self,
        photos: list[str] | None,
        model: str,
        strength: float,
        guard: bool,
        reference: str | None,
        kind: str,
    ) -> tuple[Any, ...]:
        """Hand the photos in."""
        try:
            wish = Wish(model=model, strength=strength, guard=guard, reference_is=kind)
            second = _upload(reference) if reference else None
            job = self._desk.submit([_upload(x) for x in photos or ()], wish, second)
        except UnblurError as error:
            return error_html(str(error)), "", _button(False), ""
        return (*self._shown(job), job.id)

    async def follow(self, job_id: str | None) -> AsyncIterator[tuple[Any, ...]]:
        """Show how far a job is until it has ended."""
        import gradio

        job = self._desk.get(job_id) if job_id else None
        if job is None:
            gone = "This result has been removed; restore the photo again." if job_id else ""
            yield (error_html(gone) if gone else gradio.skip()), gradio.skip(), _button(False), ""
            return
        last: tuple[Any, ...] | None = None
        while True:
            ended = job.ended
            shown = self._shown(job)
            if shown[:2] != last:
                last = shown[:2]
                yield (*shown, job.id)
            if ended:
                return
            await asyncio.sleep(_POLL_SECONDS)

    def cancel(self, job_id: str | None) -> None:
        """Stop the job; who follows it shows that."""
        job = self._desk.get(job_id) if job_id else None
        if job is not None and not job.ended:
            self._desk.cancel(job)

    def _shown(self, job: Job) -> tuple[Any, ...]:
        status = status_html(job, self._desk.position(job))
        return status, result_html(job), _button(not job.ended)


def _upload(path: str) -> Upload:
    return Upload(name=Path(path).name, path=Path(path))


def _button(active: bool) -> Any:
    import gradio

    return gradio.Button(interactive=active)
