"""`LocalServer`: the embedded engine behind a socket, in a thread of its own.

What may live here: the server's life. DuckDB, Starlette and uvicorn are imported when a server
starts, not before.
"""

import asyncio
import atexit
import ipaddress
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import anyio
import anyio.to_thread

from firebolt_like.errors import ConfigurationError
from firebolt_like.local.configuration import (
    Account,
    choose_accounts,
    choose_databases,
    choose_engines,
)
from firebolt_like.local.faults import Fault, Faults, What, When
from firebolt_like.local.flight.face import FlightFace
from firebolt_like.local.tokens import Gate

if TYPE_CHECKING:
    from firebolt_like.local.app import Application
    from firebolt_like.local.running import RunningQuery

__all__ = ["LocalServer"]


class LocalServer:
    """The embedded engine, DuckDB, on a port of this machine: a context manager, sync and async.

    * `database`: a file, or None for memory; its name in SQL is `firebolt`. Or `databases`: names
      and files (None for memory), or names alone; the first is the default one.
    * `folder`: where databases that have no file of their own are kept, and what is said in SQL and
      REST of databases, engines and service accounts; the next server finds it there. Without it
      they are in memory.
    * `readable`: folders whose files statements of all accounts may read (never write), such as
      `SELECT * FROM read_csv('/folder/file.csv')`. No other file can be reached.
    * `engines`: names, or names and the database whose default engine each is; a database without
      one gets one.
    * `users` (V1 login: name and password), `service_accounts` (id and secret), `accounts`: names,
      or `Account`s with databases, engines and logins of their own. What is given beside them
      belongs to the first account, which is the default one. `token` is a fixed bearer token, good
      for all accounts. With none of users, service_accounts and token, everyone may ask, as on
      Core; the server then listens on loopback only.
    * `token_lifetime` in seconds of `clock`; `engine_delay`: seconds of `clock` that an engine is
      STARTING or STOPPING; `transaction_idle`: seconds after which an idle
      transaction is rolled back; `workers`: how many statements run at once; `queue`: how many
      queries may wait, for them or for their clients, before others are answered 429;
      `max_body`: bytes of a request, decompressed; `compress`: whether answers go out in gzip or
      zstd to clients that accept it (None: to those of other machines).
    * `flight_port`: speak Arrow Flight on this port, too (0 takes a free one), at `flight_url`;
      `flight_tls`: by TLS, with a certificate chain and its private key, files in PEM.

    Raises `ConfigurationError` for arguments that contradict each other, a file that cannot be
    opened, an address that cannot be bound, and a missing `local` extra.

    >>> with LocalServer() as server:
    ...     server.url.startswith("http://127.0.0.1:")
    True
    """

    def __init__(
        self,
        database: str | os.PathLike[str] | None = None,
        *,
        databases: Mapping[str, str | os.PathLike[str] | None] | Sequence[str] | None = None,
        engines: Mapping[str, str] | Sequence[str] | None = None,
        users: Mapping[str, str] | None = None,
        service_accounts: Mapping[str, str] | None = None,
        accounts: Sequence[str | Account] = ("embedded",),
        folder: str | os.PathLike[str] | None = None,
        readable: Sequence[str | os.PathLike[str]] = (),
        token: str | None = None,
        token_lifetime: float = 3600,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], float] = time.time,
        engine_delay: float = 0,
        transaction_idle: float = 300,
        workers: int = 16,
        queue: int = 1000,
        max_body: int = 64_000_000,
        compress: bool | None = None,
        flight_port: int | None = None,
        flight_tls: tuple[str | os.PathLike[str], str | os.PathLike[str]] | None = None,
    ) -> None:
        if database is not None:
            databases = choose_databases(database, databases)
        first = Account("", databases, engines, users or {}, service_accounts or {})
        self.accounts = choose_accounts(accounts, first)
        self.databases = choose_databases(None, self.accounts[0].databases)
        for account in self.accounts:
            choose_engines(account.engines, tuple(choose_databases(None, account.databases)))
        self.folder = None if folder is None else Path(folder)
        self.readable = _folders(readable)
        self.host = host
        self.port = port
        self.token = token
        self._gate = Gate(self.accounts, token, token_lifetime, clock)
        self._clock = clock
        self._engine_delay = engine_delay
        self._transaction_idle = transaction_idle
        self._workers = workers
        self._queue = queue
        self._max_body = max_body
        self._compress = compress
        self._starts_flight = flight_port is not None
        self._flight = FlightFace(host, flight_port or 0, flight_tls)
        self._faults = Faults()
        self._running: _Running | None = None
        if self._gate.is_open and not _is_loopback(host):
            raise ConfigurationError(
                f"A server without credentials may not listen on {host}: everyone could use it.",
                hint="Give users=, service_accounts= or token=, or listen on 127.0.0.1.",
            )

    def __repr__(self) -> str:
        state = self.url if self._running else "not running"
        return f"<LocalServer {state}, databases {', '.join(self.databases)}>"

    @property
    def url(self) -> str:
        """`http://host:port`, as clients on this machine write it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104  # compared, not bound
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def flight_url(self) -> str:
        """`grpc://host:port`, or `grpc+tls://host:port`. `ConfigurationError` without Flight."""
        url = self._flight.url
        if url is None:
            raise ConfigurationError(
                "The server does not speak Flight.",
                hint="LocalServer(flight_port=0) does, and start_flight() lets a running one do.",
            )
        return url

    def start_flight(self) -> str:
        """Let a running server speak Flight, too, if it does not, and give `flight_url`.

        Raises `ConfigurationError` for a server that does not run, and as `start`.
        """
        if self._running is None:
            raise ConfigurationError("The server is not running: start() it first.")
        self._running.application.start_flight()
        return self.flight_url

    def start(self) -> None:
        """Start it; when this returns, clients can connect."""
        if self._running is not None:
            raise ConfigurationError(f"The server is already running at {self.url}.")
        listener = self._listen()
        try:
            application = self._make_application()
        except BaseException:
            listener.close()
            raise
        self.port = listener.getsockname()[1]
        self._running = _Running(application, self._faults, listener)
        if self._starts_flight:
            try:
                self.start_flight()
            except BaseException:
                self.stop()
                raise

    def stop(self) -> None:
        """Stop it: what runs is cancelled, open transactions are rolled back. Again: nothing."""
        running, self._running = self._running, None
        if running is not None:
            self._faults.stop()
            running.stop()

    def wait(self) -> None:
        """Wait until another thread stops it, or Ctrl-C (KeyboardInterrupt) comes."""
        if self._running is not None:
            self._running.wait()

    def running_queries(self) -> "list[RunningQuery]":
        """List the statements that are waiting or running now, oldest first."""
        return [] if self._running is None else self._running.application.running.snapshot()

    def fault(
        self,
        what: What,
        *,
        when: When | None = None,
        path: str | None = None,
        sql: str | None = None,
        times: int | None = 1,
        share: float = 1.0,
        seed: int = 0,
        retry_after: float | None = None,
    ) -> Fault:
        """Make the next requests fail on purpose: the next one, unless told otherwise.

        `what` happens:

        * `"drop"`: the connection is closed `when="before"` the request is run (the default),
          `"after"` it was run and before anything is answered, or `"during"` the answer: its head
          and half of the first piece of its body are sent;
        * `"stall"`: nothing goes on, at the same three moments, until the fault is removed;
        * `"cut"`: the answer ends after half of the first piece of its body, as if it were whole;
        * a status of 4xx or 5xx: it is answered, with `Retry-After: retry_after` (seconds) if that
          is given, instead of running the request, or, with `when="after"`, after it was run.

        It strikes requests whose path is `path` (`*` stands for any text) and whose body contains
        `sql` (in any case), `times` times (None: until it is removed), each with the probability
        `share`: the same ones in every run with the same `seed`. Of several faults, the oldest
        that fits strikes. It may be called at any time, from any thread, and the fault is removed
        by `remove()`, or by leaving it as a context manager.

        Raises `ConfigurationError` for arguments that make no sense.

        >>> import httpx
        >>> with LocalServer() as server, server.fault(503, sql="insert", retry_after=0) as fault:
        ...     [httpx.post(server.url, content="INSERT INTO t VALUES (1)").status_code, fault.hits]
        [503, 1]
        """
        fault = Fault(
            what,
            when=when,
            path=path,
            sql=sql,
            times=times,
            share=share,
            seed=seed,
            retry_after=retry_after,
        )
        return self._faults.add(fault)

    def _make_application(self) -> "Application":
        try:
            import uvicorn  # noqa: F401, PLC0415  # of the `local` extra, and slow to import

            from firebolt_like.local.app import Application  # noqa: PLC0415  # as above
        except ImportError as error:
            raise ConfigurationError(
                f"The embedded engine needs the package {error.name!r}.",
                hint='pip install "firebolt_like[local]"',
            ) from error
        return Application(
            self.accounts,
            self._gate,
            folder=self.folder,
            readable=self.readable,
            clock=self._clock,
            engine_delay=self._engine_delay,
            transaction_idle=self._transaction_idle,
            workers=self._workers,
            queue=self._queue,
            max_body=self._max_body,
            compress=self._compress,
            flight=self._flight,
        )

    def _listen(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        # with its protocol named, asyncio turns Nagle's delay off on accepted connections
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            if os.name == "posix":
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self.host, self.port))
            listener.listen(1024)  # from here on clients may connect: they wait for the thread
        except (OSError, OverflowError) as error:
            listener.close()
            raise ConfigurationError(
                f"The server cannot listen on {self.host}, port {self.port}: "
                f"{getattr(error, 'strerror', error)}",
                hint="Choose another port; 0 takes a free one.",
            ) from error
        return listener

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await anyio.to_thread.run_sync(self.start)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self.stop)


def _folders(paths: Sequence[str | os.PathLike[str]]) -> tuple[Path, ...]:
    if isinstance(paths, str):
        raise ConfigurationError(f"readable= wants a list of folders: [{paths!r}].")
    folders = tuple(Path(path).resolve() for path in paths)
    for folder in folders:
        if not folder.is_dir():
            raise ConfigurationError(f"The folder {str(folder)!r} of readable= does not exist.")
    return folders


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Running:
    """A started server: uvicorn in a daemon thread with an event loop of its own."""

    def __init__(self, application: "Application", faults: Faults, listener: socket.socket) -> None:
        import uvicorn  # noqa: PLC0415  # of the `local` extra, and slow to import

        from firebolt_like.local.hanging_up import Protocol  # noqa: PLC0415  # as above

        self.application = application
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                faults.around(application.asgi),
                http=Protocol,
                loop="asyncio",
                ws="none",
                lifespan="off",
                log_config=None,  # the program's own logging stays as it is
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=1,
            )
        )
        self._listener = listener
        self._process = os.getpid()
        self._ended = threading.Event()
        self._thread = threading.Thread(
            target=self._serve, name="firebolt_like-server", daemon=True
        )
        self._thread.start()
        atexit.register(self.stop)  # DuckDB wants to be closed before the interpreter is gone

    def _serve(self) -> None:
        try:
            asyncio.run(self._uvicorn.serve(sockets=[self._listener]))
        finally:
            self._ended.set()

    def wait(self) -> None:
        """Wait for the end; an interrupted `Thread.join` would take the thread for ended."""
        self._ended.wait()

    def stop(self) -> None:
        """End uvicorn, then the engine."""
        atexit.unregister(self.stop)
        if self._process != os.getpid():
            return  # a forked process has neither its threads nor DuckDB's: only the parent ends it
        self._uvicorn.should_exit = True
        self.application.running.stop_all("The query was cancelled: the server was stopped.")
        self._thread.join()
        self._listener.close()
        self.application.close()
