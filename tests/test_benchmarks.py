"""The benchmarks run, and a small scan of theirs keeps within the bound on requests. Nothing is timed here."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_smallest_scenario_runs_and_stays_within_the_requests_allowed():
    command = [sys.executable, "-m", "benchmarks", "--quick", "--only", "tiny"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60)
    found = re.search(r"\| tiny, product: requests \| ([\d.]+) \| ([\d.]+) \|", done.stdout)
    assert found is not None, done.stdout
    limit, requests = map(float, found.groups())
    assert 15 <= requests <= limit <= 1.15 * 15 + 8
    assert "| tiny, product: rows not there | 0 | 0 | met |" in done.stdout
