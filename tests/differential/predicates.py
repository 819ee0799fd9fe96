"""Random predicates over calls as SQL, for hypothesis; and plain conjunctions that know which times they allow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

__all__ = ["Bounded", "conjunctions", "trees"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000
# Where the odd account's calls are: two nights, a call every ten minutes and a bit.
_NIGHTS = (datetime(2026, 4, 4, 22, 5, tzinfo=UTC), datetime(2026, 9, 5, 23, 5, tzinfo=UTC))
_EVERY = timedelta(minutes=10, milliseconds=37)


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _literal(micros: int) -> str:
    moment = _EPOCH + timedelta(microseconds=micros)
    return f"TIMESTAMPTZ '{moment.strftime('%Y-%m-%d %H:%M:%S.%f')}+00'"


_ROWS = [_micros(night + n * _EVERY) // _SECOND * _SECOND for night in _NIGHTS for n in range(70)]

instants = st.one_of(
    st.builds(
        int.__add__,
        st.sampled_from(_ROWS),
        st.sampled_from([0, 0, 0, 1, -1, 37_000, 500_000, 999_999, _SECOND, -_SECOND, _SECOND + 1]),
    ),
    st.integers(_ROWS[0] - 86_400 * _SECOND, _ROWS[-1] + 86_400 * _SECOND),
    st.sampled_from([_micros(datetime(1970, 1, 1, tzinfo=UTC)), _micros(datetime(2999, 1, 1, tzinfo=UTC))]),
)
_comparisons = st.sampled_from([">=", ">", "<", "<=", "=", "<>"])
_texts = st.sampled_from(
    [
        "Ana",
        "ana",
        "",
        " ",
        "NULL",
        "ñandú 👏",
        "Raúl O'Higgins",
        "is_in(start_time, {value_set=timestamp[us, tz=UTC]:[",
    ]
)
_numbers = st.sampled_from(["0", "90", "-135", "6", "6e-08", "600000000", "180.0", "1e300", "'NaN'::DOUBLE"])


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _listed(items: list[str]) -> str:
    return ", ".join(items)


def _times(column: str) -> st.SearchStrategy[str]:
    literals = instants.map(_literal)
    members = st.lists(literals, min_size=1, max_size=6).map(_listed)
    return st.one_of(
        st.builds(f"{column} {{}} {{}}".format, _comparisons, literals),
        st.builds(f"{column} BETWEEN {{}} AND {{}}".format, literals, literals),
        st.builds(f"{column} {{}} ({{}})".format, st.sampled_from(["IN", "NOT IN"]), members),
        st.builds(f"{column} {{}}".format, st.sampled_from(["IS NULL", "IS NOT NULL"])),
        st.builds(f"{column} IS DISTINCT FROM {{}}".format, literals),
    )


_others = st.one_of(
    st.builds("agent {} {}".format, _comparisons, _texts.map(_quoted)),
    st.builds(
        "agent {} ({})".format,
        st.sampled_from(["IN", "NOT IN"]),
        st.lists(_texts.map(_quoted), min_size=1, max_size=4).map(_listed),
    ),
    st.builds("duration_seconds {} {}".format, _comparisons, _numbers),
    st.builds("duration_seconds IN ({})".format, st.lists(_numbers, min_size=1, max_size=4).map(_listed)),
    st.sampled_from(
        [
            "agent IS NULL",
            "duration_seconds IS NOT NULL",
            "transferred_agent",
            "transferred_agent IS NOT TRUE",
            "tags IS NULL",
            "agent LIKE 'A%'",
            "_unmapped IS NULL",
        ]
    ),
)
_leaves = st.one_of(_times("start_time"), _times("start_time"), _times("end_time"), _others)

trees = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
        st.builds("(NOT {})".format, inner),
    ),
    max_leaves=8,
)


@dataclass(frozen=True)
class Bounded:
    """A conjunction, and the microseconds (both included) that its range column can have."""

    sql: str
    first: int
    last: int


_FOREVER = 1 << 62


@st.composite
def conjunctions(draw: st.DrawFn) -> Bounded:
    first, last, parts = -_FOREVER, _FOREVER, []
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from([">=", ">", "<", "<=", "=", "BETWEEN", "IN"]))
        one = sorted(draw(st.lists(instants, min_size=2, max_size=4)))
        if kind == "BETWEEN":
            low, high, text = one[0], one[-1], f"{_literal(one[0])} AND {_literal(one[-1])}"
        elif kind == "IN":
            low, high, text = one[0], one[-1], f"({_listed([_literal(moment) for moment in one])})"
        else:
            text = _literal(one[0])
            low = one[0] + (kind == ">") if kind in {">", ">=", "="} else -_FOREVER
            high = one[0] - (kind == "<") if kind in {"<", "<=", "="} else _FOREVER
        first, last = max(first, low), min(last, high)
        parts.append(f"start_time {kind} {text}")
    parts += draw(st.lists(_others, max_size=2))
    return Bounded(" AND ".join(f"({part})" for part in draw(st.permutations(parts))), first, last)
