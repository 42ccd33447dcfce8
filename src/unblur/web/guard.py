"""What stands before every request: the password, the size, and who may ask at all."""

import asyncio
import base64
import ipaddress
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

from unblur.web.options import ServeOptions, TooLargeError

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_HEADERS: Final = (
    # The browser itself refuses to fetch anything from elsewhere.
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        b"media-src 'self' blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        b"frame-ancestors 'self'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
_SPARE_BYTES: Final = 100_000
"""For what a form has beside its files."""
_DRAIN_SECONDS: Final = 20.0
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """Lets through to an application what may pass.

    Args:
        app: The application.
        options: Password and largest upload.
    """

    def __init__(self, app: App, options: ServeOptions) -> None:
        self._app, self._options = app, options
        self._most = options.most_bytes + _SPARE_BYTES
        self._local = _is_loopback(options.host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # the page needs no websocket
        headers = dict(scope["headers"])
        refused = self._refused(scope, headers)
        if refused is not None:
            status, text, more = refused
            await _drain(receive)
            await _answer(send, status, text, more)
            return
        got, started, too_large = 0, False, False

        async def counted() -> Message:
            nonlocal got, too_large
            message = await receive()
            got += len(message.get("body", b""))
            if got > self._most:  # its header did not say so
                too_large = True
                raise TooLargeError(self._too_large())
            return message

        async def sealed(message: Message) -> None:
            nonlocal started
            if too_large and not started:
                return  # what the application makes of it is not to the point
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        try:
            await self._app(scope, counted, sealed)
        except Exception:
            if not too_large:
                raise
        if too_large and not started:
            await _drain(receive)
            await _answer(send, 413, self._too_large())

    def _refused(
        self, scope: Scope, headers: dict[bytes, bytes]
    ) -> tuple[int, str, tuple[tuple[bytes, bytes], ...]] | None:
        host = headers.get(b"host", b"").decode("latin-1")
        if self._local and not self._is_ours(urlsplit(f"//{host}").hostname or ""):
            # A page elsewhere that has its name point to this machine would come so.
            what = f"this server is for this machine only, not for {host!r} (see --name)"
            return 403, what, ()
        origin = headers.get(b"origin", b"").decode("latin-1")
        if scope["method"] not in _READING and origin and urlsplit(origin).netloc != host:
            return 403, f"a page of {origin} may not use this server", ()
        if not self._may(headers.get(b"authorization", b"")):
            ask = (b"www-authenticate", b'Basic realm="unblur", charset="UTF-8"')
            return 401, "user and password are needed", (ask,)
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._most:
            return 413, self._too_large(), ()
        return None

    def _is_ours(self, name: str) -> bool:
        return _is_loopback(name) or name == (self._options.name or "").lower() != ""

    def _may(self, given: bytes) -> bool:
        if self._options.auth is None:
            return True
        kind, _, code = given.partition(b" ")
        if kind.lower() != b"basic":
            return False
        try:
            found = base64.b64decode(code.strip(), validate=True)
        except ValueError:
            return False
        return secrets.compare_digest(found, self._options.auth.encode())

    def _too_large(self) -> str:
        return f"the upload is larger than {self._options.max_mb:g} MB, the limit here"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


async def _drain(receive: Receive) -> None:
    """Read what is still sent, and keep nothing of it: who sends does not listen till then."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            message = await receive()
            while message["type"] == "http.request" and message.get("more_body"):
                message = await receive()


async def _answer(
    send: Send, status: int, text: str, more: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    import json

    body = json.dumps({"error": text}).encode()
    head = (
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    )
    await send({"type": "http.response.start", "status": status, "headers": [*head, *more]})
    await send({"type": "http.response.body", "body": body})
