"""Bodies that no honest server sends: every spelling of every token, odd values in every place, damage.

All choices are made by a `random.Random`: hypothesis gives one that it can shrink, a long run one with a seed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from duckdb_videsk.endpoints import ENDPOINTS, Kind

if TYPE_CHECKING:
    from random import Random

    from duckdb_videsk.endpoints import Endpoint

_SPACES = ("", "", "", "", " ", "\n", "\t \r\n")
_CHARACTERS = [
    *'aZ09 ":,{}[]\\/~_-',
    *"\x00\x01\x1b\x1f\x7f\x80\x9b\xa0\ufeff\u200f\u202e\u2028\ufffd\uffff\U0001f600\U0010ffff",
    *("é", "e\u0301", "ñ", "İ", "ı", "ß", "ﬁ", "K", "\u2066", "٣", "null", '":null', '",', "\\u0022", "\\ud83d"),
]
_LONE = ("\\ud83d", "\\uDC00", "\\udbff", "\\ud800\\ud800", "\\uDFFF\\ud800", "\\ud83dx")
_INTEGERS = (
    *("0", "-0", "1", "-1", "5000", "9007199254740993", "9223372036854775807", "9223372036854775808"),
    *("-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616"),
    *("1" + "0" * 30, "1" + "0" * 400, "-" + "9" * 5000),
)
_DECIMALS = (
    *(
        "0.0",
        "-0.0",
        "1.0",
        "3.50",
        "1e5",
        "1E+2",
        "1e-7",
        "0.1",
        "1e308",
        "1.7976931348623159e308",
        "1e999",
        "-1E400",
    ),
    *("5e-324", "1e-400", "0.1000000000000000055511151231257827", "9007199254740993.0", "9.223372036854775807e18"),
    *("1e22", "123456789012345678901234567890.5", "0e999", "-0e-5", "2.2250738585072014e-308"),
)
_NO_NUMBERS = (
    "NaN",
    "Infinity",
    "-Infinity",
    "nan",
    "inf",
    "01",
    "1.",
    ".5",
    "+1",
    "0x10",
    "1e",
    "-",
    "1_000",
    "True",
)
_TIMES = (
    *("2026-03-01 12:00:00", "01/03/2026, 12:00:00", "2026-03-01T12:00:00Z", "2026-03-01T12:00:00.123456Z"),
    *("2026-03-01 12:00:00.5", "0000-01-01 00:00:00", "0001-01-01 00:00:00", "9999-12-31 23:59:59"),
    *(
        "99999-01-01 00:00:00",
        "2026-06-30 23:59:60",
        "2026-03-01 24:00:00",
        "2026-02-29 00:00:00",
        "31/04/2026, 00:00:00",
    ),
    *("2026-03-01 12:00:00+99:99", "2026-03-01T12:00:00-99:99", "2026-03-01T12:00:00+00:00", "2026-03-01 12:00:00 "),
    *("-2026-03-01 12:00:00", "2026-3-1 12:00:00", "1e9", "1772366400", "", "\x00", "٢٠٢٦-03-01 12:00:00"),
    *(
        "2026-03-01T12:00:00.1234567Z",
        "2026-03-01t12:00:00z",
        "12/31/2026, 12:00:00",
        "01/03/2026 12:00:00",
        "Invalid date",
    ),
)
_LABELS = (
    *(
        "summary",
        "Fecha",
        "Identificador",
        "Inicio",
        "Type",
        "form",
        "survey",
        "answers",
        "_unmapped",
        "data",
        "columns",
    ),
    *("$limit", "", " ", '"', "\\", "a\nb", "\x00", "tag\x7f", "¿Qué?", "é", "e\u0301", "ID", "Id", "id ", "iD"),
    *("'; DROP TABLE calls; --", '") FROM x --', "\u202eid", "x" * 300, "__proto__", "0", "null"),
)
_OTHER_LIMITS = ("0", "-1", '"x"', "1e30", "true", "null", "5.0", "[]", "{}", "1" + "0" * 30, "9223372036854775808")
_OTHER_DATA = ("null", "{}", '"x"', "5", "[null]", "[[]]", "[5]", '["a"]', "[{}, null]", '{"0": {}}')
_OTHER_COLUMNS = ("null", "{}", "5", '"id"', "[null, 5, {}, []]", '["id", "id"]', '["\\ud800"]', "[[]]")


def labels_of(endpoint: Endpoint) -> list[str]:
    """Those of its columns."""
    return [label for column in endpoint.columns for label in column.keys or (column.fixed or "",)]


class Writer:
    """Writes JSON texts by the choices of `random`."""

    def __init__(self, random: Random, *, odd: float = 0.2, broken: float = 0.0) -> None:
        self._random = random
        self._odd = odd
        self._broken = broken

    def body(self) -> tuple[Endpoint, bytes]:
        """An endpoint, and an answer of it."""
        endpoint = self._random.choice(ENDPOINTS)
        parts = [f"{self.text('$limit')}:{self.limit()}", f"{self.text('data')}:{self.data(endpoint)}"]
        if self._random.random() < 0.8:
            parts.append(f"{self.text('columns')}:{self.columns(endpoint)}")
        while self._random.random() < self._odd / 2:
            parts.append(self._random.choice([f"{self.text(self.label(endpoint))}:{self.value()}", *parts]))
        self._random.shuffle(parts)
        whole = self.space() + "{" + self.space() + ",".join(parts) + "}" + self.space()
        return endpoint, self._prefix() + whole.encode()

    def limit(self) -> str:
        return self._random.choice(_OTHER_LIMITS) if self._is_odd(0.1) else "7"

    def data(self, endpoint: Endpoint) -> str:
        if self._is_odd(0.1):
            return self._random.choice(_OTHER_DATA)
        plain = self._random.random() < 0.4
        rows = [self.row(endpoint, plain=plain) for _ in range(self._random.choice((0, 1, 1, 2, 3, 6)))]
        return self.space() + "[" + self.space() + f"{self.space()},".join(rows) + "]"

    def columns(self, endpoint: Endpoint) -> str:
        if self._is_odd(0.2):
            return self._random.choice(_OTHER_COLUMNS)
        labels = labels_of(endpoint)
        if self._random.random() < 0.5:
            labels = self._random.sample(labels, self._random.randrange(len(labels) + 1))
            labels += [self.label(endpoint) for _ in range(self._random.randrange(4))]
        return "[" + ",".join(map(self.text, labels)) + "]"

    def row(self, endpoint: Endpoint, *, plain: bool) -> str:
        if plain:
            columns = [column for column in endpoint.columns if self._random.random() < 0.6]
            pairs = [(column.keys or (column.fixed or "",), column.kind) for column in columns]
            cells = [f"{self.text(self._random.choice(keys))}:{self.fitting(kind)}" for keys, kind in pairs]
        else:
            cells = [self.cell(endpoint) for _ in range(self._random.choice((0, 1, 2, 4, 8)))]
        return "{" + self.space() + f"{self.space()},{self.space()}".join(cells) + self.space() + "}"

    def cell(self, endpoint: Endpoint) -> str:
        kinds = {label: column.kind for column in endpoint.columns for label in column.keys or (column.fixed or "",)}
        label = self.label(endpoint)
        fits = label in kinds and self._random.random() < 0.5
        value = self.fitting(kinds[label]) if fits else self.value()
        return f"{self.text(label)}{self.space()}:{self.space()}{value}"

    def label(self, endpoint: Endpoint) -> str:
        pick = self._random.random()
        if pick < 0.6:
            return self._random.choice(labels_of(endpoint))
        return self._random.choice(_LABELS) if pick < 0.9 else self.characters()

    def fitting(self, kind: Kind) -> str:
        """A value of the kind, in one of its spellings."""
        makers = {
            Kind.TEXT: lambda: self.text(self.characters()),
            Kind.DOUBLE: lambda: self._random.choice(_DECIMALS + _INTEGERS),
            Kind.BIGINT: lambda: self._random.choice(_INTEGERS),
            Kind.BOOLEAN: lambda: self._random.choice(("true", "false")),
            Kind.TIME: lambda: self.text(self._random.choice(_TIMES)),
            Kind.LIST: self._texts,
            Kind.JSON: self.value,
        }
        return "null" if self._random.random() < 0.1 else makers[kind]()

    def value(self, depth: int = 0) -> str:
        """Any value, or what is none."""
        if self._random.random() < self._broken:
            return self._random.choice(_NO_NUMBERS)
        pick = self._random.randrange(8 if depth < 4 else 6)
        if pick == 6:
            return "[" + ",".join(self.value(depth + 1) for _ in range(self._random.randrange(4))) + "]"
        if pick == 7:
            keys = [self._random.choice(("a", "b", "é", "\x00", "a")) for _ in range(self._random.randrange(4))]
            return "{" + ",".join(f"{self.text(key)}{self.space()}:{self.value(depth + 1)}" for key in keys) + "}"
        return (
            "null",
            self._random.choice(("true", "false")),
            self._random.choice(_INTEGERS),
            self._random.choice(_DECIMALS),
            self.text(self._random.choice(_TIMES)),
            self.text(self.characters()),
        )[pick]

    def characters(self) -> str:
        return "".join(self._random.choice(_CHARACTERS) for _ in range(self._random.choice((0, 1, 1, 2, 5))))

    def text(self, text: str) -> str:
        """A JSON string of `text`, in one of its spellings; now and then with half a character more."""
        style = self._random.random()
        spelt = json.dumps(text, ensure_ascii=style < 0.3)
        if style > 0.9:
            spelt = '"' + "".join(f"\\u{unit:04x}" for unit in _units(text)) + '"'
        if self._random.random() < self._odd / 10:
            spelt = spelt[:-1] + self._random.choice(_LONE) + '"'
        return spelt

    def space(self) -> str:
        return self._random.choice(_SPACES) if self._random.random() < 0.1 else ""

    def damaged(self, body: bytes) -> bytes:
        """The body with some bytes changed, lost or doubled."""
        text = bytearray(body)
        for _ in range(self._random.choice((1, 1, 2, 4))):
            start = self._random.randrange(len(text) + 1)
            end = min(len(text), start + self._random.choice((0, 0, 1, 1, 2, 8, 40)))
            text[start:end] = self._random.choice(
                (b"", b'"', b"\xed\xa0\x80", b"\\", b"{", b"}", b"[", b"]", b",", b":", b"null", b"\x00", b"\xff",
                 b"\n",
                 b"1", b"e", b"-", b"/**/", b"'", bytes(text[start:end]) * 2, b'"id":"z",', b"{},",
                 b"\xc0\x80", b"\\u")
            )  # fmt: skip
        return bytes(text)

    def _texts(self) -> str:
        if self._random.random() < 0.4:
            return self.text(self.characters())
        items = [self.text(self.characters()) for _ in range(self._random.randrange(4))]
        return "[" + ",".join("null" if self._random.random() < 0.1 else item for item in items) + "]"

    def _is_odd(self, share: float) -> bool:
        return self._random.random() < self._odd * share

    def _prefix(self) -> bytes:
        return b"\xef\xbb\xbf" if self._random.random() < 0.03 else b""


def _units(text: str) -> list[int]:
    """The UTF-16 units of a text."""
    encoded = text.encode("utf-16-be")
    return [int.from_bytes(encoded[place : place + 2], "big") for place in range(0, len(encoded), 2)]
