"""Messages as LangChain writes them: in a wrapping that says how to make one, and with a type in place of a role."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

Fields = Mapping[str, object]

_CLASSES: Final = {"human": "HumanMessage", "ai": "AIMessage", "system": "SystemMessage", "tool": "ToolMessage"}
_ROLES: Final = {kind: role for role, name in _CLASSES.items() for kind in (role, name, f"{name}Chunk")}
"""The role that each type of a message stands for."""


def unwrapped(fields: Fields) -> Fields:
    """Returns a message of LangChain's as one with a role; anything else as it is."""
    if "role" in fields:
        return fields
    inner = fields.get("kwargs") if "lc" in fields else fields.get("data")
    found = cast("Fields", inner) if isinstance(inner, Mapping) else fields
    kind = found.get("type", fields.get("type"))
    role = _ROLES.get(kind) if isinstance(kind, str) else None
    if role is None or "content" not in found:
        return fields
    return {**{name: value for name, value in found.items() if name != "type"}, "role": role}
