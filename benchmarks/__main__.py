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
from benchmarks.scenarios import FULL, QUICK

_FOLDER = Path(__file__).parent
_PAGE = _FOLDER.parent / "docs" / "benchmarks.md"
_MARK = "<!-- results -->"
_DECODE = "decode"


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    options.add_argument("--quick", action="store_true", help="fewer and smaller scenarios, some 90 seconds")
    names = sorted({scenario.name for scenario in (*FULL, *QUICK)} | {_DECODE})
    options.add_argument("--only", choices=names, metavar="NAME", help=f"one scenario: {', '.join(names)}")
    chosen = options.parse_args()
    wanted = {chosen.only} if chosen.only else set(names)
    planned = QUICK if chosen.quick else FULL
    if chosen.only and chosen.only not in {*(scenario.name for scenario in planned), _DECODE}:
        options.error(f"{chosen.only} is no scenario of {'a quick' if chosen.quick else 'the full'} run")
    started = time.monotonic()
    results = _told([scenario for scenario in planned if scenario.name in wanted])
    text = report(results) if results else ""
    if _DECODE in wanted and (chosen.only or not chosen.quick):
        text += f"\n**{_DECODE}**: bodies to batches, beside `orjson.loads`\n\n```text\n{_decoding()}```\n"
    text += f"\nAll of it took {time.monotonic() - started:.0f} s.\n"
    print(text)
    if not chosen.quick and not chosen.only:
        _keep(text)
    return 0


def _told(scenarios: list) -> list[Result]:
    """The results, each of them shown as it comes."""
    results = []
    for result in measured(scenarios):
        results.append(result)
        print(f"{result.scenario.name:<16}", *line(result, None), sep="  ", file=sys.stderr, flush=True)
    return results


def _decoding() -> str:
    done = subprocess.run([sys.executable, str(_FOLDER / "decode.py")], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def _keep(text: str) -> None:
    page = _PAGE.read_text("utf-8")
    _PAGE.write_text(f"{page.partition(_MARK)[0]}{_MARK}\n\n{text}", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
