"""What the settings of this process leave of a call that has parts of other processes, which may have had others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from roark_otel._linking.call_body import OWN_PROPERTIES
from roark_otel._linking.link import redacted_body
from roark_otel._model.steps import no_pause

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roark_otel._linking.call_body import Body
    from roark_otel._linking.defaults import Defaults
    from roark_otel._model.steps import Pause
    from roark_otel._privacy.redaction import Redaction


def leaves_out(defaults: Defaults, redaction: Redaction) -> bool:
    """Returns whether this process sends less than all that a call may have."""
    return bool(redaction) or not defaults.with_content or defaults.properties_allow is not None


def joined_body(
    body: Mapping[str, Any], defaults: Defaults, redaction: Redaction, pause: Pause = no_pause
) -> Body | None:
    """Returns what may be sent of a whole call that has parts of other processes; None if it must not be sent.

    Args:
        body: The call, in Roark's names.
        defaults: Whether content is sent, and which properties.
        redaction: What is sent of it.
        pause: Called after every 64 entries.

    Raises:
        ValueError: if the app's hook cannot be given the call.
    """
    found: Body = dict(body)
    if (allowed := defaults.properties_allow) is not None:
        properties = body.get("properties", {}).items()
        found["properties"] = {one: value for one, value in properties if one in allowed or _is_own(one)}
    if not defaults.with_content:
        found = _without_content(found, body)
    return redacted_body(found, redaction, pause) if redaction else found


def _is_own(name: str) -> bool:
    return name in OWN_PROPERTIES or name.startswith("roark_")


def _without_content(found: Body, body: Mapping[str, Any]) -> Body:
    found.pop("transcript", None)
    if uses := body.get("toolInvocations"):
        found["toolInvocations"] = [{**_without(one, "description"), "parameters": {}, "result": ""} for one in uses]
    if agent := body.get("agent"):
        found["agent"] = _without(agent, "description", "prompt")
    if agents := body.get("agents"):
        found["agents"] = [_without(one, "description", "prompt") for one in agents]
    return found


def _without(one: Mapping[str, object], *names: str) -> Body:
    return {name: value for name, value in one.items() if name not in names}
