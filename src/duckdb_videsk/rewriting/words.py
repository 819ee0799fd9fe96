"""A statement's words with their places, and the boolean shape of a condition made of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from sqlglot import Token, TokenType
from sqlglot.dialects.duckdb import DuckDB

from duckdb_videsk.rewriting.errors import NotUnderstood

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["And", "Condition", "Leaf", "Not", "Or", "Sort", "Word", "condition_end", "depths", "shape", "words_of"]

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


@dataclass(frozen=True, slots=True)
class Leaf:
    """A condition that is neither AND nor OR nor NOT."""

    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: Condition


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Condition, ...]


Condition = Leaf | Not | And | Or


def words_of(text: str) -> tuple[Word, ...]:
    """The words of a statement; comments are left out."""
    return tuple(word for token in DuckDB().tokenize(text) for word in _words(text, token))


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


def depths(words: Sequence[Word]) -> list[int]:
    """How deep in brackets each word stands; a bracket stands where its inside stands. CASE … END is a bracket."""
    found, depth = [], 0
    for word in words:
        depth += word.key in _OPENING
        found.append(depth)
        depth -= word.key in _CLOSING
        if depth < 0:
            raise NotUnderstood("brackets that do not match")
    return found


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


def shape(words: tuple[Word, ...]) -> Condition:
    """A condition as ANDs, ORs and NOTs over leaves."""
    if not words:
        raise NotUnderstood("an empty condition")
    inner = _unwrapped(words)
    if inner is not None:
        return shape(inner)
    for key, kind in (("or", Or), ("and", And)):
        parts = tuple(_split(words, key))
        if len(parts) > 1:
            return kind(tuple(shape(part) for part in parts))
    if words[0].key == "not" and len(words) > 1:
        return Not(shape(words[1:]))
    return _between(words) or Leaf(words)


def _between(words: tuple[Word, ...]) -> Condition | None:
    """`x BETWEEN a AND b` as two comparisons."""
    keys = [word.key if not depth else "" for word, depth in zip(words, depths(words), strict=True)]
    if keys.count("between") != 1 or keys.count("and") != 1 or "symmetric" in keys:
        return None
    middle, last = keys.index("between"), keys.index("and")
    negated = middle > 0 and keys[middle - 1] == "not"
    value = words[: middle - negated]
    both = And(
        (
            Leaf((*value, _operator(">="), *words[middle + 1 : last])),
            Leaf((*value, _operator("<="), *words[last + 1 :])),
        )
    )
    return Not(both) if negated else both


def _operator(text: str) -> Word:
    return Word(text, text, Sort.SYMBOL, -1, -1)


def _unwrapped(words: tuple[Word, ...]) -> tuple[Word, ...] | None:
    if words[0].key != "(" or words[-1].key != ")":
        return None
    found = depths(words)
    return words[1:-1] if min(found) >= 1 and all(d > 1 or w.key != ")" for w, d in _inside(words, found)) else None


def _inside(words: tuple[Word, ...], found: list[int]) -> Iterator[tuple[Word, int]]:
    yield from zip(words[1:-1], found[1:-1], strict=True)


def _split(words: tuple[Word, ...], key: str) -> Iterator[tuple[Word, ...]]:
    """The pieces between the words `key` outside of brackets; the AND of a BETWEEN joins nothing."""
    start = betweens = 0
    for index, (word, depth) in enumerate(zip(words, depths(words), strict=True)):
        if depth:
            continue
        if word.key == "between":
            betweens += 1
        elif word.key == "and" and betweens:
            betweens -= 1
        elif word.key == key:
            yield words[start:index]
            start = index + 1
    yield words[start:]
