"""`python -m benchmarks`: reads the same calls in several ways and prints what each cost, as Markdown.

A full run puts its output into the documentation as well.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.measuring import Result, measured
from benchmarks.report import line, report
from benchmarks.scenarios import FULL, QUICK, Scenario

_FOLDER = Path(__file__).parent
_PAGE = _FOLDER.parent / "docs" / "benchmarks.md"
_MARK = "<!-- results -->"
# Scripts of their own, which print lines rather than rows of the table.
_SCRIPTS = {
    "decode": "bodies to batches, beside `orjson.loads`",
    "lake": "kept days, ten million calls of five years, beside DuckDB on one Parquet file",
}


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    options.add_argument("--quick", action="store_true", help="fewer and smaller scenarios, some 90 seconds")
    names = sorted({scenario.name for scenario in (*FULL, *QUICK)} | set(_SCRIPTS))
    options.add_argument("--only", choices=names, metavar="NAME", help=f"one scenario: {', '.join(names)}")
    chosen = options.parse_args()
    wanted = {chosen.only} if chosen.only else set(names)
    planned = QUICK if chosen.quick else FULL
    if chosen.only and chosen.only not in {*(scenario.name for scenario in planned), *_SCRIPTS}:
        options.error(f"{chosen.only} is no scenario of {'a quick' if chosen.quick else 'the full'} run")
    started = time.monotonic()
    results = _told([scenario for scenario in planned if scenario.name in wanted])
    text = report(results) if results else ""
    for name in _SCRIPTS if chosen.only or not chosen.quick else ():
        if name in wanted:
            text += f"\n**{name}**: {_SCRIPTS[name]}\n\n```text\n{_printed_by(name)}```\n"
    text += f"\nAll of it took {time.monotonic() - started:.0f} s.\n"
    print(text)
    if not chosen.quick and not chosen.only:
        _keep(text)
    return 0


def _told(scenarios: list[Scenario]) -> list[Result]:
    """The results, each of them shown as it comes."""
    results = []
    for result in measured(scenarios):
        results.append(result)
        print(f"{result.scenario.name:<16}", *line(result, None), sep="  ", file=sys.stderr, flush=True)
    return results


def _printed_by(script: str) -> str:
    command = [sys.executable, str(_FOLDER / f"{script}.py")]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _keep(text: str) -> None:
    page = _PAGE.read_text("utf-8")
    _PAGE.write_text(f"{page.partition(_MARK)[0]}{_MARK}\n\n{text}", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
