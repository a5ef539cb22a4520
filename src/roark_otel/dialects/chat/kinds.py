"""The names of the parts of messages that ask for tools, or hold what tools gave back."""

from typing import Final

CALLS: Final = ("toolUse", "function_call", "functionCall", "tool_call")
ANSWERS: Final = ("toolResult", "function_response", "functionResponse")
"""The names under which a part holds a call or an answer."""

CALL_TYPES: Final = frozenset(
    {
        *("tool_call", "tool_use", "function_call", "function", "custom_tool_call"),
        *("server_tool_call", "server_tool_use", "mcp_tool_use", "mcp_call"),
    }
)
"""Those of the last line are of tools that the model's provider runs: their answers come with the calls."""

ANSWER_TYPES: Final = frozenset(
    {
        *("tool_call_response", "tool_result", "function_call_output", "custom_tool_call_output"),
        *("server_tool_call_response", "mcp_tool_result", "web_search_tool_result", "web_fetch_tool_result"),
        *("code_execution_tool_result", "bash_code_execution_tool_result", "text_editor_code_execution_tool_result"),
    }
)

WITH_ANSWER: Final = "mcp_call"
"""A call that holds its own answer."""

ITEM_TYPES: Final = frozenset(
    {
        *("message", "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output"),
        WITH_ANSWER,
    }
)
"""The types of messages that have no role."""

GIVEN: Final = ("arguments", "input", "args", "server_tool_call")
GAVE: Final = ("response", "result", "output", "content", "server_tool_call_response")
"""The names of what a call gives a tool, and of what an answer has of it."""
