"""Opens the page of a call again and again, and presses keys on it.

    python paging.py ENTRIES ROUNDS

It runs in the environment of `make test-pages`, with `tests` on its path, and prints JSON: ms for each round.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from browser.chromium import Chromium
from browser.filling import huge, post
from roark_otel.sandbox import Sandbox
from support.chromium import executable

if TYPE_CHECKING:
    from playwright.sync_api import Page

KEYS = 20

# Times are the page's own: those that a driver takes include its messages.
_MEASURE = """
window.drawn = 0;
window.pressed = [];
const look = () => requestAnimationFrame(() => {
  if (!performance.getEntriesByName('drawn').length) return look();
  requestAnimationFrame(() => { window.drawn = performance.now(); });
});
look();
addEventListener('keydown', (event) => requestAnimationFrame(() => setTimeout(() => {
  window.pressed.push(performance.now() - event.timeStamp);
})), true);
"""


def main() -> None:
    """Prints the times of each round."""
    entries, rounds = int(sys.argv[1]), int(sys.argv[2])
    path = executable()
    if path is None:
        sys.exit("there is no Chromium")
    with Sandbox() as sandbox, sync_playwright() as playwright:
        chromium = Chromium(playwright, path)
        url = f"{sandbox.url}/calls/{post(sandbox, huge('long-call', entries))}"
        opened, pressed = [], []
        for _ in range(rounds + 1):
            context = chromium.browser().new_context(viewport={"width": 1440, "height": 900})
            context.add_init_script(_MEASURE)
            page = context.new_page()
            page.goto(url)
            page.wait_for_function("() => window.drawn > 0")
            opened.append(page.evaluate("window.drawn"))
            pressed += _pressed(page)
            context.close()
        chromium.stop()
    # The first round starts Chromium's processes and fills no cache of ours.
    print(json.dumps({"open": opened[1:], "key": pressed[KEYS:]}))


def _pressed(page: Page) -> list[float]:
    for number in range(KEYS):
        page.keyboard.press("j")
        page.wait_for_function(f"() => window.pressed.length > {number}")
    times: list[float] = page.evaluate("window.pressed")
    return times


if __name__ == "__main__":
    main()
