"""Metadata that depends on the repository's address, which is one line of pyproject.toml.

A relative link is dead on a package index. Where the address is known, links of README lead there; until then they are
text, and pictures are left out.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import TYPE_CHECKING, Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent
LINK = re.compile(r"(?P<image>!?)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>[^()\s]+)\)")
PICTURE = re.compile(r"<picture>.*?</picture>\n*", re.DOTALL)
SOURCE = re.compile(r'\b(src|srcset)="([^"]+)"')


class RepositoryMetadata(MetadataHookInterface):
    """Fills in `readme` and `urls` from `repository`, in the table of this hook."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Sets the fields that pyproject.toml calls dynamic."""
        repository: str = self.config["repository"].rstrip("/")
        text = (ROOT / "README.md").read_text(encoding="utf-8")
        version: str = metadata["version"]
        metadata["readme"] = {"content-type": "text/markdown", "text": linked(text, repository, f"v{version}")}
        metadata["urls"] = urls(repository, f"v{version}")


def urls(repository: str, ref: str) -> dict[str, str]:
    """Returns the links of a package's page; none without an address."""
    if not repository:
        return {}
    return {
        "Source": repository,
        "Documentation": f"{repository}/blob/{ref}/docs/index.md",
        "Changelog": f"{repository}/blob/{ref}/CHANGELOG.md",
        "Issues": f"{repository}/issues",
    }


def linked(
    text: str, repository: str, ref: str, folder: str = ".", which: Callable[[str], bool] = lambda _path: True
) -> str:
    """Returns a document whose relative links lead to the repository, or are text where it has no address.

    Args:
        text: The document, in Markdown.
        repository: The address, without a slash at its end; empty if there is none.
        ref: The tag or branch.
        folder: The folder of the document, seen from the root of the repository.
        which: Returns whether the link to a path, seen from the root, is changed. Default: each is.
    """

    def address(target: str, kind: str) -> str:
        path, hash_, anchor = target.partition("#")
        path = normpath(str(PurePosixPath(folder) / path))
        return f"{repository}/{kind}/{ref}/{path}{hash_}{anchor}"

    def link(found: re.Match[str]) -> str:
        target, words = found["target"], found["text"]
        if "://" in target or target.startswith(("#", "mailto:")):
            return found[0]
        path = normpath(str(PurePosixPath(folder) / target.partition("#")[0]))
        if not which(path):
            return found[0]
        if not repository:
            return "" if found["image"] else words
        kind = "raw" if found["image"] else "tree" if (ROOT / path).is_dir() else "blob"
        return f"{found['image']}[{words}]({address(target, kind)})"

    if not repository:
        text = PICTURE.sub("", text)
    else:
        text = SOURCE.sub(lambda at: f'{at[1]}="{at[2] if "://" in at[2] else address(at[2], "raw")}"', text)
    return LINK.sub(link, text)
