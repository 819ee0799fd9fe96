"""Progress lines: on a terminal, for long scans, and gone at the end."""

import contextlib
import io
import os
import pty
import re
import subprocess
import sys
import termios
import threading

from duckdb_videsk.fetch import Progress
from duckdb_videsk.progress import ProgressLines, watcher
from duckdb_videsk.simulator import Behaviour, Records, Simulator

SCRIPT = """
import sys, duckdb_videsk
con = duckdb_videsk.connect(token=sys.argv[1], base_url=sys.argv[2], concurrency=1)
print(con.sql("SELECT count(*) FROM videsk.calls WHERE start_time >= '2026-10-01'").fetchall())
con.close()
"""


def told(lines, *, requests, expected, rows=1_234, ended=False):
    lines(Progress(7, "calls", rows, requests, expected, ended))


def test_a_line_says_requests_rows_and_table_and_goes_away():
    stream = io.StringIO()
    threads = threading.active_count()
    lines = ProgressLines(stream, after_seconds=0)
    told(lines, requests=3, expected=None)
    told(lines, requests=10, expected=40)
    shown = stream.getvalue()
    assert "videsk.calls" in shown
    assert "10/40" in shown
    assert "1,234 rows" in shown
    assert re.search(r"[\[]00:0[0-9]<", shown), "time since the scan began"
    told(lines, requests=40, expected=40, ended=True)
    assert stream.getvalue().endswith("\r")
    assert threading.active_count() == threads


def test_short_scans_show_nothing():
    stream = io.StringIO()
    lines = ProgressLines(stream, after_seconds=60)
    told(lines, requests=3, expected=5)
    told(lines, requests=5, expected=5, ended=True)
    assert stream.getvalue() == ""


def test_nobody_watches_a_captured_stream():
    assert watcher(None) is None
    assert watcher(False) is None
    assert watcher(True) is not None


def run(url, stderr):
    command = [sys.executable, "-c", SCRIPT, "sim-token", url]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=stderr, text=True, timeout=60, check=True)


def read_to_the_end(descriptor, into):
    """Linux ends a terminal that nobody writes to any more with an error."""
    with contextlib.suppress(OSError):
        while piece := os.read(descriptor, 4_096):
            into.append(piece)


def test_a_real_terminal_and_a_pipe():
    rows = [{"id": f"{n:024x}", "startTime": 1_791_000_000_000 + n * 1_000} for n in range(60)]
    with Simulator(Records({"calls": rows}), behaviour=Behaviour(cap=10, latency_s=0.25)) as sim:
        piped = run(sim.url, subprocess.PIPE)
        assert piped.stderr == ""
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (24, 100))
        shown = []
        reader = threading.Thread(target=read_to_the_end, args=(ours, shown))
        reader.start()
        try:
            assert run(sim.url, theirs).stdout == piped.stdout
        finally:
            os.close(theirs)
            reader.join()
            os.close(ours)
    assert b"videsk.calls" in b"".join(shown)
    assert b"sim-token" not in b"".join(shown)
