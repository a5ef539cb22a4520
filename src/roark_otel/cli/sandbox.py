"""`roark-otel sandbox`: a local Roark as a process."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from roark_otel.cli.command import Command
from roark_otel.cli.problems import INTERRUPTED, Problem, extras

if TYPE_CHECKING:
    import argparse

_BANNER = """\
A local Roark is at {url}

Give your app these, and its calls arrive here:

  export ROARK_API_KEY={key}
  export ROARK_BASE_URL={url}
  export ROARK_RECORDING_URL_TEMPLATE={url}/recordings/{{external_id}}.wav

What has arrived: curl -H "Authorization: Bearer {key}" {url}/v1/call
"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default: %(default)s, this machine only)")
    parser.add_argument("--port", type=int, default=4319, help="the port (default: %(default)s; 0: any that is free)")
    parser.add_argument("--store", metavar="DIR", help="keep calls here from one run to the next (default: in memory)")
    parser.add_argument("--api-key", metavar="KEY", help="the one key that is accepted (default: any)")


def _run(options: argparse.Namespace) -> int:
    """Runs a sandbox until it is stopped."""
    with extras():
        from roark_otel.sandbox import serve
        from roark_otel.sandbox.listening import listen, url_of
    try:
        # Asked first: a port that is taken is told without a greeting, and one that was left open is known.
        with listen(options.host, options.port) as listener:
            url, port = url_of(listener), listener.getsockname()[1]
        print(_BANNER.format(url=url, key=options.api_key or "anything"), flush=True)
        serve(options.host, port, options.store, options.api_key)
    except OSError as fault:
        told = fault.strerror or str(fault)
        raise Problem(_unusable(fault.filename, told) if fault.filename else told) from fault
    except sqlite3.Error as fault:
        raise Problem(_unusable(options.store, str(fault))) from fault
    # It ends with Ctrl-C, or by another signal that ends the process too.
    return INTERRUPTED


def _unusable(store: str, why: str) -> str:
    return f"the store {store} cannot be used: {why}"


SANDBOX = Command("sandbox", "run a local Roark to develop against: no account, no network", _add_arguments, _run)
