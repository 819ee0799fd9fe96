"""The request that all clients but the product make by hand; with the same labels, so that one text serves all."""

from __future__ import annotations

import json

from duckdb_videsk.endpoints import by_table

__all__ = ["PATH", "TOKEN", "asked_body", "headers"]

PATH = "/reports/exports/calls"
TOKEN = "sim-token"  # noqa: S105 - the simulator's, no secret

_KEYS = {key: key for key in by_table()["calls"].api_keys}


def asked_body(start: str, end: str) -> bytes:
    """The body that asks for the calls between two instants, both counted in, oldest first."""
    fields = {"$sort": 1, "start": start, "end": end, "timezone": "UTC", "keys": _KEYS}
    return json.dumps(fields).encode()


def headers(token: str = TOKEN) -> dict[str, str]:
    return {"X-API-Token": f"Bearer {token}", "Content-Type": "application/json"}
