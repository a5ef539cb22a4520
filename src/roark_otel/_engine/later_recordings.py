"""The template's URL for a call that waits in the spool already, because no template was set when it ended."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from roark_otel._model.formats import is_http_url

if TYPE_CHECKING:
    from roark_otel._linking.recording_template import Template
    from roark_otel._spool.file import Header


def later_url(template: Template, header: Header, body: bytes) -> str | None:
    """Makes the URL from a call's file; None if a name has no value there, as the name of a LiveKit room has none."""
    try:
        call: Any = json.loads(body)
        properties = dict(call.get("properties", {}))
        started_at = datetime.fromisoformat(str(call["startedAt"]).replace("Z", "+00:00")).astimezone(timezone.utc)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        return None
    values = {
        **{f"property.{name}": value for name, value in properties.items()},
        "external_id": header.external_id,
        "trace_id": header.trace_id,
        "livekit_room_id": call.get("livekitRoomId"),
        "service_name": header.service or None,
        "started_at": started_at,
    }
    url = template.fill(values)
    return url if url is not None and is_http_url(url) else None
