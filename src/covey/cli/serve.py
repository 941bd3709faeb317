"""`covey serve`: a model that programs call over HTTP, and a page for people."""

from __future__ import annotations

import argparse
import inspect
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from covey.cli.model_file import add_model, add_trusted, load_model
from covey.errors import EngineError, InputError

EXAMPLES = """\
examples:
  covey serve air.covey
  covey serve air.covey --host 0.0.0.0 --port 8080 --workers 4 --token-file token.txt
  curl -d '{"rows": [{"T": 21.5, "RH": 40}]}' http://127.0.0.1:8000/predict

routes: / (the page), /health, /schema, /predict, /score, /metrics, /openapi.json; the Open
Inference Protocol at /v2, and MLflow's at /invocations. SIGTERM and Ctrl-C end the server once
what it accepted is answered.
"""
SECONDS_TO_END = 60


def add(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "serve",
        help="answer requests over HTTP, and show a page",
        description="Load a model, and answer requests over HTTP until stopped. Nothing but the\n"
        "extra `covey[serve]` is needed: no Keras, and no backend.",
        epilog=EXAMPLES,
    )
    add_model(command)
    command.add_argument(
        "--host", default="127.0.0.1", help="the address to listen at (default: %(default)s)"
    )
    command.add_argument(
        "--port", type=int, default=8000, help="the port; 0 is any (default: %(default)s)"
    )
    command.add_argument(
        "--workers", type=int, default=1, metavar="N", help="processes (default: %(default)s)"
    )
    command.add_argument(
        "--token-file", metavar="FILE", help="holds the token that clients must send"
    )
    command.add_argument(
        "--max-rows", type=int, metavar="N", help="rows of a request (default: 100000)"
    )
    command.add_argument(
        "--max-bytes", type=int, metavar="N", help="of a request's body (default: 33554432)"
    )
    command.add_argument(
        "--max-numbers",
        type=int,
        metavar="N",
        help="of the answer to a request (default: 10000000)",
    )
    command.add_argument(
        "--max-seconds",
        type=float,
        metavar="S",
        help="for a request's body, and for the answer (default: 30)",
    )
    command.add_argument("--quiet", action="store_true", help="log no requests, only what is wrong")
    add_trusted(command)
    command.set_defaults(call=call)


@dataclass(frozen=True)
class Start:
    """How each process of a server makes its application; uvicorn hands it from one to another.

    Attributes:
        options: of the command line.
    """

    options: argparse.Namespace

    def __call__(self) -> Any:
        """Load the model, and make the application."""
        from covey.serve import application
        from covey.serve.application import read_token
        from covey.serve.log import log_in_lines

        options = self.options
        log_in_lines(quiet=options.quiet)
        token = None if options.token_file is None else read_token(options.token_file)
        model = load_model(options)
        return application(
            model, name=Path(options.model).stem, token=token, limits=limits(options)
        )


def limits(options: argparse.Namespace) -> Any:
    """The limits that options name."""
    from covey.serve import Limits

    named = ("max_rows", "max_bytes", "max_numbers", "max_seconds")
    given = {name: getattr(options, name) for name in named}
    return Limits(**{name: value for name, value in given.items() if value is not None})


def call(options: argparse.Namespace) -> None:
    """Run the command."""
    try:
        import uvicorn
        from uvicorn.supervisors import Multiprocess
    except ImportError:
        raise EngineError(
            'A server needs uvicorn, which is not installed. Run pip install "covey[serve]".'
        ) from None
    from covey.archive.container import read
    from covey.serve.application import read_token

    limits(options)
    if options.workers < 1:
        raise InputError(f"Expected one or more --workers. Received: {options.workers}.")
    if not 0 <= options.port < 2**16:
        raise InputError(f"Expected a --port from 0 to 65535. Received: {options.port}.")
    start = Start(options)
    one = options.workers == 1
    # what is wrong is said here, not by each process
    application: Any = start() if one else start
    if not one:
        read(options.model)
        if options.token_file is not None:
            read_token(options.token_file)
    config = uvicorn.Config(
        application,
        factory=not one,
        workers=options.workers,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=SECONDS_TO_END,
        backlog=2048,
    )
    listening = _listen(options.host, options.port)
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    print(f"covey: {options.model} is served at http://{shown}:{port}/", flush=True)
    if one:
        uvicorn.Server(config).run(sockets=[listening])
        return
    # up to its version 0.50 uvicorn has to be told what a process runs
    has_target = "target" in inspect.signature(Multiprocess).parameters
    runs: dict[str, Any] = {"target": uvicorn.Server(config).run} if has_target else {}
    Multiprocess(config, **runs, sockets=[listening]).run()


def _listen(host: str, port: int) -> socket.socket:
    """A socket that is bound, or why it cannot be."""
    try:
        # with its protocol: of a socket that lacks it asyncio does not know that it is of TCP, and
        # lets small packets wait for each other, about 40 ms in each answer
        kind = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        found = socket.socket(*kind[0][:3])
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(
            f"Expected to listen at {host}, port {port}. {reason}. Choose others: --host, --port."
        ) from None
    found.set_inheritable(True)
    return found
