"""What the tests of the lake share: an account of calls, connections with a lake of their own, and facts of both."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb_videsk
from duckdb_videsk.lake import Lake
from duckdb_videsk.settings import load_settings
from duckdb_videsk.simulator import Behaviour, Simulator, SyntheticAccount

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from duckdb_videsk import Connection

__all__ = ["MARCH", "Shore", "counted", "damage_silently", "refuse_changes", "shore"]

MARCH = "start_time >= '2026-03-03' AND start_time < '2026-03-10'"


@dataclass
class Shore:
    """A simulator, and a folder for lakes."""

    sim: Simulator
    folder: Path

    def connect(self, **options: Any) -> Connection:
        return duckdb_videsk.connect(**self.settings(**options))

    def settings(self, **options: Any) -> dict[str, Any]:
        given = {
            "token": self.sim.token,
            "base_url": self.sim.url,
            "time_zone": "America/Santiago",
            "requests_per_second": 10_000,
            "lake": True,
            "lake_dir": self.folder,
        }
        return given | options

    def lake(self) -> Lake:
        return Lake(load_settings(**self.settings()))

    def files(self) -> list[Path]:
        return sorted(self.folder.rglob("*.parquet"))

    def truth(self, condition: str, *, columns: str = "count(*), sum(hash(id))", table: str = "calls") -> Any:
        with self.connect(lake=False) as con:
            return con.execute(f"SELECT {columns} FROM videsk.{table} WHERE {condition}").fetchall()

    def asked(self, con: Any, query: str) -> tuple[Any, int]:
        """The answer, and how many requests it took."""
        self.sim.forget_asked()
        rows = con.execute(query).fetchall()
        return rows, len(self.sim.asked)


def counted(condition: str, *, table: str = "calls") -> str:
    return f"SELECT count(*), sum(hash(id)) FROM videsk.{table} WHERE {condition}"


@contextlib.contextmanager
def shore(folder: Path, **behaviour: Any) -> Iterator[Shore]:
    account = SyntheticAccount(
        seed=3, since=date(2026, 2, 20), until=datetime.now(UTC).date() + timedelta(days=1), calls_per_day=40
    )
    with Simulator(account, behaviour=Behaviour(**{"cap": 500} | behaviour)) as sim:
        yield Shore(sim, folder)


def damage_silently(file: Path) -> None:
    """Change bytes of a file, and neither its size nor its time."""
    facts = file.stat()
    content = bytearray(file.read_bytes())
    for place in range(40, len(content) * 45 // 100):
        content[place] ^= 0x55
    file.write_bytes(content)
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def refuse_changes(patch: pytest.MonkeyPatch, part: str = "") -> None:
    """No kept file with `part` in its name can be deleted, renamed or added.

    So it is in folders that may not be written to; an administrator, who may run the tests, those would not stop.
    """
    unlink, replace = Path.unlink, Path.replace

    def refusing_unlink(self: Path, missing_ok: bool = False) -> None:
        if self.suffix == ".parquet" and part in self.name and self.exists():
            raise PermissionError(13, "Permission denied", str(self))
        unlink(self, missing_ok)

    def refusing_replace(self: Path, target: Path) -> Path:
        if Path(target).suffix in {".damaged", ".parquet"} and part in Path(target).name and self.exists():
            raise PermissionError(13, "Permission denied", str(self))
        return replace(self, target)

    patch.setattr(Path, "unlink", refusing_unlink)
    patch.setattr(Path, "replace", refusing_replace)
