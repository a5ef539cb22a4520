"""The words by which apps, providers and models call the two sides of a conversation."""

from __future__ import annotations

from typing import Final

AGENT_ROLES: Final = ("agent", "ai", "assistant", "bot", "model")
"""Who is the agent, in any case."""

CUSTOMER_ROLES: Final = ("caller", "customer", "human", "user")
"""Who is the customer, in any case."""

UNKNOWN_ROLE: Final = "not one of " + ", ".join([*AGENT_ROLES, *CUSTOMER_ROLES])
"""Why the words of any other role are left out."""
