"""WSGI servers: workers that are forked, recycled and stopped right after the last answer lose no call."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hosts.hosting import BIN, INSTRUMENTED, environment, found, free_port, get, running, serves

if TYPE_CHECKING:
    from roark_otel.sandbox import Sandbox

CALLS = [f"call-{n}" for n in range(4)]
GUNICORN = {
    "sync": ["-w", "2"],
    "sync, preload": ["-w", "2", "--preload"],
    "sync, recycled": ["-w", "1", "--max-requests", "1"],
    "gthread, preload": ["-k", "gthread", "--threads", "4", "-w", "2", "--preload"],
    "gthread, preload, recycled": ["-k", "gthread", "--threads", "4", "--preload", "--max-requests", "2"],
    "gevent": ["-k", "gevent", "-w", "2"],
    "gevent, preload": ["-k", "gevent", "--preload"],
    "gevent, recycled": ["-k", "gevent", "--max-requests", "2"],
}
EVENTLET = {"alone": [], "preload": ["--preload"], "recycled": ["--max-requests", "2"]}
OLD_GUNICORN = Path(sys.prefix) / "gunicorn-23"
"""The newest has no worker of eventlet any more."""
UWSGI = {
    "prefork": ["--processes", "2", "--enable-threads"],
    "lazy": ["--processes", "1", "--enable-threads", "--lazy-apps"],
    "recycled": ["--processes", "1", "--enable-threads", "--max-requests", "4", "--min-worker-lifetime", "0"],
}


def serve_and_stop(sandbox: Sandbox, folder: Path, port: int, command: list[str], **more: str) -> list[str]:
    """Has a server answer four calls, ends it at once, and returns the calls that came of it."""
    env = environment(sandbox.url, folder, PYTHONWARNINGS="ignore", **more)
    with running(command, folder, env) as host:
        host.until(serves(port))
        for call in CALLS:
            host.until(lambda call=call: get(port, call) == "ok")  # type: ignore[misc]
        assert get(port, "ping") == "ok", host.output
        host.end()
    return found(sandbox, env)


@pytest.mark.parametrize("options", GUNICORN.values(), ids=GUNICORN)
@pytest.mark.parametrize("by", ["instrumented", "configured"])
def test_gunicorn(sandbox: Sandbox, tmp_path: Path, by: str, options: list[str]) -> None:
    port = free_port()
    gunicorn = [str(BIN / "gunicorn"), "wsgi_app:app", "-b", f"127.0.0.1:{port}", *options]
    command, more = ([*INSTRUMENTED, *gunicorn], {"INSTRUMENTED": "1"}) if by == "instrumented" else (gunicorn, {})
    assert serve_and_stop(sandbox, tmp_path, port, command, **more) == CALLS


@pytest.mark.skipif(not OLD_GUNICORN.exists(), reason="`make test-hosts` installs a gunicorn with a worker of eventlet")
@pytest.mark.parametrize("options", EVENTLET.values(), ids=EVENTLET)
@pytest.mark.parametrize("by", ["instrumented", "configured"])
def test_gunicorn_with_eventlet(sandbox: Sandbox, tmp_path: Path, by: str, options: list[str]) -> None:
    port = free_port()
    gunicorn = [sys.executable, "-m", "gunicorn", "wsgi_app:app", "-b", f"127.0.0.1:{port}", "-k", "eventlet", *options]
    more = {"PYTHONPATH": os.pathsep.join([str(OLD_GUNICORN), os.environ.get("PYTHONPATH", "")])}
    command = [*INSTRUMENTED, *gunicorn] if by == "instrumented" else gunicorn
    more |= {"INSTRUMENTED": "1"} if by == "instrumented" else {}
    assert serve_and_stop(sandbox, tmp_path, port, command, **more) == CALLS


@pytest.mark.skipif(not (BIN / "uwsgi").exists(), reason="uWSGI could not be built in this environment")
@pytest.mark.parametrize("options", UWSGI.values(), ids=UWSGI)
def test_uwsgi(sandbox: Sandbox, tmp_path: Path, options: list[str]) -> None:
    port = free_port()
    uwsgi = shutil.which("uwsgi", path=str(BIN))
    assert uwsgi is not None
    command = [
        uwsgi,
        "--http-socket",
        f"127.0.0.1:{port}",
        "--wsgi-file",
        "wsgi_app.py",
        "--callable",
        "app",
        "--master",
    ]
    command += ["--die-on-term", "--home", str(BIN.parent), *options]
    assert serve_and_stop(sandbox, tmp_path, port, command) == CALLS
