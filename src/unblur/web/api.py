"""The HTTP interface: send photos, ask how far they are, fetch the results."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from unblur.errors import MissingExtraError, OptionError, TargetError, UnblurError
from unblur.web.jobs import Job, Upload
from unblur.web.options import BusyError, TooLargeError, Wish

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from unblur.web.desk import Desk

TYPES: Final = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".gif": "image/gif",
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".webm": "video/webm",
    ".zip": "application/zip",
}
"""No other type is ever named: what people upload must not become a page of this server."""
_POLL_SECONDS: Final = 0.1
_LONGEST_WAIT: Final = 60.0
_FIELDS: Final = frozenset({"photo", "reference", "model", "strength", "guard", "reference_is"})
_TRUE: Final = {"true": True, "1": True, "on": True, "false": False, "0": False, "off": False}


def routes(desk: "Desk") -> list["Route"]:
    """The addresses of the interface; docs/web-server.md describes them.

    Args:
        desk: Where jobs are taken.
    """
    from starlette.routing import Route

    api = _Api(desk)
    job, photo = "/api/jobs/{job}", "/api/jobs/{job}/photos/{index:int}/{kind}"
    return [
        Route("/api/restore", api.restore, methods=["POST"]),
        Route("/api/jobs", api.submit, methods=["POST"]),
        Route(job, api.look, methods=["GET"]),
        Route(job, api.cancel, methods=["DELETE"]),
        Route(f"{job}/result", api.result, methods=["GET"]),
        Route(photo, api.photo, methods=["GET"]),
        Route("/api/jobs/{job}/photos/{index:int}/again", api.again, methods=["POST"]),
    ]


class _Api:
    """One method for each address."""

    def __init__(self, desk: "Desk") -> None:
        self._desk = desk

    async def restore(self, request: "Request") -> "Response":
        """Take photos, wait, answer with the result."""
        try:
            job = await self._take(request)
        except (UnblurError, OSError) as error:
            return _failed(error)
        try:
            while not job.ended:
                await asyncio.sleep(_POLL_SECONDS)
                if await request.is_disconnected():
                    self._desk.cancel(job)
        except asyncio.CancelledError:
            self._desk.cancel(job)
            raise
        if job.result is None:
            return _json({"error": job.error or job.state, "job": job.facts()}, 422)
        return _file(job.result, download=True)

    async def submit(self, request: "Request") -> "Response":
        """Take photos, answer at once."""
        try:
            job = await self._take(request)
        except (UnblurError, OSError) as error:
            return _failed(error)
        return _json(job.facts(self._desk.position(job)), 202)

    async def look(self, request: "Request") -> "Response":
        """How far a job is; with ``?wait=SECONDS`` not before it has ended, or so long."""
        job = self._desk.get(request.path_params["job"])
        if job is None:
            return _unknown()
        try:
            left = min(_LONGEST_WAIT, float(request.query_params.get("wait", 0)))
        except ValueError:
            return _json({"error": "wait must be a number of seconds"}, 400)
        while left > 0 and not job.ended:
            await asyncio.sleep(_POLL_SECONDS)
            left -= _POLL_SECONDS
        return _json(job.facts(self._desk.position(job)))

    async def again(self, request: "Request") -> "Response":
        """Restore a photo of a job that is done once more, with another strength."""
        job = self._desk.get(request.path_params["job"])
        index = request.path_params["index"]
        if job is None or index >= len(job.parts):
            return _unknown()
        try:
            async with _closing(await request.form(max_files=1, max_fields=1)) as form:
                if set(form) != {"strength"}:
                    raise OptionError("strength is needed, and nothing else, from 0 to 1")
                strength = _wish({"strength": str(form["strength"])}).strength
            new = await asyncio.to_thread(self._desk.again, job, index, strength)
        except (UnblurError, OSError) as error:
            return _failed(error)
        return _json(new.facts(self._desk.position(new)), 202)

    async def cancel(self, request: "Request") -> "Response":
        """Stop a job, and remove its files."""
        job = self._desk.get(request.path_params["job"])
        if job is None:
            return _unknown()
        self._desk.cancel(job)
        return _json(job.facts())

    async def result(self, request: "Request") -> "Response":
        """The restored photo, the video, or a zip of several photos."""
        job = self._desk.get(request.path_params["job"])
        if job is None:
            return _unknown()
        if job.result is None:
            return _json({"error": job.error or f"no result: the job is {job.state}"}, 409)
        return _file(job.result, download=True)

    async def photo(self, request: "Request") -> "Response":
        """One photo: ``source``, ``result``; ``before``, ``after``, ``clip`` to be shown."""
        job = self._desk.get(request.path_params["job"])
        index, kind = request.path_params["index"], request.path_params["kind"]
        if job is None or index >= len(job.parts):
            return _unknown()
        part = job.parts[index]
        if kind == "source":
            return _file(job.folder / "in" / part.name, download=True)
        if job.state != "done":
            return _unknown()
        shown = {"before": part.before, "after": part.after, "clip": part.clip}
        path = {"result": part.file, **shown}.get(kind)
        if path is None:
            return _unknown()
        return _file(job.folder / path, download=kind == "result")

    async def _take(self, request: "Request") -> Job:
        from starlette.datastructures import UploadFile
        from starlette.exceptions import HTTPException

        self._desk.check_room()
        most = self._desk.options.most_photos + 1
        try:
            form = await request.form(max_files=most, max_fields=20)
        except HTTPException as error:
            raise OptionError(f"the form cannot be read: {error.detail}") from error
        async with _closing(form):
            if unknown := sorted(set(form) - _FIELDS):
                known = ", ".join(sorted(_FIELDS))
                raise OptionError(f"unknown field {unknown[0]!r}; known: {known}")
            photos = [x for x in form.getlist("photo") if isinstance(x, UploadFile)]
            second = [x for x in form.getlist("reference") if isinstance(x, UploadFile)]
            if len(second) > 1:
                raise OptionError(f"one reference serves all photos of a job, got {len(second)}")
            wish = _wish(
                {key: value for key, value in form.multi_items() if isinstance(value, str)}
            )
            return await asyncio.to_thread(self._submit, photos, wish, second)

    def _submit(self, photos: list[Any], wish: Wish, second: list[Any]) -> Job:
        import shutil
        import tempfile

        with tempfile.TemporaryDirectory(dir=self._desk.folder.uploads) as folder:
            uploads = []
            for index, sent in enumerate([*photos, *second]):
                path = Path(folder, str(index))
                with path.open("wb") as file:
                    shutil.copyfileobj(sent.file, file)
                uploads.append(Upload(name=sent.filename or "photo", path=path))
            reference = uploads[len(photos)] if second else None
            return self._desk.submit(uploads[: len(photos)], wish, reference)


def _wish(fields: dict[str, str]) -> Wish:
    known: dict[str, Any] = {}
    for name, value in fields.items():
        if name in {"photo", "reference"}:
            raise OptionError(f"{name} must be a file: curl -F {name}=@photo.jpg")
        if name == "strength":
            try:
                known[name] = float(value)
            except ValueError as error:
                raise OptionError(f"strength must be from 0 to 1, got {value!r}") from error
        elif name == "guard":
            if value.lower() not in _TRUE:
                raise OptionError(f"guard must be true or false, got {value!r}")
            known[name] = _TRUE[value.lower()]
        else:
            known[name] = value
    return Wish(**known)


@asynccontextmanager
async def _closing(form: Any) -> AsyncIterator[Any]:
    try:
        yield form
    finally:
        await form.close()


def _failed(error: Exception) -> "Response":
    if isinstance(error, TooLargeError):
        raise error  # the guard answers
    if isinstance(error, BusyError):
        return _json({"error": str(error)}, 503, {"retry-after": "60"})
    statuses = {OptionError: 400, MissingExtraError: 501, TargetError: 507}
    status = next((code for kind, code in statuses.items() if isinstance(error, kind)), 500)
    text = str(error) if isinstance(error, UnblurError) else "the upload cannot be kept"
    return _json({"error": text}, status)


def _unknown() -> "Response":
    text = "there is no such job or picture, or it has been deleted after a while"
    return _json({"error": text}, 404)


def _json(facts: dict[str, Any], status: int = 200, headers: Any = None) -> "Response":
    from starlette.responses import JSONResponse

    return JSONResponse(facts, status, headers)


def _file(path: Path, *, download: bool) -> "Response":
    from starlette.responses import FileResponse

    kind = TYPES.get(path.suffix.lower(), "application/octet-stream")
    headers = {"cache-control": "private, max-age=600"}
    if download:
        plain = path.name.encode("ascii", "replace").decode().replace("?", "_")
        headers["content-disposition"] = (
            f"attachment; filename=\"{plain}\"; filename*=utf-8''{quote(path.name)}"
        )
    if not path.is_file():
        return _unknown()
    return FileResponse(path, media_type=kind, headers=headers)
