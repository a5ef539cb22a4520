"""The built documentation site, which `make docs` builds before it runs these: it is whole, and asks no other host."""

from __future__ import annotations

import json
import os
import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest

import roark_otel
from roark_otel import attributes
from support.paths import ROOT

SITE = Path(os.environ.get("SITE", ROOT / "build" / "docs"))
PAGES = sorted(SITE.rglob("*.html"))

LOADS = {
    "audio": ("src",),
    "embed": ("src",),
    "form": ("action",),
    "iframe": ("src",),
    "img": ("src", "srcset"),
    "link": ("href",),
    "object": ("data",),
    "script": ("src",),
    "source": ("src", "srcset"),
    "video": ("src", "poster"),
}
"""The attributes from which a browser loads something when it shows a page, or sends a form."""


class Page(HTMLParser):
    """What a page loads, where it leads, and which anchors it has."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.words: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.loads += [value for name in LOADS.get(tag, ()) if (value := found.get(name))]
        self.anchors |= {value for name in ("id", "name") if (value := found.get(name))}
        if tag == "a" and (href := found.get("href")):
            self.links.append(href)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


page = cache(Page)


def is_elsewhere(address: str) -> bool:
    return re.match(r"(\w+:)?//", address) is not None


def test_there_is_a_site() -> None:
    assert len(PAGES) > 30


def test_no_page_loads_anything_of_another_host() -> None:
    assert {one.name: found for one in PAGES if (found := [*filter(is_elsewhere, page(one).loads)])} == {}


def test_no_style_and_no_script_does() -> None:
    """A comment may name an address; a style that loads one, and a script that asks for one, may not be there."""
    loads = re.compile(r"""(url\(|@import\s|fetch\(|importScripts\(|\.open\([^,]+,)\s*["']?(https?:)?//""")
    files = [one for suffix in ("*.css", "*.js", "*.html") for one in SITE.rglob(suffix)]

    assert [one.name for one in files if loads.search(one.read_text(encoding="utf-8"))] == []


def test_every_link_leads_to_a_page_and_its_anchor() -> None:
    broken: list[str] = []
    for one in PAGES:
        for link in page(one).links:
            path, _, anchor = link.partition("#")
            if is_elsewhere(link) or link.startswith("mailto:"):
                continue
            target = (one.parent / path.partition("?")[0]).resolve() if path else one
            if not target.is_file() or (anchor and target.suffix == ".html" and anchor not in page(target).anchors):
                broken.append(f"{one.relative_to(SITE)}: {link}")

    assert broken == []


def test_search_needs_no_server() -> None:
    """Its index is a script of the site, in which the pages and their words are."""
    index = (SITE / "searchindex.js").read_text(encoding="utf-8")
    known = json.loads(index[index.index("{") : index.rindex("}") + 1])

    assert any(load.partition("?")[0] == "searchindex.js" for load in page(SITE / "search.html").loads)
    assert {"docs/settings", "docs/troubleshooting", "docs/api"} <= set(known["docnames"])
    assert {"spool", "websocket", "presidio", "gunicorn"} <= set(known["terms"])


@pytest.mark.parametrize("document", sorted(one.stem for one in (ROOT / "docs").glob("*.md")))
def test_every_document_is_a_page_that_llms_txt_names(document: str) -> None:
    listed = (SITE / "llms.txt").read_text(encoding="utf-8")

    assert (SITE / "docs" / f"{document}.html").is_file()
    assert document == "index" or f"(_sources/docs/{document}.md.txt): " in listed


def test_what_llms_txt_names_is_there() -> None:
    listed = (SITE / "llms.txt").read_text(encoding="utf-8")

    assert [one for one in re.findall(r"\]\(([^)]+)\)", listed) if not (SITE / one).is_file()] == []


def test_the_reference_has_every_public_name() -> None:
    names = {name for name in roark_otel.__all__ if name not in {"__version__", "attributes", "types"}}

    assert {name for name in names if f"roark_otel.{name}" not in page(SITE / "docs" / "api.html").anchors} == set()


def test_the_reference_shows_every_attribute() -> None:
    names = {name for name in vars(attributes) if name.isupper()}

    anchors = page(SITE / "docs" / "api.html").anchors
    assert {name for name in names if f"roark_otel.attributes.{name}" not in anchors} == set()


def test_no_page_shows_what_its_source_means() -> None:
    """Roles and links of Markdown that were not read stand on the page as they are written."""
    unread = re.compile(r"\]\([\w./#-]+\)|:(ref|doc|class|func):|\{(ref|doc|eval-rst|toctree)\}")

    assert [one.name for one in PAGES if unread.search("".join(page(one).words))] == []
