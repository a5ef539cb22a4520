"""ASGI servers: SIGTERM right after calls have ended, and in the middle of others, loses none."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import pytest

from hosts.hosting import BIN, SECONDS, environment, found, free_port, running, serves

websockets = pytest.importorskip("websockets")

if TYPE_CHECKING:
    from pathlib import Path

    from hosts.hosting import Host
    from roark_otel.sandbox import Sandbox

ENDED = [f"ended-{n}" for n in range(8)]
SERVERS = {
    "uvicorn": ["uvicorn", "asgi_app:{app}", "--port", "{port}"],
    "uvicorn, 2 workers": ["uvicorn", "asgi_app:{app}", "--port", "{port}", "--workers", "2"],
    "gunicorn": ["gunicorn", "asgi_app:{app}", "-b", "127.0.0.1:{port}", "-k", "uvicorn_worker.UvicornWorker"],
    "hypercorn": ["hypercorn", "asgi_app:{app}", "-b", "127.0.0.1:{port}"],
    "hypercorn, 2 workers": ["hypercorn", "asgi_app:{app}", "-b", "127.0.0.1:{port}", "-w", "2"],
}


async def say(port: int, call_id: str) -> None:
    async with websockets.connect(f"ws://127.0.0.1:{port}/{call_id}", open_timeout=SECONDS) as socket:
        await socket.send("Where is my order?")
        await socket.recv()


@pytest.mark.parametrize("app", ["app", "plain"])
@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS)
def test_sigterm(sandbox: Sandbox, tmp_path: Path, server: list[str], app: str) -> None:
    """Eight calls have just ended, and one goes on: with the flush in the app's lifespan, and without it."""
    port = free_port()
    command = [str(BIN / server[0]), *(part.format(app=app, port=port) for part in server[1:])]
    env = environment(sandbox.url, tmp_path)

    async def talk(host: Host) -> None:
        async with websockets.connect(f"ws://127.0.0.1:{port}/goes-on", open_timeout=SECONDS) as socket:
            await socket.send("Where is my order?")
            await socket.recv()
            await asyncio.gather(*(say(port, call_id) for call_id in ENDED))
            host.send(signal.SIGTERM)
            await asyncio.wait_for(socket.wait_closed(), SECONDS)

    with running(command, tmp_path, env) as host:
        host.until(serves(port))
        asyncio.run(talk(host))
        host.wait()
    # The workers of hypercorn end at once, in the middle of their calls.
    assert {*found(sandbox, env)} >= {*ENDED, *([] if "-w" in server else ["goes-on"])}
    assert len(found(sandbox, env)) == len({*found(sandbox, env)})


def test_workers_that_end_in_the_middle_of_a_call(sandbox: Sandbox, tmp_path: Path) -> None:
    """Once the conversation was saved, it outlives the worker."""
    port = free_port()
    command = [str(BIN / "hypercorn"), "asgi_app:plain", "-b", f"127.0.0.1:{port}", "-w", "2"]
    env = environment(sandbox.url, tmp_path)

    async def talk(host: Host) -> None:
        async with websockets.connect(f"ws://127.0.0.1:{port}/goes-on", open_timeout=SECONDS) as socket:
            await socket.send("Where is my order?")
            await socket.recv()
            await asyncio.to_thread(host.until, lambda: bool(list((tmp_path / "spool").rglob("*.jsonl"))))
            host.send(signal.SIGTERM)
            await asyncio.wait_for(socket.wait_closed(), SECONDS)

    with running(command, tmp_path, env) as host:
        host.until(serves(port))
        asyncio.run(talk(host))
        host.wait()
    assert found(sandbox, env) == ["goes-on"]
