"""The documentation site: `make docs`. Its source is the whole repository, so links are the same there and here."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from hatch_build import linked  # noqa: E402 - it stands in the root

from roark_otel import __version__  # noqa: E402

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
REPOSITORY: str = _PYPROJECT["tool"]["hatch"]["metadata"]["hooks"]["custom"]["repository"].rstrip("/")

project = "roark-otel"
author = copyright = "roark-otel contributors"  # noqa: A001 - Sphinx's name
version = release = __version__
language = "en"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
include_patterns = ["docs/*.md", "docs/performance/**", "examples/kubernetes/README.md", "[A-Z]*.md"]
exclude_patterns = [".*", "**/.*", "build", "dist", "src", "tests", "README.md", "AGENTS.md", "CLAUDE.md"]
root_doc = "docs/index"
source_suffix = {".md": "markdown"}

myst_heading_anchors = 4
myst_enable_extensions = ["html_image"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_class_signature = "mixed"
napoleon_google_docstring = True
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"roark-otel {__version__}"
html_show_sphinx = False
html_copy_source = True
html_additional_pages = {"index": "redirect.html"}
templates_path = ["_templates"]
html_theme_options = {"source_repository": f"{REPOSITORY}/", "source_branch": "main"} if REPOSITORY else {}

linkcheck_anchors = False
linkcheck_ignore = [r"https?://(127\.0\.0\.1|localhost)", r"https://([\w-]+\.)*example\.com", r"https://api\.roark\.ai"]


def setup(app: Sphinx) -> None:
    """Connects what this site adds to Sphinx."""
    app.connect("source-read", _link_to_the_repository)
    app.connect("build-finished", _write_llms_txt)


def _link_to_the_repository(app: Sphinx, name: str, content: list[str]) -> None:
    """Lets links to what is no page of this site lead to the repository."""

    def is_elsewhere(path: str) -> bool:
        is_page = path.endswith(".md") and path.removesuffix(".md") in app.env.found_docs
        return not is_page and not path.startswith("docs/performance/")

    folder = name.rpartition("/")[0] or "."
    content[0] = linked(content[0], REPOSITORY, f"v{__version__}", folder, is_elsewhere)


def _write_llms_txt(app: Sphinx, fault: Exception | None) -> None:
    """Writes llms.txt: every page, in the order of the contents, as its source in Markdown."""
    if fault is not None or app.builder.format != "html":
        return
    lines = ["# roark-otel", "", "> Turns traced voice conversations into calls at Roark, linked to their traces.", ""]
    lines += ["## Pages", ""]
    for name in app.env.toctree_includes.get(root_doc, ()):
        text = app.env.doc2path(name).read_text(encoding="utf-8")
        lines.append(f"- [{app.env.titles[name].astext()}](_sources/{name}.md.txt): {_first_sentence(text)}")
    Path(app.outdir, "llms.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _first_sentence(text: str) -> str:
    """Returns the first sentence of a document, without its links."""
    paragraphs = (one for one in text.split("\n\n") if one[:1] not in {"#", "`", "|", ""})
    words = " ".join(re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", next(paragraphs, "")).split())
    return re.split(r"(?<=[.:])\s", words)[0]
