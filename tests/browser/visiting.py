"""Opens pages as a person would, and notices all that a page must never do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from browser.chromium import SECONDS

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Page, Request

    from browser.chromium import Chromium

WIDTHS: Final = (390, 1440)
"""A phone and a desktop, in CSS pixels."""

_HEIGHT: Final = 900
_ON_LOOPBACK: Final = re.compile(r"(https?|wss?)://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?/|(file|data|blob|about):")

# Reported by the page as it happens: a violation is no fault of a script, and shows on no console that is cleared.
_REPORT_VIOLATIONS: Final = """
document.addEventListener('securitypolicyviolation', (event) =>
  reportViolation(`${event.violatedDirective} forbids ${event.blockedURI} ${event.sample}`));
"""


class Watch:
    """What was noticed of the pages of a test.

    Attributes:
        problems: What no page may do: an error on the console or in a script, a violation of the content security
            policy, a dialog, a crash, a request for another host.
        requests: The addresses that were asked for, in order.
    """

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.requests: list[str] = []
        self._excused: dict[str, int] = {}

    def excuse(self, text: str) -> None:
        """Lets problems pass that contain this text. One at least has to come."""
        self._excused.setdefault(text, 0)

    def tolerate(self, text: str) -> None:
        """Lets problems pass that contain this text, if any come."""
        self._excused[text] = 1

    def follow(self, context: BrowserContext) -> None:
        """Watches all pages of a context, those included that a page opens itself."""
        context.on("console", self._on_console)
        context.on("weberror", lambda error: self._add(f"page error: {error.error}"))
        context.on("request", self._on_request)
        context.on("dialog", self._on_dialog)
        context.on("page", lambda page: page.on("crash", lambda _: self._add("crash")))
        context.expose_function("reportViolation", lambda text: self._add(f"content security policy: {text}"))
        context.add_init_script(_REPORT_VIOLATIONS)

    def check(self) -> None:
        """Fails if there was a problem, or if an excuse was not needed."""
        assert not self.problems, "\n".join(self.problems)
        assert [text for text, times in self._excused.items() if not times] == [], "excused, but never seen"

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._add(f"console: {message.text} ({message.location.get('url')})")

    def _on_dialog(self, dialog: Dialog) -> None:
        self._add(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _on_request(self, request: Request) -> None:
        self.requests.append(request.url)
        if not _ON_LOOPBACK.match(request.url):
            self._add(f"request: {request.url[:200]}")

    def _add(self, problem: str) -> None:
        for text in self._excused:
            if text in problem:
                self._excused[text] += 1
                return
        self.problems.append(problem)


class Visits:
    """Opens pages, each in a browser context of its own.

    Attributes:
        watch: What was noticed of all of them.
    """

    def __init__(self, chromium: Chromium) -> None:
        self.watch = Watch()
        self._chromium = chromium
        self._contexts: list[BrowserContext] = []

    def __call__(self, url: str, *, width: int = WIDTHS[1], dark: bool = False, **options: Any) -> Page:
        """Opens an address.

        Args:
            url: The address.
            width: How wide the window is, in CSS pixels.
            dark: Whether the person prefers dark pages.
            options: Options of Playwright's context.
        """
        page = self.tab(width=width, dark=dark, **options)
        page.goto(url)
        return page

    def tab(self, *, width: int = WIDTHS[1], dark: bool = False, **options: Any) -> Page:
        """Opens an empty page, for a test that goes from one address to the next. It takes what `visit` takes."""
        context = self._chromium.browser().new_context(
            viewport={"width": width, "height": _HEIGHT},
            color_scheme="dark" if dark else "light",
            **options,
        )
        self._contexts.append(context)
        context.set_default_timeout(SECONDS * 1000)
        self.watch.follow(context)
        return context.new_page()

    def close(self) -> None:
        """Closes all pages, once what they have reported is here."""
        for context in self._contexts:
            for page in context.pages:
                page.evaluate("1")  # events that came before this answer have been handled after it
            context.close()
