"""An ASGI app: a websocket at `/ID` is a conversation; `/ping` answers `ok`."""

from contextlib import asynccontextmanager

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from fastapi.responses import PlainTextResponse

import roark_otel

roark_otel.configure()


@asynccontextmanager
async def lifespan(_app):
    yield
    await roark_otel.aforce_flush(5_000)


app = FastAPI(lifespan=lifespan)
plain = FastAPI()


async def media(websocket: WebSocket, call_id: str) -> None:
    await websocket.accept()
    async with roark_otel.conversation(call_id) as call:
        try:
            while True:
                call.customer_said(await websocket.receive_text())
                await websocket.send_text("ok")
        except WebSocketDisconnect:
            pass


for one in (app, plain):
    one.add_api_route("/ping", lambda: PlainTextResponse("ok"))
    one.add_api_websocket_route("/{call_id}", media)
