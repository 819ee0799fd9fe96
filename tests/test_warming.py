"""What is made ready beside the catalog: once, without a trace, and nothing depends on it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """
import threading
import duckdb_videsk
from duckdb_videsk import warming

def connect(**options):
    return duckdb_videsk.connect(token="t" * 20, lake=False, cache_dir="none", **options)

def threads():
    return [thread for thread in threading.enumerate() if thread.name == "videsk-warm-up"]

DAY = "SELECT 1 FROM videsk.calls WHERE start_time::date = DATE '2026-03-01'"
"""


def printed_by(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", HEAD + textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


def test_it_happens_once_and_ends() -> None:
    script = """
        begun = []
        start = threading.Thread.start
        threading.Thread.start = lambda thread: (begun.append(thread.name), start(thread))[1]
        first, second = connect(), connect()
        for thread in threads():
            thread.join(30)
        print(begun.count("videsk-warm-up"), threads())
    """
    assert printed_by(script) == "1 []\n"


def test_what_it_made_is_used() -> None:
    script = """
        from duckdb_videsk import client
        from duckdb_videsk.rewriting import grid, steady
        con = connect()
        for thread in threads():
            thread.join(30)
        print(len(grid._spare), len(steady._steady), client._trusted.cache_info().currsize)
        before = steady._steady[0]
        print(con._rewritten(DAY) != DAY, grid._spare, steady._steady[0] is before)
        other = []
        def elsewhere():
            with con.cursor() as cursor:
                other.append(cursor._rewritten(DAY) != DAY)
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        print(other)
    """
    assert printed_by(script) == "1 1 1\nTrue [] True\n[True]\n"


def test_where_no_thread_can_be_begun_a_connection_opens_all_the_same() -> None:
    script = """
        def refuse(thread):
            raise RuntimeError("can't start new thread")
        threading.Thread.start = refuse
        con = connect()
        print(con._rewritten(DAY) != DAY)
    """
    assert printed_by(script) == "True\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("held", ["an import", "a lock of DuckDB"])
def test_a_fork_waits_until_it_is_over(held: str, tmp_path: Path) -> None:
    (tmp_path / "made_slowly.py").write_text("import time\ntime.sleep(1)")
    script = f"""
        import importlib, os, signal, sys, time

        sys.path.insert(0, {str(tmp_path)!r})
        inside, lock = threading.Event(), threading.Lock()

        def prepare():
            inside.set()
            if {held!r} == "an import":
                importlib.import_module("made_slowly")
            else:
                with lock:
                    time.sleep(1)

        warming.client.prepare, warming.rewriting.prepare = prepare, lambda: None
        warming.warm_up()
        inside.wait()
        time.sleep(0.1)
        child = os.fork()
        if not child:
            signal.alarm(10)
            prepare()
            os._exit(0)
        print(os.waitpid(child, 0)[1])
    """
    assert printed_by(script) == "0\n"


@pytest.mark.parametrize("fault", ["raise OSError('no certificates')", "raise SystemError", "return None"])
def test_what_fails_in_it_is_no_matter(fault: str) -> None:
    script = f"""
        def prepare():
            {fault}
        warming.client.prepare = warming.rewriting.prepare = prepare
        con = connect()
        for thread in threads():
            thread.join(30)
        print(con._rewritten(DAY) != DAY)
    """
    assert printed_by(script) == "True\n"


def test_a_connection_without_the_api_has_no_use_for_it(tmp_path: Path) -> None:
    script = f"""
        con = duckdb_videsk.connect(token="t" * 20, offline=True, lake=True, lake_dir={str(tmp_path)!r})
        print(threads(), warming._begun.is_set())
    """
    assert printed_by(script) == "[] False\n"


def test_a_process_may_end_at_once() -> None:
    assert printed_by("connect().close()") == ""
    assert printed_by("connect()") == ""
