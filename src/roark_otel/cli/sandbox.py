"""`roark-otel sandbox`: runs a local Roark as a process."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from roark_otel.cli.command import Command
from roark_otel.cli.problems import INTERRUPTED, Problem, extras

if TYPE_CHECKING:
    import argparse

_BANNER = """\
A local Roark runs at {url}

Set these for your app, and its calls arrive here:

  export ROARK_API_KEY={key}
  export ROARK_BASE_URL={url}
  export ROARK_RECORDING_URL_TEMPLATE={url}/recordings/{{external_id}}.wav

List the calls that have arrived: curl -H "Authorization: Bearer {key}" {url}/v1/call
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


def _run(options: argparse.Namespace) -> int:
    """Runs a sandbox until it is stopped."""
    with extras():
        from roark_otel.sandbox import serve
        from roark_otel.sandbox.listening import listen, url_of
    try:
        # Bind once before the banner: a taken port is reported without it, and port 0 becomes a real number.
        with listen(options.host, options.port) as listener:
            url, port = url_of(listener), listener.getsockname()[1]
        print(_BANNER.format(url=url, key=options.api_key or "anything"), flush=True)
        serve(options.host, port, options.store, options.api_key)
    except OSError as fault:
        why = fault.strerror or str(fault)
        raise Problem(_unusable(fault.filename, why) if fault.filename else why) from fault
    except sqlite3.Error as fault:
        raise Problem(_unusable(options.store, str(fault))) from fault
    # Only Ctrl-C gets here: uvicorn raises a SIGTERM again after its shutdown, and that ends the process.
    return INTERRUPTED


def _unusable(store: str, why: str) -> str:
    return f"the store {store} cannot be used: {why}"


SANDBOX = Command("sandbox", "run a local Roark to develop against: no account, no network", _add_arguments, _run)
