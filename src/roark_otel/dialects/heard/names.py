"""The vocabulary of what instrumentations hear: the names of their spans and attributes."""

from __future__ import annotations

from typing import Final

from roark_otel._model.dialect import Words

PREFIX: Final = "heard."

CONVERSATION: Final = "conversation"
AGENT_SAID: Final = "agent_said"
CUSTOMER_SAID: Final = "customer_said"
TOOL_USED: Final = "tool_used"
ENDED: Final = "ended"
"""What is known of the whole call at its end, below a root that is the framework's own."""

SPANS: Final = frozenset({CONVERSATION, AGENT_SAID, CUSTOMER_SAID, TOOL_USED, ENDED})

TEXT: Final = "heard.text"
INTERRUPTED: Final = "heard.interrupted"
LANGUAGE: Final = "heard.language"
AGENT: Final = "heard.agent"
"""The name of the agent that said it, or that used the tool."""
WAY: Final = "heard.way"
"""How an entry came that was not spoken: `keypad` or `typed`."""
TIMED: Final = "heard.timed"
"""False where the times are not those of the speech itself, because those were not measured."""

ITEM: Final = "heard.item"
"""The framework's own id of what was said. What is heard of it later takes the place of what was heard before."""
REVISION: Final = "heard.revision"
"""How often it was heard before, with other words or other times."""

TOOL_NAME: Final = "heard.tool.name"
TOOL_ID: Final = "heard.tool.id"
TOOL_ARGUMENTS: Final = "heard.tool.arguments"
TOOL_RESULT: Final = "heard.tool.result"
TOOL_ERROR: Final = "heard.tool.error"

FACT: Final = "heard.fact."
"""What the name of a fact begins with, on any span: `heard.fact.ended_status`."""


def scope_of(framework: str) -> str:
    """Returns the scope of the spans of a framework's instrumentation."""
    return f"roark_otel.{framework}"


WORDS: Final = Words(names=frozenset({"text"}), whole=frozenset({"arguments", "error", "result"}))
"""Where these attributes hold content."""
