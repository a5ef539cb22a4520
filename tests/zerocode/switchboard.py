"""A telephone line over a websocket, as many apps have it: a webhook announces the call, then its audio streams in.

It is started by `opentelemetry-instrument uvicorn`, and knows of this package only the names of attributes and events.
"""

from __future__ import annotations

from fastapi import FastAPI, Request, WebSocket
from opentelemetry import trace

app = FastAPI()


@app.post("/incoming/{call_id}")
async def incoming(call_id: str, request: Request) -> dict[str, str]:
    """The telephone company announces a call."""
    trace.get_current_span().set_attribute("roark.external_id", call_id)
    return {"stream": f"{request.base_url}media/{call_id}"}


@app.websocket("/media/{call_id}")
async def media(websocket: WebSocket, call_id: str) -> None:
    """The call itself: a hundred messages a second, most of them sound."""
    call = trace.get_current_span()
    call.set_attributes({"roark.external_id": call_id, "roark.recording_url": f"https://example.com/{call_id}.wav"})
    await websocket.accept()
    call.add_event("roark.transcript", {"role": "agent", "text": "Hello, how can I help?"})
    while True:  # until the customer hangs up, which FastAPI raises
        message = await websocket.receive_json()
        if "said" in message:
            call.add_event("roark.transcript", {"role": "customer", "text": message["said"]})
            call.add_event("roark.transcript", {"role": "agent", "text": f"You said: {message['said']}"})
            await websocket.send_json({"ok": True})
