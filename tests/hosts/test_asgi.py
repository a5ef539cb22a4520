"""ASGI servers: SIGTERM right after calls have ended, and in the middle of others, loses none."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from hosts.hosting import BIN, SECONDS, environment, found, free_port, running, serves

websockets = pytest.importorskip("websockets")

if TYPE_CHECKING:
    from pathlib import Path

    from hosts.hosting import Host
    from roark_otel.sandbox import Sandbox

ENDED = [f"ended-{n}" for n in range(8)]
OPEN = [f"open-{n}" for n in range(2)]
SERVERS = {
    "uvicorn": ["uvicorn", "asgi_app:{app}", "--port", "{port}"],
    "uvicorn, 2 workers": ["uvicorn", "asgi_app:{app}", "--port", "{port}", "--workers", "2"],
    "gunicorn": ["gunicorn", "asgi_app:{app}", "-b", "127.0.0.1:{port}", "-k", "uvicorn_worker.UvicornWorker"],
    "hypercorn": ["hypercorn", "asgi_app:{app}", "-b", "127.0.0.1:{port}"],
    "hypercorn, 2 workers": ["hypercorn", "asgi_app:{app}", "-b", "127.0.0.1:{port}", "-w", "2"],
}


async def talk(port: int, host: Host) -> None:
    """Holds the conversations, and ends the server while some are open."""

    async def say(call_id: str) -> None:
        async with websockets.connect(f"ws://127.0.0.1:{port}/{call_id}", open_timeout=SECONDS) as socket:
            await socket.send("Where is my order?")
            await socket.recv()

    await asyncio.gather(*map(say, ENDED))
    still = [await websockets.connect(f"ws://127.0.0.1:{port}/{call_id}", open_timeout=SECONDS) for call_id in OPEN]
    for socket in still:
        await socket.send("Where is my order?")
        await socket.recv()
    host.send(15)
    for socket in still:
        await asyncio.wait_for(socket.wait_closed(), SECONDS)


@pytest.mark.parametrize("app", ["app", "plain"])
@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS)
def test_sigterm(sandbox: Sandbox, tmp_path: Path, server: list[str], app: str) -> None:
    """With the flush in the app's lifespan, and without it."""
    port = free_port()
    command = [str(BIN / server[0]), *(part.format(app=app, port=port) for part in server[1:])]
    env = environment(sandbox.url, tmp_path)
    with running(command, tmp_path, env) as host:
        host.until(serves(port))
        asyncio.run(talk(port, host))
        host.wait()
    assert found(sandbox, env) == sorted([*ENDED, *OPEN])
