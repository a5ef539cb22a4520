"""The harness itself: what it is to notice is noticed."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from browser.auditing import findings
from browser.visiting import Visits

if TYPE_CHECKING:
    from collections.abc import Generator

    from browser.chromium import Chromium

_POLICY = "default-src 'none'; script-src 'self'; img-src * data:; connect-src 'self'"


@contextmanager
def served(**files: str) -> Generator[str]:
    """Serves `page` at `/` and `script` at `/script`, under a policy that forbids inline scripts and styles."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = files.get({"/": "page", "/script": "script"}.get(self.path, ""))
            body = (text or "").encode()
            self.send_response(404 if text is None else 200)
            self.send_header("content-type", "text/html" if self.path == "/" else "text/javascript")
            self.send_header("content-security-policy", _POLICY)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


_LOADS = '<!doctype html><link rel="icon" href="data:,"><script src="/script"></script>'


_FAULTS = {
    "error": (_LOADS, "throw new Error('lost')", "page error: lost"),
    "rejection": (_LOADS, "Promise.reject(new Error('unhandled'))", "page error: unhandled"),
    "console": (_LOADS, "console.error('careless')", "console: careless"),
    "dialog": (_LOADS, "alert('boo')", "dialog: boo"),
    "not found": (_LOADS, "fetch('/nothing')", "console: Failed to load resource"),
    "forbidden request": (
        _LOADS,
        "fetch('http://192.0.2.1/').catch(() => {})",
        "content security policy: connect-src",
    ),
    "another address": (_LOADS, "new Image().src = 'http://192.0.2.1/a.png'", "request: http://192.0.2.1/a.png"),
    "another host": (
        _LOADS,
        "new Image().src = 'https://other.example.com/a.png'",
        "request: https://other.example.com/a.png",
    ),
    "inline script": (
        "<!doctype html><script>1</script>",
        "",
        "content security policy: script-src-elem forbids inline",
    ),
    "inline style": (
        "<!doctype html><p style='color: red'>",
        "",
        "content security policy: style-src-attr forbids inline",
    ),
}


@pytest.mark.parametrize(("page", "script", "problem"), _FAULTS.values(), ids=_FAULTS)
def test_a_fault_of_a_page_is_noticed(chromium: Chromium, page: str, script: str, problem: str) -> None:
    visits = Visits(chromium)
    with served(page=page, script=script) as url:
        visits(url).wait_for_load_state("networkidle")
        visits.close()
    assert any(one.startswith(problem) for one in visits.watch.problems), visits.watch.problems
    with pytest.raises(AssertionError):
        visits.watch.check()


def test_what_is_excused_has_to_come(chromium: Chromium) -> None:
    visits = Visits(chromium)
    visits.watch.excuse("careless")
    with served(page=_LOADS, script="console.error('careless')") as url:
        visits(url)
        visits.close()
    visits.watch.check()
    visits.watch.excuse("also this")
    with pytest.raises(AssertionError, match="never seen"):
        visits.watch.check()


def test_a_page_that_cannot_be_used_is_found(visit: Visits) -> None:
    with served(page="<!doctype html><html><link rel='icon' href='data:,'><img src='data:,'></html>") as url:
        found = findings(visit(url))
    assert any(one.startswith("image-alt (critical)") for one in found), found


def test_a_killed_chromium_is_started_again(chromium: Chromium) -> None:
    first = chromium.browser()
    chromium.kill()
    visits = Visits(chromium)
    with served(page=_LOADS, script="document.title = 'again'") as url:
        assert visits(url).title() == "again"
        visits.close()
    assert not first.is_connected()
