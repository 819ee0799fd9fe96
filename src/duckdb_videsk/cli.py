"""The command `videsk`: help at once, and what runs commands only where one is to run."""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import TYPE_CHECKING

from duckdb_videsk.usage import at_dashes, root_parser

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit code."""
    words, beyond = at_dashes(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0].startswith("-"):
        root_parser().parse_args(words)
    try:
        # It loads DuckDB and Arrow, which takes longer than to read all help there is.
        code: int = importlib.import_module("duckdb_videsk.commands").run(words, argparse.Namespace(beyond=beyond))
    except KeyboardInterrupt:
        sys.stderr.write("videsk: interrupted\n")
        return _INTERRUPTED
    return code
