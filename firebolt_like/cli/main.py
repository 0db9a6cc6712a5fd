"""The `firebolt-like` command.

What may live here: the commands and what they print. What they do is in the package.
"""

import contextlib
import signal
from pathlib import Path
from typing import Annotated

import typer

from firebolt_like import __version__
from firebolt_like.errors import ConfigurationError
from firebolt_like.local.server import LocalServer

__all__ = ["app"]

app = typer.Typer(help="An SDK for SQL warehouses, and its embedded engine.", no_args_is_help=True)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"firebolt-like {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Options that stand before the command."""


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="The port to listen on; 0 takes a free one.")] = 3473,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    database: Annotated[
        Path | None, typer.Option(help="A DuckDB file; without it, data is in memory.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(help="A folder that keeps databases, engines and service accounts."),
    ] = None,
    user: Annotated[
        str | None, typer.Option(help="A user name: requests then need a login.")
    ] = None,
    password: Annotated[
        str | None,
        typer.Option(help="The user's password.", envvar="FIREBOLT_LIKE_PASSWORD"),
    ] = None,
    flight_port: Annotated[
        int | None,
        typer.Option(help="Speak Arrow Flight on this port, too; 0 takes a free one."),
    ] = None,
    flight_certificate: Annotated[
        Path | None, typer.Option(help="Speak Flight by TLS, with this certificate chain in PEM.")
    ] = None,
    flight_key: Annotated[
        Path | None, typer.Option(help="The private key of --flight-certificate, in PEM.")
    ] = None,
) -> None:
    """Serve the embedded engine until Ctrl-C."""
    if (user is None) != (password is None):
        raise typer.BadParameter("Give --user and --password (or FIREBOLT_LIKE_PASSWORD) together.")
    if (flight_certificate is None) != (flight_key is None):
        raise typer.BadParameter("Give --flight-certificate and --flight-key together.")
    tls = None
    if flight_certificate is not None and flight_key is not None:
        tls = flight_certificate, flight_key
    users = {user: password} if user is not None and password is not None else {}
    try:
        server = LocalServer(
            database,
            folder=folder,
            host=host,
            port=port,
            users=users,
            flight_port=flight_port,
            flight_tls=tls,
        )
        server.start()
    except ConfigurationError as error:
        typer.echo(" ".join(filter(None, (str(error), error.hint))), err=True)
        raise typer.Exit(2) from error
    where = f"in {database or folder}" if database or folder else "in memory"
    try:
        # SIGTERM ends it as Ctrl-C does
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with contextlib.suppress(KeyboardInterrupt):
            # whoever waits for this line may end the command as soon as it is there
            urls = server.url if flight_port is None else f"{server.url} and {server.flight_url}"
            typer.echo(f"Embedded engine (DuckDB), data {where}: {urls} - Ctrl-C ends it.")
            server.wait()
    finally:
        server.stop()
