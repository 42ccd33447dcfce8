"""The page and the interface as one application; the page is files, filled in once."""

import json
import mimetypes
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, Final

from unblur.extras import need
from unblur.imaging.photo.sniff import HEIF_ENDINGS, RAW_ENDINGS
from unblur.web.api import routes
from unblur.web.checks import has_extra
from unblur.web.desk import Desk
from unblur.web.guard import Guard
from unblur.web.options import UNSHARP, VIDEO_ENDINGS
from unblur.web.words import time_words
from unblur.weights import WEIGHTS, kept_networks

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

PAGE: Final = Path(__file__).with_name("page")
"""HTML, style, scripts, and a photo to try it with."""
_PLAIN_ENDINGS: Final = (".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif", ".tif", ".tiff")
_WAYS: Final = {
    "fast": "Automatic (usual)",
    "fast-gan": "Crisper; may invent detail",
    "deblurgan-32": "DeblurGAN with 32 channels: to compare",
    UNSHARP: "Classic: raises edges only",
}
_TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


def make_app(desk: Desk) -> Guard:
    """The application: the page at ``/``, the interface at ``/api``, and what stands before them.

    Args:
        desk: Where jobs are taken.

    Raises:
        MissingExtraError: If Starlette is not installed.
    """
    need("web", "starlette")
    from starlette.applications import Starlette
    from starlette.responses import HTMLResponse, Response
    from starlette.routing import Route

    text = page_html(desk)
    files = {path.name: path.read_bytes() for path in PAGE.iterdir() if path.suffix != ".html"}
    # Asked for anew each time: after an update, old scripts must not meet a new page.
    fresh = {"cache-control": "no-cache"}

    async def page(request: "Request") -> "Response":
        return HTMLResponse(text, headers=fresh)

    async def file(request: "Request") -> "Response":
        name = request.path_params["name"]
        if name not in files:
            return Response(status_code=404)
        ending = Path(name).suffix
        kind = _TYPES.get(ending) or mimetypes.guess_type(name)[0]
        return Response(files[name], media_type=kind, headers=fresh)

    pages = [Route("/", page), Route("/page/{name}", file)]
    return Guard(Starlette(routes=[*pages, *routes(desk)]), desk.options)


def page_html(desk: Desk) -> str:
    """The page, with what this server takes filled in.

    Args:
        desk: Where jobs are taken.
    """
    options = desk.options
    video, second_shot = has_extra("video"), has_extra("reference")
    endings = list(_PLAIN_ENDINGS)
    kinds = ["JPEG", "PNG", "WebP", "AVIF", "GIF", "TIFF"]
    for extra, more, name in (("heif", HEIF_ENDINGS, "HEIC"), ("raw", RAW_ENDINGS, "camera raw")):
        if has_extra(extra):
            endings += more
            kinds.append(name)
    photos = ", ".join(endings)
    formats = takes = f"{', '.join(kinds[:-1])} or {kinds[-1]}"
    if video:
        endings += sorted(VIDEO_ENDINGS)
        takes += "; or one short video: MP4, MOV, MKV, AVI or WebM"
    ways = [*WEIGHTS, *kept_networks(), *([UNSHARP] if has_extra("bench") else ())]
    facts: dict[str, Any] = {
        "mostBytes": options.most_bytes,
        "mostPhotos": options.most_photos,
        "videos": sorted(VIDEO_ENDINGS),
        "takesVideos": video,
        "endings": endings,
        "formats": formats,
    }
    return Template((PAGE / "page.html").read_text(encoding="utf-8")).substitute(
        accept=escape(", ".join(endings), quote=True),
        accept_photos=escape(photos, quote=True),
        formats=escape(takes),
        limits=escape(
            f"Up to {options.most_photos} photos, {options.max_mb:g} MB together, "
            f"{options.max_megapixels:g} megapixels each."
        ),
        keep=escape(time_words(options.keep_s)),
        ways="".join(
            f'<option value="{escape(way, quote=True)}">{escape(_WAYS.get(way, way))}</option>'
            for way in ways
        ),
        second_shot="" if second_shot else "hidden",
        facts=escape(json.dumps(facts), quote=True),
    )
