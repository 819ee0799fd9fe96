"""A statement's words with their places, and where a condition among them ends."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from sqlglot import Token, TokenType
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import SqlglotError

from duckdb_videsk.rewriting.errors import NotUnderstood

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Sort", "Word", "condition_end", "words_of"]

_NAME = re.compile(r"[^\W\d]\w*")
_OPENING, _CLOSING = {"(", "[", "{", "case"}, {")", "]", "}", "end"}

# What can follow a condition at its own depth.
_ENDS_WHERE = {
    "group", "having", "order", "limit", "offset", "qualify", "window", "union", "intersect", "except", "fetch",
    "using", "tablesample", "select", "from", "where", "returning", "on", "for", "with", "when", ";",
}  # fmt: skip
_ENDS_ON = _ENDS_WHERE | {
    "join", "inner", "left", "right", "full", "cross", "asof", "positional", "semi", "anti", "natural", "outer",
    "lateral", "pivot", "unpivot", ",", "set", "do",
}  # fmt: skip


class Sort(Enum):
    """What kind of thing a word is."""

    NAME = "name"
    QUOTED = "quoted name"
    STRING = "string"
    NUMBER = "number"
    SYMBOL = "symbol"


@dataclass(frozen=True, slots=True)
class Word:
    """One token: its text as the user wrote it, and where in the statement it stands (`end` is exclusive).

    Attributes:
        key: lower case for names and symbols; empty for strings, numbers and quoted names.
    """

    text: str
    key: str
    sort: Sort
    start: int
    end: int


def words_of(text: str) -> tuple[Word, ...]:
    """The words of a statement; comments are left out. Raises NotUnderstood where a text or comment has no end."""
    try:
        tokens = DuckDB().tokenize(text)
    except SqlglotError as error:
        raise NotUnderstood("sqlglot cannot read it") from error
    return tuple(word for token in tokens for word in _words(text, token))


def _words(text: str, token: Token) -> Iterator[Word]:
    """A token as one word, or as several where the tokenizer takes "GROUP BY" for one."""
    start, end = token.start, token.end + 1
    pieces = list(re.finditer(r"\S+", text[start:end]))
    if len(pieces) > 1 and all(_NAME.fullmatch(piece[0]) for piece in pieces):
        for piece in pieces:
            yield _word(text, token.token_type, start + piece.start(), start + piece.end())
    else:
        yield _word(text, token.token_type, start, end)


def _word(text: str, kind: TokenType, start: int, end: int) -> Word:
    written = text[start:end]
    if kind == TokenType.IDENTIFIER and written.startswith('"'):
        sort = Sort.QUOTED
    elif kind == TokenType.STRING and written.startswith("'"):
        sort = Sort.STRING
    elif kind == TokenType.NUMBER:
        sort = Sort.NUMBER
    else:
        sort = Sort.NAME if _NAME.fullmatch(written) else Sort.SYMBOL
    return Word(written, written.lower() if sort in {Sort.NAME, Sort.SYMBOL} else "", sort, start, end)


def condition_end(words: Sequence[Word], start: int, *, join: bool) -> int:
    """The position after the condition that begins at word `start`, of a WHERE or of a join's ON."""
    stops, depth = _ENDS_ON if join else _ENDS_WHERE, 0
    for index in range(start, len(words)):
        key = words[index].key
        if depth == 0 and (key in _CLOSING or (key in stops and not _is_call(words, index))):
            return index
        if depth == 0 and key == "," and not join:
            return index
        depth += (key in _OPENING) - (key in _CLOSING)
    return len(words)


def _is_call(words: Sequence[Word], index: int) -> bool:
    """`left(` and `right(` are functions."""
    following = words[index + 1].key if index + 1 < len(words) else ""
    before = words[index - 1].key if index else ""
    distinct = words[index].key == "from" and before == "distinct"
    return distinct or (words[index].key in {"left", "right"} and following == "(")
