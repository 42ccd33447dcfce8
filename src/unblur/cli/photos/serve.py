"""`unblur serve`: the page and the HTTP interface."""

from typing import Annotated

import typer

from unblur.cli import flags
from unblur.cli.terminal import say


def serve(  # noqa: PLR0913, PLR0917 - the flags of a command
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0: all, for others, too.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 7860,
    name: Annotated[
        str | None,
        typer.Option(help="Answer under this name, too: that of a proxy on this machine."),
    ] = None,
    auth: Annotated[
        str | None,
        typer.Option(
            metavar="USER:PASSWORD",
            envvar="UNBLUR_AUTH",
            help="Ask for these. Other users of this machine see what stands on a command line; "
            "the variable UNBLUR_AUTH is not seen.",
        ),
    ] = None,
    queue: Annotated[int, typer.Option(help="Jobs that may wait; more are turned away.")] = 16,
    max_mb: Annotated[float, typer.Option(help="Size of one upload, in MB.")] = 100.0,
    max_megapixels: flags.MaxMegapixels = 50.0,
    time_limit: Annotated[
        str, typer.Option(metavar="TIME", help="Stop a job that takes longer: 90s, 10m, 1h.")
    ] = "10m",
    device: flags.Device = "auto",
    keep: Annotated[
        str, typer.Option(metavar="TIME", help="Delete results so long after they were made.")
    ] = "1h",
) -> None:
    """Serve a page to restore photos in a browser.

    And an HTTP interface; needs the extra `web`. Listens on this machine only unless --host says
    otherwise. Asks nothing of the internet.
    """
    from unblur.web.options import ServeOptions, read_seconds
    from unblur.web.server import serve as run

    options = ServeOptions(
        host=host,
        port=port,
        name=name,
        auth=auth,
        queue=queue,
        max_mb=max_mb,
        max_megapixels=max_megapixels,
        time_limit_s=read_seconds(time_limit),
        keep_s=read_seconds(keep),
        device=device,
    )
    run(options, lambda line: say(f"unblur: {line}", err=True))
