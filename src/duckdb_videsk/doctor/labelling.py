"""Under which labels columns come: with `keys`, without, and those that no table has a column for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from duckdb_videsk.doctor.verdicts import Verdict
from duckdb_videsk.endpoints import DOCUMENTED_KEYS
from duckdb_videsk.harmless import one_line
from duckdb_videsk.labels import shipped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb_videsk.doctor.evidence import Seen, Table
    from duckdb_videsk.endpoints import Endpoint

__all__ = ["judge_columns", "judge_keys", "judge_labels"]

# One column without a place may be new, while one of the documented ones is not used by the account.
_MORE_THAN_A_NEW_COLUMN = 2
_FALLBACK = "Columns are known by the vendor's Spanish labels too."


def judge_keys(table: Table) -> Verdict | None:
    """Whether columns come under the keys that were asked for."""
    if table.found is None:
        return None
    if table.own_keys_only:
        return Verdict(
            "keys",
            "problem",
            "keys that the export does not have are refused",
            "with all documented keys: refused; with its own: status 201",
            "Set own_keys_only = true (VIDESK_OWN_KEYS_ONLY=true); queries of this table fail before.",
            report=True,
        )
    labels = set(table.found.labels)
    under_key = labels & _documented(table.endpoint)
    under_label = labels & _spanish(table.endpoint) - under_key
    if table.endpoint.parameter is not None and under_key:
        under_label = set()  # a question may have the words of a label
    counts = f"{len(under_key)} of {len(table.endpoint.api_keys)} keys, {len(under_label)} Spanish labels"
    if not labels:
        return Verdict("keys", "unknown", "answers list no columns")
    lost, missing = _others(table.found), set(table.endpoint.api_keys) - labels
    if not under_label and min(len(lost), len(missing)) >= _MORE_THAN_A_NEW_COLUMN:
        counts = f"{counts}, {len(lost)} others"
    elif under_key and not under_label:
        return Verdict("keys", "ok", "honoured", counts)
    if under_label:
        reading = "not honoured for all columns" if under_key else "not honoured"
        return Verdict("keys", "differs", reading, counts, _FALLBACK, report=True)
    reading = "not honoured for all columns" if under_key else "not honoured"
    follows = f"{'The other' if under_key else 'All'} values come in _unmapped alone. Please report it to the vendor."
    return Verdict("keys", "problem", reading, counts, follows, report=True)


def judge_labels(table: Table) -> Verdict | None:
    """What the account's columns are called where no keys are sent."""
    if table.found is None:
        return None
    if table.plain is None:
        return Verdict("labels", "unknown", "not known", table.why_not("plain"))
    labels = set(table.plain.labels)
    documented, spanish = labels & _documented(table.endpoint), labels & _spanish(table.endpoint)
    counts = f"{len(labels)} columns: {len(spanish)} Spanish labels, {len(documented - spanish)} keys"
    if not labels:
        return Verdict("labels", "unknown", "answers list no columns")
    if spanish and not documented - spanish and not set(_others(table.plain)) - set(table.found.left_over):
        return Verdict("labels", "ok", "the vendor's Spanish labels", counts)
    reading = "the API's keys" if documented - spanish and not spanish else "other than the vendor's list"
    return Verdict("labels", "differs", reading, counts, "Every request sends keys, so this matters to no query.")


def _others(seen: Seen) -> Sequence[str]:
    """Columns that are neither known nor a question."""
    return () if seen.endpoint.parameter is not None else seen.left_over


def judge_columns(table: Table) -> Verdict | None:
    """Whether every column and value has its place."""
    if table.found is None or not table.found.rows:
        return None
    unknown = sorted({*_others(table.found)} - {"summary"})
    odd = {label: count for label, count in table.found.unmapped.items() if label not in unknown}
    if not unknown and not odd:
        return Verdict("columns", "ok", "all have their place", f"{len(table.found.labels)} columns")
    found = [f"{len(unknown)} columns without a place: {_listed(unknown)}"] if unknown else []
    found += [f"values of another type: {_listed(sorted(odd))}"] if odd else []
    return Verdict(
        "columns",
        "differs",
        "some have no place",
        "; ".join(found),
        "They are kept in _unmapped, by their label.",
        report=bool(odd),
    )


def _listed(labels: Sequence[str]) -> str:
    shown = ", ".join(f"“{one_line(label[:40])}”" for label in labels[:5])
    return shown if len(labels) <= 5 else f"{shown} and {len(labels) - 5} more"


def _documented(endpoint: Endpoint) -> set[str]:
    return {*endpoint.api_keys, *DOCUMENTED_KEYS}


def _spanish(endpoint: Endpoint) -> set[str]:
    return {shipped("es")[key] for key in endpoint.api_keys}
