"""Checks the rules that compare one field with another, in bodies whose shape is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel.sandbox.errors import Issue
from roark_otel.sandbox.json_values import JsonObject, int_at, object_at, objects_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_AGENT_IDS = ("customId", "roarkId")
_CUSTOMER_IDS = ("label", "phoneNumberE164")


def agents_of(call: JsonObject) -> list[JsonObject]:
    """Returns the agents of a call, listed under `agent` or `agents`."""
    return [object_at(call, "agent")] if "agent" in call else objects_at(call, "agents")


def customers_of(call: JsonObject) -> list[JsonObject]:
    """Returns the customers of a call, listed under `customer` or `customers`."""
    return [object_at(call, "customer")] if "customer" in call else objects_at(call, "customers")


def is_agent(listed: JsonObject, reference: JsonObject) -> bool:
    """Returns whether a reference may mean this agent.

    An agent listed by name only may have the id of the reference: only Roark knows.
    """
    return all(listed.get(key) in (None, reference[key]) for key in _AGENT_IDS if key in reference)


def is_customer(listed: JsonObject, reference: JsonObject) -> bool:
    """Returns whether a reference means this customer."""
    return all(listed.get(key) == reference[key] for key in _CUSTOMER_IDS if key in reference)


def broken_rules(call: JsonObject) -> Iterator[Issue]:
    """Yields an issue for each rule that a new call breaks."""
    for index, entry in enumerate(objects_at(call, "transcript")):
        path = f"transcript[{index}]"
        yield from _backwards(path, entry)
        yield from _stranger(f"{path}.agent", object_at(entry, "agent"), agents_of(call), is_agent)
        yield from _stranger(f"{path}.customer", object_at(entry, "customer"), customers_of(call), is_customer)
    yield from broken_tool_rules(call, call)


def broken_tool_rules(body: JsonObject, call: JsonObject) -> Iterator[Issue]:
    """Yields an issue for each rule that tool invocations break.

    Args:
        body: The body that contains them.
        call: The body of the call that they belong to.
    """
    for index, invocation in enumerate(objects_at(body, "toolInvocations")):
        path = f"toolInvocations[{index}]"
        yield from _backwards(path, invocation)
        yield from _stranger(f"{path}.agent", object_at(invocation, "agent"), agents_of(call), is_agent)


def _backwards(path: str, timed: JsonObject) -> Iterator[Issue]:
    start, end = int_at(timed, "startOffsetMs"), int_at(timed, "endOffsetMs")
    if start is not None and end is not None and end < start:
        yield Issue(f"{path}.endOffsetMs", "must not be before startOffsetMs")


def _stranger(
    path: str,
    reference: JsonObject,
    listed: Iterable[JsonObject],
    matches: Callable[[JsonObject, JsonObject], bool],
) -> Iterator[Issue]:
    candidates = list(listed)
    if reference and candidates and not any(matches(candidate, reference) for candidate in candidates):
        named = next((key for key in (*_AGENT_IDS, *_CUSTOMER_IDS) if key in reference), "")
        yield Issue(f"{path}.{named}" if named else path, "matches no participant of the call")
