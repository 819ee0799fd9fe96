"""Whether the token is taken, what each table answers, and how a refusal looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from duckdb_videsk.doctor.verdicts import Verdict
from duckdb_videsk.settings import AUTH_HEADERS

if TYPE_CHECKING:
    from duckdb_videsk.doctor.evidence import Account, Failure, Table

__all__ = ["judge_access", "judge_refusal", "judge_token"]

_REPORT_THIS = "Nothing of this table can be read until it is mended. Please report it to the vendor."
_ADVICE = {
    "AuthenticationError": "Where other tables take the token, ask the vendor why this one does not.",
    "ForbiddenError": "The token may not read this export: ask whoever manages the account, or leave the table out.",
    "BadRequestError": "If it takes an id, check the id; else please report it to the vendor.",
    "RateLimitError": "Does another program use the token? Lower requests_per_second, then run this again.",
    "ConnectionFailedError": "Check the network, the proxy and base_url.",
    "ServerError": "Scans try again some times. Run this later; if it stays, please report it to the vendor.",
    "ResponseError": _REPORT_THIS,
}


def judge_token(account: Account) -> Verdict:
    """Which header takes the token."""
    taken, asked = account.auth_header, account.settings.auth_header
    failures = [table.failure for table in account.tables if table.failure is not None]
    if taken is None:
        return _untaken(account, failures)
    if taken != asked:
        return Verdict(
            "token",
            "problem",
            f"taken in the header {taken}, refused in {asked}",
            f"{asked}: status 401; {taken}: status 201",
            f"Set auth_header = '{taken}' (VIDESK_AUTH_HEADER={taken}); every query fails before.",
        )
    if (expelled := _expelled(account)) is not None:
        return Verdict(
            "token",
            "problem",
            "taken at first, then refused",
            str(expelled),
            "It may have expired meanwhile: make a new one and set VIDESK_API_TOKEN.",
        )
    return Verdict("token", "ok", f"taken in the header {taken}", "status 201")


def _expelled(account: Account) -> Failure | None:
    """How the token was refused after it had been taken; None where it is good, but for single exports."""
    if account.refusal is not None and account.refusal.kind == "AuthenticationError":
        return account.refusal
    if account.stopped != "token":
        return None
    return next(failure for table in reversed(account.tables) if (failure := table.failure or table.expelled))


def _untaken(account: Account, failures: list[Failure]) -> Verdict:
    refused = next((failure for failure in failures if failure.kind == "AuthenticationError"), None)
    if len(account.refused_in) == 1:
        return _taken_in_neither(failures, account.refused_in[0])
    if refused is not None:
        return Verdict(
            "token",
            "problem",
            "not taken in either header",
            str(refused),
            "Set a new VIDESK_API_TOKEN. No more was tried, so that the account is not locked.",
        )
    if any(failure.kind == "ForbiddenError" for failure in failures):
        return Verdict("token", "unknown", "known, it seems, but no table may be read", str(failures[0]))
    if any(failure.kind == "ConnectionFailedError" for failure in failures):
        return Verdict(
            "token",
            "problem",
            "the server was not reached",
            str(failures[0]),
            "Check the network, the proxy and base_url. Nothing is known of the token.",
        )
    return Verdict("token", "unknown", "nothing was answered", str(failures[0]) if failures else "no table was asked")


def _taken_in_neither(failures: list[Failure], first: str) -> Verdict:
    """Refused in one header, and not known of the other."""
    (other,) = (name for name in AUTH_HEADERS if name != first)
    forbidden = next((failure for failure in failures if failure.kind == "ForbiddenError"), None)
    if forbidden is not None:
        return Verdict(
            "token",
            "problem",
            f"refused in {first}; in {other} it may read nothing",
            f"{first}: status 401; {other}: {forbidden}",
            f"Set a new VIDESK_API_TOKEN; or auth_header = '{other}', and ask whoever manages the account.",
        )
    came = next((str(failure) for failure in failures if failure.kind != "AuthenticationError"), "no answer")
    return Verdict(
        "token",
        "problem",
        f"refused in {first}; of {other} nothing is known",
        f"{first}: status 401; {other}: {came}",
        f"Set a new VIDESK_API_TOKEN, or try auth_header = '{other}' (VIDESK_AUTH_HEADER={other}).",
    )


def judge_access(table: Table) -> Verdict | None:
    """Whether a table can be read at all."""
    failure = table.failure
    if failure is not None:
        advice = _ADVICE.get(failure.kind, _REPORT_THIS)
        if failure.shape == "page":
            advice = f"A web page came instead of JSON: a proxy or the base URL may be at fault. {advice}"
        report = failure.kind in {"ResponseError", "ServerError", "BadRequestError"}
        return Verdict("access", "problem", "cannot be read", str(failure), advice, report)
    if table.found is None:
        return Verdict("access", "unknown", "not checked", table.skipped.get("table", "no answer"))
    if not table.found.rows:
        return Verdict("access", "unknown", "no records in the range", _searched(table))
    return Verdict("access", "ok", "can be read")


def _searched(table: Table) -> str:
    days = table.searched.length / 86_400e6 if table.searched else 0.0
    return f"looked at {days:,.0f} days" if days >= 1 else f"looked at {days * 24:,.1f} hours"


def judge_refusal(account: Account) -> Verdict:
    """What the API says to a request that cannot be right."""
    failure = account.refusal
    if failure is None:
        return Verdict(
            "refusals",
            "unknown",
            "not seen" if not account.refusal_taken else "a time zone that is none is not refused",
            "asked for the zone Nowhere/Never: status 201" if account.refusal_taken else "no request was refused",
        )
    seen = f"asked for the zone Nowhere/Never: {failure}"
    if failure.shape == "documented":
        return Verdict("refusals", "ok", "JSON with name, message and code, as documented", seen)
    if failure.status is None:
        return Verdict("refusals", "unknown", "no answer to a wrong request", seen)
    return Verdict(
        "refusals",
        "differs",
        "no JSON error as documented",
        seen,
        "Errors are told by their status; the server's reason may be missing from their text.",
        report=True,
    )
