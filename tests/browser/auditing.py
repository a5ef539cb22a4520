"""Asks axe what keeps people from using a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axe_playwright_python.base import AXE_SCRIPT

if TYPE_CHECKING:
    from playwright.sync_api import Page


def findings(page: Page) -> list[str]:
    """Returns what axe finds on a page as it is shown now: the rule, how bad it is, and the elements."""
    page.evaluate(AXE_SCRIPT)
    # Styles are not loaded again: the policy of the pages would not let them be added.
    found: dict[str, Any] = page.evaluate("() => axe.run(document, { resultTypes: ['violations'], preload: false })")
    return [
        f"{one['id']} ({one['impact']}): {one['help']}: {node['html'][:200]} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"][:3]
    ]
