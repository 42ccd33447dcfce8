"""Serve until somebody stops it."""

import os
import signal
import socket
import tempfile
from collections.abc import Callable
from contextlib import suppress

from unblur.errors import OptionError
from unblur.extras import need
from unblur.web.folder import ServerFolder
from unblur.web.options import ServeOptions


def serve(options: ServeOptions, tell: Callable[[str], None]) -> None:
    """Serve the page and the HTTP interface until the process is asked to end.

    This is for a process that does nothing else: what is uploaded must be written nowhere but to
    the private folder, so temporary files of the whole process go there.

    Args:
        options: Where to listen, and the limits.
        tell: Called with a line for people: the address once it can be opened.

    Raises:
        MissingExtraError: If what the extra `web` brings is not installed.
        OptionError: If the address cannot be listened on.
    """
    need("web", "uvicorn")
    import uvicorn

    with _listen(options) as listener:
        folder = ServerFolder()
        if folder.removed:
            tell(f"removed what {folder.removed} killed server(s) left")
        try:
            tempfile.tempdir = str(folder.scratch)
            from unblur.web.app import make_app
            from unblur.web.desk import Desk

            desk = Desk(folder, options)
            try:
                app = make_app(desk)
                config = uvicorn.Config(
                    app,
                    log_level="warning",
                    access_log=False,
                    server_header=False,
                    timeout_graceful_shutdown=2,
                    lifespan="on",
                )
                host, port = listener.getsockname()[:2]
                shown = f"[{host}]" if ":" in host else host
                tell(f"http://{shown}:{port}/  (Ctrl-C ends it)")
                # uvicorn sends itself again the signal that ended it: here it must not kill.
                signal.signal(signal.SIGTERM, lambda *_: None)
                with suppress(KeyboardInterrupt):
                    uvicorn.Server(config).run(sockets=[listener])
            finally:
                desk.close()
        finally:
            folder.close()


def _listen(options: ServeOptions) -> socket.socket:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name != "nt":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((options.host, options.port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise OptionError(
            f"cannot listen on {options.host}:{options.port} ({error.strerror or error}); "
            "another --port may be free, 0 takes any"
        ) from error
    return listener
