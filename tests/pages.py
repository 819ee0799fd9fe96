"""The pages of the documentation, and the fenced blocks in them with what stands above each as a comment.

A comment right above a fence says what a test cannot see: `<!-- not run: reason -->`; `<!-- file: name -->`, where
the block is the text of a file that the blocks below it use; `<!-- needs: module -->`: skipped where that is missing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = "README.md"
TRANSLATED = "README.es.md"
WRITTEN_BY_CODE = {"docs/reference/tables.md", "docs/reference/settings.md", "docs/reference/cli.md"}
# How to run the benchmarks is no matter of users, and takes too long for a test.
_OTHERS = {"docs/benchmarks.md"}
_BLOCK = re.compile(r"((?:^<!-- .*? -->\n)*)^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"<!-- (not run|file|needs): (.+?) -->")


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    page: str
    line: int
    language: str
    text: str
    marks: tuple[tuple[str, str], ...]

    def mark(self, name: str) -> str | None:
        return dict(self.marks).get(name)

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def _texts() -> dict[str, str]:
    found = [README, TRANSLATED, "CHANGELOG.md"]
    found += sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))
    return {name: (ROOT / name).read_text("utf-8") for name in found if name not in _OTHERS}


TEXTS = _texts()
"""Every page by its path."""


def blocks_of(page: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = TEXTS[page]
    return [
        Block(page, text.count("\n", 0, found.start(2)) + 1, found[2], found[3], tuple(_MARK.findall(found[1])))
        for found in _BLOCK.finditer(text)
    ]


BLOCKS = [block for page in TEXTS if page not in WRITTEN_BY_CODE | {TRANSLATED} for block in blocks_of(page)]
"""Those that a reader may copy. README.es.md has README's, which a test holds against each other."""
