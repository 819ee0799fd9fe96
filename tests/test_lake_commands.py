"""`videsk sync`, `verify` and `forget`: what they keep, say and leave."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from duckdb_videsk.cli import main
from duckdb_videsk.endpoints import by_table
from duckdb_videsk.errors import LakeChangedError
from duckdb_videsk.lake.upkeep import compact
from duckdb_videsk.simulator import Fault, Records, Simulator
from lakes import MARCH, Shore, counted, damage_silently, refuse_changes, shore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MONTHS = "start_time >= '2026-03-01' AND start_time < '2026-05-10'"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shore]:
    with shore(tmp_path / "lake") as made:
        set_environment(monkeypatch, made)
        yield made


def set_environment(monkeypatch: pytest.MonkeyPatch, here: Shore) -> None:
    for name in [name for name in os.environ if name.startswith("VIDESK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("VIDESK_API_TOKEN", here.sim.token)
    monkeypatch.setenv("VIDESK_BASE_URL", here.sim.url)
    monkeypatch.setenv("VIDESK_LAKE_DIR", str(here.folder))
    monkeypatch.setenv("VIDESK_TIME_ZONE", "America/Santiago")
    monkeypatch.setenv("VIDESK_REQUESTS_PER_SECOND", "10000")
    monkeypatch.setenv("VIDESK_CACHE_DIR", "none")


@pytest.fixture
def videsk(here: Shore, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        here.sim.forget_asked()
        code = main(arguments)
        written = capsys.readouterr()
        return code, written.out, written.err

    return run


def test_sync_fills_a_range_and_then_asks_nothing(here: Shore, videsk: Callable[..., tuple[int, str, str]]) -> None:
    chosen = ("sync", "--since", "2026-03-01", "--until", "2026-05-10", "--tables", "calls,queues")
    code, out, err = videsk(*chosen)
    assert (code, err) == (0, "")
    assert "calls: " in out
    assert "queues: " in out
    assert len(here.sim.asked) > 0
    code, out, _ = videsk(*chosen)
    assert code == 0
    assert "calls: 0 records of 0 days fetched; kept until 2026-05-11" in out
    assert here.sim.asked == []
    want = here.truth(MONTHS)
    with here.connect() as con:
        assert here.asked(con, counted(MONTHS)) == (want, 0)


def test_sync_goes_on_from_what_is_kept(here: Shore, videsk: Callable[..., tuple[int, str, str]]) -> None:
    assert videsk("sync", "--since", "2026-11-01", "--until", "2026-11-10", "--tables", "calls")[0] == 0
    first = here.files()
    code, out, _ = videsk("sync", "--tables", "calls")
    settled = datetime.now(UTC).date() - timedelta(days=3)
    assert code == 0
    assert f"kept until {settled}" in out
    assert all(asked.start_text >= "2026-11-10T23:59:59Z" for asked in here.sim.asked)
    assert len(here.files()) > len(first) or settled.month != 11
    code, _, err = videsk("sync", "--tables", "queues")
    assert code == 2
    assert "--since" in err


def test_sync_goes_on_with_other_tables_where_one_fails(
    here: Shore, videsk: Callable[..., tuple[int, str, str]]
) -> None:
    here.sim.behaviour.faults = [Fault("status", times=None, endpoint="queues", status=403)]
    code, out, err = videsk("sync", "--since", "2026-03-01", "--until", "2026-03-05", "--tables", "queues,calls")
    assert code == 1
    assert "queues: 0 records of 0 days fetched, then failed" in out
    assert "kept until 2026-03-06" in out
    assert "403" in err


@pytest.mark.filterwarnings("ignore::duckdb_videsk.LakeWarning")
def test_sync_fails_where_days_could_not_be_kept_and_goes_on(
    here: Shore, videsk: Callable[..., tuple[int, str, str]]
) -> None:
    calls = here.lake().shelf(by_table()["calls"]).folder
    calls.parent.mkdir(parents=True)
    calls.write_text("a file where a folder should be")
    chosen = ("sync", "--since", "2026-03-01", "--until", "2026-03-05", "--tables", "calls,queues")
    code, out, err = videsk(*chosen)
    assert code == 1
    assert "calls: kept" not in out
    assert "queues: " in out
    assert "fetched; kept until 2026-03-06" in out.splitlines()[1]
    assert (
        "days of calls were read but could not be kept: from 2026-03-01T00:00:00Z until 2026-03-06T00:00:00Z" in err
    )
    calls.unlink()
    assert videsk(*chosen)[0] == 0


@pytest.mark.filterwarnings("ignore::duckdb_videsk.LakeWarning")
def test_sync_names_the_days_that_could_not_be_kept(
    here: Shore, videsk: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def replace_unless_named(self: Path, target: Path) -> Path:
        if Path(target).name.startswith("2026-03-03_"):
            raise OSError(28, "No space left on device")
        return replace(self, target)

    chosen = ("sync", "--since", "2026-03-01", "--until", "2026-03-05", "--tables", "calls")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", replace_unless_named)
        code, out, err = videsk(*chosen)
    assert code == 1
    assert "then failed" in out
    assert "could not be kept: from 2026-03-03T00:00:00Z until 2026-03-06T00:00:00Z" in err
    assert videsk(*chosen)[0] == 0


@pytest.mark.filterwarnings("ignore::duckdb_videsk.LakeWarning")
def test_sync_by_a_clock_that_is_ahead_keeps_nothing_and_says_so(
    here: Shore, videsk: Callable[..., tuple[int, str, str]]
) -> None:
    here.sim.behaviour.clock_ahead_s = -8_000
    code, out, err = videsk("sync", "--since", "2026-03-01", "--until", "2026-03-05", "--tables", "calls")
    assert code == 1
    assert "kept until" not in out
    assert "could not be kept" in err


def test_days_that_cannot_be_merged_hide_no_other_fault(
    here: Shore, videsk: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("duckdb_videsk.lake_commands.compact", full)
    chosen = ("sync", "--since", "2026-03-01", "--until", "2026-03-05", "--tables", "calls,queues")
    code, out, err = videsk(*chosen)
    assert (code, out.count("kept until 2026-03-06")) == (1, 2)
    assert "could not be merged into months; none is lost" in err
    here.sim.behaviour.faults = [Fault("status", times=None, endpoint="queues", status=403)]
    assert videsk("forget", "--everything")[0] == 0
    code, _, err = videsk(*chosen)
    assert code == 1
    assert "403" in err


def test_sync_merges_days_into_months(here: Shore, videsk: Callable[..., tuple[int, str, str]]) -> None:
    with here.connect() as con:
        want = con.execute(counted(MARCH)).fetchall()
    assert len(here.files()) > 7
    with here.connect():
        code, out, _ = videsk("sync", "--since", "2026-03-01", "--until", "2026-03-31", "--tables", "calls")
        assert code == 0
        assert "Another program has the kept days open" in out
        assert len(here.files()) > 7
    code, out, _ = videsk("sync", "--since", "2026-03-01", "--until", "2026-03-31", "--tables", "calls")
    assert code == 0
    assert [file.name.split(".")[0] for file in here.files()] == ["2026-03-01_2026-04-01"]
    with here.connect() as con:
        assert here.asked(con, counted(MARCH)) == (want, 0)


def test_a_killed_merge_doubles_nothing(here: Shore) -> None:
    """Days that stand beside the month that holds them are not read, and go away."""
    month = "start_time >= '2026-02-28 21:00' AND start_time < '2026-03-31 21:00'"
    with here.connect() as con:
        con.execute(counted(MARCH)).fetchall()
        days = {file: file.read_bytes() for file in here.files()}
        times = {file: file.stat().st_mtime for file in days}
        want = con.execute(counted(month)).fetchall()
    assert compact(here.lake()) == 1
    for file, content in days.items():
        file.write_bytes(content)
        os.utime(file, (times[file], times[file]))
    with here.connect() as con:
        assert here.asked(con, counted(month)) == (want, 0)
    assert compact(here.lake()) == 0
    assert len(here.files()) == 1


@pytest.mark.parametrize("name", ["copy.duckdb", "folder"])
def test_sync_to(here: Shore, videsk: Callable[..., tuple[int, str, str]], tmp_path: Path, name: str) -> None:
    target = tmp_path / name
    form = here.sim.source.form_ids[0]
    chosen = ("sync", "--since", "2026-03-03", "--until", "2026-03-10", "--tables", "calls,forms", "--forms", form)
    for _ in range(2):
        code, out, err = videsk(*chosen, "--to", str(target))
        assert (code, err) == (0, "")
        assert "Written to" in out
    with duckdb.connect() as bare:
        if name == "folder":
            calls = f"'{target}/calls.parquet'"
        else:
            bare.execute(f"ATTACH '{target}' AS mine")
            calls = "mine.main.calls"
            spanish = bare.execute('SELECT count("Agente") FROM mine.es.llamadas').fetchall()
            assert spanish == bare.execute(f"SELECT count(agent) FROM {calls}").fetchall()
            assert bare.execute("SELECT DISTINCT form FROM mine.forms").fetchall() == [(form,)]
        assert bare.execute(f"SELECT count(*), sum(hash(id)) FROM {calls}").fetchall() == here.truth(MARCH)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
@pytest.mark.parametrize(("name", "file"), [("copy.duckdb", "copy.duckdb"), ("folder", "folder/calls.parquet")])
def test_sync_to_writes_for_the_user_alone_and_keeps_a_mode_that_was_set(
    videsk: Callable[..., tuple[int, str, str]], tmp_path: Path, name: str, file: str
) -> None:
    (tmp_path / "folder").mkdir(mode=0o755)
    chosen = ("sync", "--since", "2026-03-03", "--until", "2026-03-05", "--tables", "calls")
    umask = os.umask(0o022)
    try:
        assert videsk(*chosen, "--to", str(tmp_path / name))[0] == 0
        assert oct((tmp_path / file).stat().st_mode & 0o777) == "0o600"
        for mode in (0o640, 0o644, 0o600):
            (tmp_path / file).chmod(mode)
            assert videsk(*chosen, "--to", str(tmp_path / name))[0] == 0
            assert (tmp_path / file).stat().st_mode & 0o777 == mode
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(umask)


def test_sync_to_leaves_other_tables_of_a_database(
    here: Shore, videsk: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    target = tmp_path / "mine.duckdb"
    with duckdb.connect(str(target)) as mine:
        mine.execute("CREATE TABLE own AS SELECT 1 AS one")
    chosen = ("sync", "--since", "2026-03-03", "--until", "2026-03-10", "--tables", "calls", "--to", str(target))
    assert videsk(*chosen)[0] == 0
    with duckdb.connect(str(target), read_only=True) as mine:
        assert mine.execute("FROM own").fetchall() == [(1,)]
        assert mine.execute("SELECT count(*) > 0 FROM calls").fetchall() == [(True,)]


@pytest.mark.parametrize(
    ("since", "until", "said"),
    [
        ("2026-03-10", "2026-03-03", "The range ends before it begins: since 2026-03-10, until 2026-03-03."),
        ("2026-03-10 06:00", "2026-03-10 05:00", "since 2026-03-10 06:00:00, until 2026-03-10 05:00:00."),
        ("2026-03-03", "2026-03-03", "The range holds no day: since 2026-03-03"),
    ],
)
def test_a_range_without_days_is_refused_before_anything_is_touched(
    here: Shore, videsk: Callable[..., tuple[int, str, str]], tmp_path: Path, since: str, until: str, said: str
) -> None:
    target = tmp_path / "copy.duckdb"
    chosen = ("--tables", "calls")
    assert videsk("sync", "--since", "2026-03-03", "--until", "2026-03-05", *chosen, "--to", str(target))[0] == 0
    before, kept = target.read_bytes(), here.files()
    for command in (("sync", "--to", str(target)), ("sync",), ("verify",), ("verify", "--forget"), ("forget",)):
        code, out, err = videsk(*command, "--since", since, "--until", until, *chosen)
        assert (code, out) == (2, "")
        assert said in err
        assert here.sim.asked == []
    assert target.read_bytes() == before
    assert here.files() == kept


@pytest.mark.parametrize("command", ["sync", "verify", "forget", "doctor"])
def test_what_is_no_date_is_refused_in_plain_words(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--since", "abc"])
    assert caught.value.code == 2
    said = "argument --since: 'abc' is no date: write it as in 2026-03-01, or with a time as in 2026-03-01T08:30"
    assert said in capsys.readouterr().err


def test_a_warning_on_the_command_line_shows_no_code(here: Shore, tmp_path: Path) -> None:
    here.sim.behaviour.clock_ahead_s = -8_000
    words = ["sync", "--since", "2026-03-01", "--until", "2026-03-05", "--tables", "calls,queues"]
    done = subprocess.run(
        [sys.executable, "-m", "duckdb_videsk", *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    told, *rest = done.stderr.splitlines()
    ahead = "This machine's clock is 2.2 hours ahead of the server's: no days are kept."
    assert told == f"videsk.lake:1: LakeWarning: {ahead}"
    assert [line.split(" ")[0] for line in rest] == ["videsk:"]


def test_sync_to_writes_nothing_of_before_the_first_kept_day(
    here: Shore, videsk: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    target = tmp_path / "copy.duckdb"
    chosen = ("--tables", "calls", "--to", str(target))
    assert videsk("sync", "--since", "2026-03-03", "--until", "2026-03-05", *chosen)[0] == 0
    before = target.read_bytes()
    code, _, err = videsk("sync", "--until", "2026-02-01", *chosen)
    assert code == 2
    assert "Nothing is kept from before 2026-02-01" in err
    assert target.read_bytes() == before


def test_forget(here: Shore, videsk: Callable[..., tuple[int, str, str]]) -> None:
    with here.connect() as con:
        con.execute(counted(MARCH)).fetchall()
    before = len(here.files())
    assert videsk("forget")[0] == 2
    code, out, _ = videsk("forget", "--since", "2026-03-05", "--until", "2026-03-06", "--tables", "calls")
    assert (code, out) == (0, "2 files deleted\n")
    assert len(here.files()) == before - 2
    assert videsk("forget", "--everything")[:2] == (0, f"{before - 2} files deleted\n")
    assert here.files() == []


def test_forget_says_what_it_could_not_delete(
    here: Shore, videsk: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with here.connect() as con:
        con.execute(counted(MARCH)).fetchall()
    before = here.files()
    kept = [file for file in before if "2026-03-05_" in file.name]
    with monkeypatch.context() as patched:
        refuse_changes(patched, "2026-03-05_")
        code, out, err = videsk("forget", "--everything")
    assert (code, out) == (1, f"{len(before) - len(kept)} files deleted\n")
    assert here.files() == kept
    assert f"{len(kept)} files or folders of kept days could not be deleted" in err
    assert f"{len(kept)} in {kept[0].parent} (Permission denied)" in err
    assert videsk("forget", "--everything")[:2] == (0, f"{len(kept)} files deleted\n")


def test_forget_says_which_folder_it_cannot_look_into(
    here: Shore, videsk: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with here.connect() as con:
        con.execute(counted(MARCH)).fetchall()
    folder = here.files()[0].parent
    iterdir = Path.iterdir

    def iterdir_unless_closed(self: Path) -> Iterator[Path]:
        if self == folder:
            raise PermissionError(13, "Permission denied", str(self))
        return iterdir(self)

    monkeypatch.setattr(Path, "iterdir", iterdir_unless_closed)
    code, out, err = videsk("forget", "--everything")
    assert (code, out) == (1, "0 files deleted\n")
    assert f"1 in {folder} (Permission denied)" in err


def test_forget_deletes_what_another_version_kept(here: Shore, videsk: Callable[..., tuple[int, str, str]]) -> None:
    with here.connect() as con:
        con.execute(counted(MARCH)).fetchall()
    kept = here.files()
    for file in kept:
        *_, mark, _ = file.name.split("-")
        file.rename(file.with_name(file.name.replace(mark, "0123456789ab")))
    assert videsk("forget", "--everything")[:2] == (0, f"{len(kept)} files deleted\n")
    assert here.files() == []


@pytest.mark.filterwarnings("ignore::duckdb_videsk.LakeWarning")
def test_forget_deletes_what_was_set_aside_too(here: Shore, videsk: Callable[..., tuple[int, str, str]]) -> None:
    with here.connect() as con:
        con.execute(counted(MARCH)).fetchall()
    here.files()[2].write_bytes(b"PAR1 is no lake PAR1")
    with here.connect() as con:
        con.execute(counted(MARCH)).fetchall()
    assert len(list(here.folder.rglob("*.damaged"))) == 1
    assert videsk("forget", "--since", "2026-01-01", "--until", "2026-02-01")[:2] == (0, "0 files deleted\n")
    files = len(here.files()) + 1
    assert videsk("forget", "--everything")[:2] == (0, f"{files} files deleted\n")
    assert not list(here.folder.rglob("*.damaged"))


@pytest.mark.parametrize("silently", [True, False])
@pytest.mark.filterwarnings("ignore::duckdb_videsk.LakeWarning")
def test_verify_finds_what_is_damaged_and_cannot_be_renamed(
    here: Shore, videsk: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch, silently: bool
) -> None:
    with here.connect() as con:
        con.execute(counted(MARCH)).fetchall()
    file = here.files()[2]
    damage_silently(file)
    if not silently:
        file.touch()
    with monkeypatch.context() as patched:
        refuse_changes(patched)
        code, out, err = videsk("verify", "--forget")
        assert f"calls: {file.name} was damaged\n" in out
        assert "1 differ, 0 deleted" in out
        assert f"1 in {file.parent} (Permission denied)" in err
        assert code == 1
    assert videsk("verify", "--forget")[0] == 0
    assert not file.exists()


def test_forgotten_under_an_open_connection(here: Shore, videsk: Callable[..., tuple[int, str, str]]) -> None:
    with here.connect() as con:
        want = con.execute(counted(MARCH)).fetchall()
        videsk("forget", "--everything")
        with pytest.raises(LakeChangedError):
            con.execute(f"SELECT max(segment), max(tags) FROM videsk.calls WHERE {MARCH}").fetchall()
        assert con.execute(counted(MARCH)).fetchall() == want


def call(second: int, **values: object) -> dict[str, object]:
    moment = datetime(2026, 3, 4, 12, tzinfo=UTC) + timedelta(seconds=second)
    return {"id": f"{int(moment.timestamp()):08x}{second:016x}", "startTime": moment, **values}


def test_verify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    before = [call(n, agent="Ana", tags=["a"]) for n in range(10)]
    after = [call(0, agent="Ana", tags=["b"]), *before[2:], call(11, agent="Eva")]
    with Simulator(Records({"calls": before})) as sim:
        here = Shore(sim, tmp_path)
        set_environment(monkeypatch, here)
        assert main(["sync", "--since", "2026-03-01", "--until", "2026-03-31", "--tables", "calls"]) == 0
        assert main(["verify"]) == 0
        assert ", 0 differ" in capsys.readouterr().out
        port = int(sim.url.rpartition(":")[2])
    with Simulator(Records({"calls": after}), port=port, token=here.sim.token) as sim:
        assert main(["verify", "--tables", "calls"]) == 1
        found = capsys.readouterr()
        assert "calls 2026-03-04: (gone) of 1 records" in found.out
        assert "calls 2026-03-04: (new) of 1 records" in found.out
        assert "calls 2026-03-04: tags of 1 records" in found.out
        assert "records changed after settle_days" in found.err
        with monkeypatch.context() as patched:
            refuse_changes(patched)
            kept = here.files()
            assert main(["verify", "--forget"]) == 1
            found = capsys.readouterr()
            assert "1 differ, 0 deleted" in found.out
            assert f"1 in {kept[0].parent} (Permission denied)" in found.err
            assert here.files() == kept
        assert main(["verify", "--forget"]) == 0
        assert "1 differ, 1 deleted" in capsys.readouterr().out
        assert main(["sync", "--since", "2026-03-01", "--until", "2026-03-31", "--tables", "calls"]) == 0
        assert main(["verify"]) == 0


def test_a_lake_of_every_table_and_month(here: Shore) -> None:
    """Merged or not, the shelves hold what they held."""
    with here.connect() as con:
        for day in range(1, 31):
            con.execute(
                counted(f"start_time >= '2026-04-{day:02}' AND start_time < '2026-04-{day:02} 20:00'")
            ).fetchall()
        con.execute(counted("start_time >= '2026-03-31 21:00' AND start_time < '2026-04-30 21:00'")).fetchall()
    shelf = here.lake().shelf(by_table()["calls"])
    rows = sum(piece.rows for piece in shelf.pieces())
    assert compact(here.lake()) == 1
    assert sum(piece.rows for piece in shelf.pieces()) == rows
