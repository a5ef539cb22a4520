"""`roark-otel sandbox`: runs a local Roark as a process."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from roark_otel.cli.command import Command
from roark_otel.cli.problems import INTERRUPTED, USAGE, Problem, extras
from roark_otel_cli import SUMMARIES

if TYPE_CHECKING:
    import argparse

_BANNER = """\
A local Roark runs at {url}

Set these for your app, and its calls arrive here:

  export ROARK_API_KEY={key}
  export ROARK_BASE_URL={url}
  export ROARK_RECORDING_URL_TEMPLATE={url}/recordings/{{external_id}}.wav

With ROARK_EXPORT_TRACES=true their spans arrive too, which needs: pip install "roark-otel[otlp]"

See them as they arrive: {pages}
Where these variables are set, `roark-otel calls list` lists the calls that have arrived.
"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--host", default="127.0.0.1", help="the address to listen on (default: %(default)s, this machine only)"
    )
    parser.add_argument(
        "--port", type=int, default=4319, help="the port to listen on (default: %(default)s; 0: any free port)"
    )
    parser.add_argument("--store", metavar="DIR", help="keep calls in this directory between runs (default: in memory)")
    parser.add_argument("--api-key", metavar="KEY", help="the only key to accept (default: any)")
    parser.add_argument(
        "--fault",
        metavar="STATUS:SHARE",
        action="append",
        default=[],
        help="answer a share of requests with a status, such as 503:0.2; may be given several times",
    )
    parser.add_argument(
        "--allow-host",
        metavar="NAME",
        action="append",
        default=[],
        help="answer requests to this name of the machine too; may be given several times",
    )
    parser.add_argument(
        "--recordings", metavar="DIR", help="the sound of calls: files named by external id, such as call-1.wav"
    )
    parser.add_argument("--latency", metavar="TIME", default="0ms", help="let answers wait, such as 200ms")


def _run(options: argparse.Namespace) -> int:
    """Runs a sandbox until it is stopped."""
    with extras():
        from roark_otel.sandbox import Faults, serve
        from roark_otel.sandbox.access import page_link, page_token
        from roark_otel.sandbox.faults import fault, seconds
        from roark_otel.sandbox.hosts import host_name
        from roark_otel.sandbox.listening import listen, url_of
    try:
        faults = Faults(tuple(map(fault, options.fault)), seconds(options.latency))
    except ValueError as wrong:
        raise Problem(f"--fault or --latency: {wrong}", USAGE) from None
    try:
        allowed = list(map(host_name, options.allow_host))
    except ValueError as wrong:
        raise Problem(f"--allow-host: {wrong}", USAGE) from None
    if options.recordings is not None and not Path(options.recordings).is_dir():
        raise Problem(f"--recordings: {options.recordings} is not a directory", USAGE)
    try:
        # Bind once before the banner: a taken port is reported without it, and port 0 becomes a real number.
        with listen(options.host, options.port) as listener:
            url, port = url_of(listener), listener.getsockname()[1]
        token = page_token(options.host, options.api_key)
        print(_BANNER.format(url=url, key=options.api_key or "anything", pages=page_link(url, token)), flush=True)
        serve(
            options.host,
            port,
            options.store,
            options.api_key,
            faults=faults,
            allow_hosts=allowed,
            recordings=options.recordings,
            token=token,
        )
    except OSError as error:
        why = error.strerror or str(error)
        raise Problem(_unusable(error.filename, why) if error.filename else why) from error
    except sqlite3.Error as error:
        raise Problem(_unusable(options.store, str(error))) from error
    # Only Ctrl-C gets here: uvicorn raises a SIGTERM again after its shutdown, and that ends the process.
    return INTERRUPTED


def _unusable(store: str, why: str) -> str:
    return f"the store {store} cannot be used: {why}"


SANDBOX = Command("sandbox", SUMMARIES["sandbox"], _add_arguments, _run)
