"""Wide forms and surveys: each answer in the column of its question, whatever that is called, and nothing lost."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import hypothesis
import pytest
from hypothesis import strategies as st

import duckdb_videsk
from duckdb_videsk.errors import BadRequestError, ClosedError, QueryError
from duckdb_videsk.simulator import Behaviour, Records, Simulator, SyntheticAccount
from duckdb_videsk.views import quoted, text_literal
from duckdb_videsk.wide import column_names
from memory import START, ZONE, MemorySource, connect_to

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from duckdb_videsk import Connection

FORM = "5ff25a8042d25c5f7ea04e54"
SURVEY = "5ff25a80b70bee27aea4bdc2"
EMPTY = "e" * 24
HOSTILE_ID = "x'; DROP TABLE t; --\"$1"
FIXED = ["form", "id", "type", "created_at"]
REST = ["other_answers", "_unmapped"]

LABELS = (
    *("a.b", "$.x", "$", "$.*", "/x", "//", "/", "~", "~1", "~0/", '"q"', "*", "[0]", "[*]", "0", "-", "#", "", "'"),
    *("a;b", "'); DROP TABLE videsk.forms; --", "línea\notra\ttab\r", "¿Ñandú?", "\u00a0fijo", "A", "a", "á", "Á"),
    *("nul\0l", "\\", "\\u0041", "💥", "k" * 5_000, "..", "$**", "?", "answers", "other_answers", "_unmapped"),
    *("form", "created_at", "Type_2", "TYPE", "t", "null", "unnamed", "{}", "%s"),
)
VALUES: tuple[Any, ...] = (
    *("texto", 1, -1.5, True, False, [1, "a", None, True], {"k": {"v": []}}, "", '"entre comillas"', "null"),
    *([], {}, 1e300, 12345678901234567890123, "línea\notra", "nul\0l", 0, "ñ💥", [["x"]]),
)


def at(day: int) -> datetime:
    return datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(days=day)


def sheet(day: int, answers: Any, **more: Any) -> dict[str, Any]:
    return {"id": f"{int(at(day).timestamp()):08x}{day:016x}", "createdAt": at(day), "answers": answers, **more}


def odd_answers(day: int) -> dict[str, Any]:
    """Some of the labels, each with a value that changes from day to day."""
    return {label: VALUES[(n + day) % len(VALUES)] for n, label in enumerate(LABELS) if (n + day) % 5}


ACCOUNT = Records(
    forms={
        FORM: [sheet(day, odd_answers(day), Type="agent") for day in range(40)],
        HOSTILE_ID: [sheet(0, {"q": "v"}, Type="client")],
        EMPTY: [],
    },
    surveys={SURVEY: [sheet(day, {"Nota": day % 5, "Fecha": "hoy"}, call=f"{day:024x}") for day in range(40)]},
)


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(ACCOUNT, behaviour=Behaviour(cap=500)) as simulator:
        yield simulator


@pytest.fixture
def con(sim: Simulator) -> Iterator[Connection]:
    with connect(sim) as connection:
        yield connection


def connect(sim: Simulator, **options: Any) -> Connection:
    return duckdb_videsk.connect(
        token=sim.token, base_url=sim.url, time_zone=ZONE, requests_per_second=10_000, **options
    )


def questions(con: Any, call: str) -> dict[str, str]:
    """Column by question."""
    return dict(con.execute(f"SELECT question, column_name FROM {call}").fetchall())


def matches(text: str | None, value: Any) -> bool:
    """Whether a cell is the text of a JSON value."""
    if value is None or isinstance(value, str):
        return text == value
    return text is not None and bool(json.loads(text) == value)


def logged(con: Any) -> list[tuple[Any, ...]]:
    return list(
        con.execute('SELECT table_name, id, newest_first, rows FROM videsk.requests ORDER BY query, "at"').fetchall()
    )


# --- answers in their columns


def test_every_answer_is_in_its_column(con: Connection) -> None:
    named = questions(con, f"videsk.form_questions('{FORM}')")
    assert set(named) == set(LABELS)
    wide = con.sql(f"FROM videsk.form('{FORM}') ORDER BY created_at")
    assert wide.columns == [*FIXED, *named.values(), *REST]
    for day, row in enumerate(wide.fetchall()):
        cells = dict(zip(wide.columns, row, strict=True))
        answers = odd_answers(day)
        assert all(matches(cells[named[label]], answers.get(label)) for label in LABELS)
        assert (cells["form"], cells["type"], cells["created_at"]) == (FORM, "agent", at(day))
        assert cells["other_answers"] is None


def test_names_are_the_labels_numbered_where_taken(con: Connection) -> None:
    named = questions(con, f"videsk.form_questions('{FORM}')")
    assert named["a.b"] == "a.b"
    assert named["línea\notra\ttab\r"] == "línea\notra\ttab\r"
    assert named["nul\0l"] == "nul␀l"
    assert (named[""], named["unnamed"]) == ("unnamed", "unnamed_2")
    assert (named["A"], named["a"]) == ("A", "a_2")
    assert (named["created_at"], named["_unmapped"]) == ("created_at_2", "_unmapped_2")
    assert (named["Type_2"], named["TYPE"]) == ("Type_2", "TYPE_3")


def test_without_records_there_are_the_fixed_columns(con: Connection) -> None:
    assert con.sql(f"FROM videsk.form('{EMPTY}')").columns == [*FIXED, *REST]
    assert con.sql(f"FROM videsk.form('{EMPTY}')").fetchall() == []
    assert con.execute(f"FROM videsk.form_questions('{EMPTY}')").fetchall() == []


def test_answers_to_unlisted_questions_are_not_lost() -> None:
    source = MemorySource({"forms": [memory_sheet("f", 0, {"new": [1, None], "q": "x"})]}, labels={"form f": ["q"]})
    with connect_to(source) as con:
        assert con.execute("SELECT q, other_answers FROM videsk.form('f')").fetchall() == [("x", '{"new":[1,null]}')]
        source.rows["forms"].append(memory_sheet("f", 1, {"q": "y", "later": 12345678901234567890123}))
        rows = con.execute("SELECT q, other_answers FROM videsk.form('f') ORDER BY created_at").fetchall()
        assert rows[1] == ("y", '{"later":12345678901234567890123}')


@pytest.mark.parametrize("label", ["id", "createdAt", "Fecha", "Identificador", "form"])
def test_a_question_called_like_a_column_of_the_api(label: str) -> None:
    account = Records(forms={FORM: [sheet(0, {label: "respuesta", "q": 1})]})
    with Simulator(account) as sim, connect(sim) as con:
        named = questions(con, f"videsk.form_questions('{FORM}')")
        row = con.execute(f"SELECT id, created_at, {quoted(named[label])} FROM videsk.form('{FORM}')").fetchone()
    assert row == (sheet(0, ())["id"], at(0), "respuesta")


def test_a_repeated_label_holds_a_list() -> None:
    account = Records(forms={FORM: [sheet(0, [("q", 1), ("q", 2)])]})
    with Simulator(account) as sim, connect(sim) as con:
        assert con.execute(f"SELECT q FROM videsk.form('{FORM}')").fetchall() == [("[1,2]",)]


def test_the_synthetic_account_wide_and_as_json() -> None:
    account = SyntheticAccount(since=date(2026, 3, 2), until=date(2026, 3, 20), calls_per_day=60)
    sheets = [("form", name) for name in account.form_ids] + [("survey", name) for name in account.survey_ids]
    with Simulator(account, behaviour=Behaviour(cap=200)) as sim, connect(sim) as con:
        for kind, name in sheets:
            tall = con.execute(
                f"SELECT id, answers FROM videsk.{kind}s WHERE {kind} = '{name}' ORDER BY ALL"
            ).fetchall()
            named = questions(con, f"videsk.{kind}_questions('{name}')")
            columns = ", ".join(map(quoted, named.values()))
            wide = con.execute(f"SELECT id, {columns} FROM videsk.{kind}('{name}') ORDER BY id").fetchall()
            assert len(wide) == len(tall) > 100
            for (wide_id, *cells), (tall_id, text) in zip(wide, tall, strict=True):
                answers = json.loads(text)
                assert wide_id == tall_id
                assert set(answers) <= set(named)
                assert all(matches(cell, answers.get(label)) for cell, label in zip(cells, named, strict=True))


def test_hundreds_of_questions() -> None:
    labels = [f"Pregunta {number}" for number in range(600)]
    sheets = [memory_sheet("f", day, dict.fromkeys(labels, day)) for day in range(300)]
    with connect_to(MemorySource({"forms": sheets}, labels={"form f": labels})) as con:
        con.execute("SET memory_limit = '1GB'")
        rows = con.execute("SELECT * EXCLUDE (created_at, _unmapped) FROM videsk.form('f')").fetchall()
    assert {row[3:] for row in rows} == {(*[str(day)] * 600, None) for day in range(300)}


# --- every place of a statement, every way in

CALL = f"videsk.form('{FORM}')"


@pytest.mark.parametrize(
    "query",
    [
        f"SELECT count(*) FROM {CALL}",
        f"SELECT count(f.id) FROM {CALL} AS f",
        f"SELECT count(*) FROM {CALL.upper().replace(FORM.upper(), FORM)}",
        f'SELECT count(*) FROM "videsk"."form"(\'{FORM}\')',
        f"SELECT count(*) FROM videsk . main\n.form /* 'x' */ ( id := '{FORM}' ) -- videsk.form('no')",
        f"SELECT count(*) FROM videsk.form('{FORM[:4]}' || '{FORM[4:]}')",
        f"WITH x AS (FROM {CALL}) SELECT count(*) FROM x",
        f"SELECT count(*) FROM {CALL} a JOIN {CALL} b USING (id)",
        f"SELECT count(*) FROM videsk.forms a, {CALL} b WHERE a.id = b.id AND a.form = b.form AND a.form = '{FORM}'",
        f"SELECT (SELECT count(*) FROM {CALL})",
        f"SELECT count(*) FROM (SELECT * FROM {CALL}) WHERE 'videsk.form(''no'')' <> ''",
        f"SELECT count(*) FROM (SUMMARIZE SELECT * FROM {CALL}) HAVING count(*) > 40 OR true",
        f"SELECT count(*) FROM {CALL} UNION ALL SELECT count(*) FROM videsk.survey('{SURVEY}')",
    ],
)
def test_places_in_a_statement(con: Connection, query: str) -> None:
    expected = 40 if "SUMMARIZE" not in query else len(FIXED + list(LABELS) + REST)
    assert {row[0] for row in con.execute(query).fetchall()} == {expected}


def test_tables_and_views_made_from_it(con: Connection) -> None:
    con.execute(f"CREATE TABLE kept AS SELECT * EXCLUDE (other_answers) FROM {CALL}")
    con.execute(f"CREATE VIEW seen AS FROM {CALL}")
    assert con.execute('SELECT count(*), count("a.b") FROM kept').fetchall() == [(40, 32)]
    assert con.execute('SELECT count(*), count("a.b") FROM seen').fetchall() == [(40, 32)]


def test_it_is_a_table_and_nothing_else(con: Connection) -> None:
    with pytest.raises(duckdb.Error, match="form"):
        con.execute("SELECT videsk.form('x')")
    assert con.execute("""SELECT 'FROM videsk.form(''x'')' AS "videsk.form('y')" """).fetchall() == [
        ("FROM videsk.form('x')",)
    ]
    assert logged(con) == []


def test_cursors_the_native_connection_and_attach(sim: Simulator, con: Connection) -> None:
    count = f"SELECT count(*) FROM {CALL}"
    for one in (con.cursor(), con.native, con.native.cursor()):
        assert one.execute(count).fetchall() == [(40,)]
    with duckdb.connect() as mine:
        with duckdb_videsk.attach(mine, token=sim.token, base_url=sim.url, time_zone=ZONE):
            assert mine.execute(count).fetchall() == [(40,)]
            assert mine.cursor().sql(f"FROM {CALL}").columns[:4] == FIXED
        with duckdb_videsk.attach(mine, token=sim.token, base_url=sim.url, time_zone=ZONE):
            assert mine.execute(count).fetchall() == [(40,)]


def test_other_connections_to_the_file(sim: Simulator, tmp_path: Path) -> None:
    first, second = (duckdb.connect(str(tmp_path / "mine.duckdb")) for _ in range(2))
    count = f"SELECT count(*) FROM {CALL}"
    with second:
        duckdb_videsk.attach(first, token=sim.token, base_url=sim.url, time_zone=ZONE)
        assert second.execute(count).fetchall() == [(40,)]
        first.close()
        with pytest.raises(duckdb.Error, match=r"ClosedError: .* attach it again"):
            second.execute(count)
        with duckdb_videsk.attach(second, token=sim.token, base_url=sim.url, time_zone=ZONE):
            assert second.execute(count).fetchall() == [(40,)]
            second.execute("DETACH videsk")
        with duckdb_videsk.attach(second, token=sim.token, base_url=sim.url, time_zone=ZONE) as again:
            assert again.execute(count).fetchall() == [(40,)]
    with connect(sim, database=tmp_path / "mine.duckdb", read_only=True) as con:
        assert con.execute(count).fetchall() == [(40,)]


def test_inside_a_transaction_that_writes(con: Connection) -> None:
    con.begin()
    con.execute("CREATE TABLE kept (n INTEGER)")
    con.execute("SELECT count(*) FROM videsk.requests").fetchall()
    con.execute(f"INSERT INTO kept SELECT count(*) FROM {CALL}")
    con.commit()
    assert con.execute("FROM kept").fetchall() == [(40,)]


def test_other_languages(con: Connection) -> None:
    columns = con.sql(f"FROM videsk.es.survey('{SURVEY}')").columns
    assert columns == [
        "Encuesta", "Identificador", "Llamada", "Fecha", "Cita", "Nota", "Fecha_2", "Otras respuestas", "Otros datos"
    ]  # fmt: skip
    row = con.execute(
        f"""SELECT "Fecha", "Nota", "Fecha_2" FROM videsk.es.survey('{SURVEY}') WHERE "Fecha" < '2026-03-02'"""
    ).fetchall()
    assert [(moment.astimezone(UTC), *rest) for moment, *rest in row] == [(at(0), "0", "hoy")]
    assert logged(con)[-1] == ("surveys", SURVEY, False, 1)


def test_a_language_of_the_users_with_a_label_that_the_leftover_has() -> None:
    words = {"createdAt": "other_answers"}
    with connect_to(MemorySource(), languages={"mi": words}) as con:
        columns = con.sql("FROM videsk.mi.form('f')").columns
    assert columns[3:5] == ["other_answers", "other_answers_2"]


# --- what is asked of the API


def test_a_range_and_the_id_bound_the_requests(con: Connection) -> None:
    query = f"SELECT count(\"a.b\") FROM {CALL} WHERE created_at >= '2026-03-10' AND created_at < '2026-03-12'"
    assert con.execute(query).fetchall() == [(1,)]
    assert logged(con) == [("forms", FORM, True, 0), ("forms", FORM, False, 2)]
    spans = con.execute("SELECT asked_until - asked_from FROM videsk.requests WHERE NOT newest_first").fetchall()
    assert spans == [(timedelta(days=2, seconds=2),)]


def test_questions_are_asked_for_once(con: Connection) -> None:
    for _ in range(2):
        con.sql(f"FROM {CALL} WHERE created_at < '2026-03-03'").fetchall()
        con.cursor().sql(f"FROM {CALL} WHERE false").fetchall()
        con.execute(f"DESCRIBE FROM {CALL}").fetchall()
    assert [row[2] for row in logged(con)].count(True) == 1


def test_conditions_on_answers_and_other_columns_are_exact(con: Connection) -> None:
    nota = f"SELECT count(*) FROM videsk.survey('{SURVEY}') WHERE Nota = '3' AND call <> '{3:024x}' AND survey <> 'x'"
    assert con.execute(nota).fetchall() == [(7,)]
    one = f"SELECT Nota::INTEGER FROM videsk.survey('{SURVEY}') WHERE id = '{sheet(9, ())['id']}'"
    assert con.execute(one).fetchall() == [(4,)]
    assert con.execute(f"SELECT count(*) FROM videsk.survey('{SURVEY}') WHERE survey = 'other'").fetchall() == [(0,)]


def test_limit_stops_the_requests() -> None:
    account = Records(forms={FORM: [sheet(day, {"q": day}) for day in range(400)]})
    with Simulator(account, behaviour=Behaviour(cap=10)) as sim, connect(sim) as con:
        assert len(con.execute(f"SELECT q FROM {CALL} LIMIT 3").fetchall()) == 3
        assert len(logged(con)) <= 3


def test_nothing_is_asked_before_it_is_used(sim: Simulator, con: Connection) -> None:
    con.execute("SHOW ALL TABLES").fetchall()
    con.execute("SELECT function_name FROM duckdb_functions() WHERE database_name = 'videsk'").fetchall()
    assert logged(con) == []


def test_new_questions_after_a_refresh() -> None:
    source = MemorySource(labels={"form f": ["uno"]})
    with connect_to(source) as con:
        assert con.sql("FROM videsk.form('f')").columns[4:-2] == ["uno"]
        source.labels["form f"] = ["uno", "dos"]
        assert con.sql("FROM videsk.form('f')").columns[4:-2] == ["uno"]
        con.refresh_questions()
        assert con.sql("FROM videsk.form('f')").columns[4:-2] == ["uno", "dos"]
    assert source.asked_questions == ["f", "f"]


def test_older_answers_are_looked_at_where_new_ones_list_nothing() -> None:
    account = Records(forms={EMPTY: []})
    with Simulator(account) as sim, connect(sim) as con:
        for _ in range(2):
            assert con.sql(f"FROM videsk.form('{EMPTY}')").columns == [*FIXED, *REST]
            assert logged(con) == [("forms", EMPTY, True, 0)] * 3


# --- ids and errors


def test_an_id_is_a_value(con: Connection) -> None:
    con.execute("CREATE TABLE t (n INTEGER)")
    call = f"videsk.form({text_literal(HOSTILE_ID)})"
    assert con.execute(f"SELECT form, q FROM {call}").fetchall() == [(HOSTILE_ID, "v")]
    assert con.execute("SELECT count(*) FROM t").fetchall() == [(0,)]
    with pytest.raises(BadRequestError):
        con.execute("FROM videsk.form('a' || chr(0) || 'b')")


def test_an_id_that_the_api_refuses(con: Connection) -> None:
    with pytest.raises(BadRequestError, match="nobody") as caught:
        con.sql("FROM videsk.survey('nobody')")
    assert caught.value.status == 404
    with pytest.raises(duckdb.Error, match=r"BadRequestError: .*nobody"):
        con.native.sql("FROM videsk.survey('nobody')")
    with pytest.raises(QueryError, match="empty"):
        con.sql("FROM videsk.form('')")


def test_an_error_of_the_statement_shows_the_users_text(con: Connection) -> None:
    query = f"SELECT nothing FROM {CALL}"
    with pytest.raises(duckdb.BinderException) as caught:
        con.execute(query)
    assert f"LINE 1: {query}" in str(caught.value)


def test_waiting_for_questions_can_be_interrupted() -> None:
    with Simulator(ACCOUNT, behaviour=Behaviour(latency_s=20)) as sim, connect(sim) as con:
        started = time.monotonic()
        threading.Timer(0.3, con.interrupt).start()
        with pytest.raises(duckdb.InterruptException):
            con.execute(f"FROM {CALL}")
        assert time.monotonic() - started < 5


def test_closing_ends_the_wait_for_questions() -> None:
    with Simulator(ACCOUNT, behaviour=Behaviour(latency_s=20)) as sim:
        con = connect(sim)
        with ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(con.execute, f"FROM {CALL}")
            time.sleep(0.3)
            con.close()
            assert isinstance(waiting.exception(5), ClosedError | duckdb.Error)


def test_threads_that_use_it_at_once(con: Connection) -> None:
    def count(_: int) -> Any:
        return con.cursor().execute(f"SELECT count(*) FROM {CALL}").fetchall()

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(count, range(12))) == [[(40,)]] * 12


def test_a_program_that_ends_without_closing(sim: Simulator) -> None:
    program = (
        "import duckdb, duckdb_videsk\n"
        "mine = duckdb.connect()\n"
        f"con = duckdb_videsk.attach(mine, token={sim.token!r}, base_url={sim.url!r}, time_zone='UTC')\n"
        f'print(mine.execute("SELECT count(*) FROM {CALL}").fetchall())\n'
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "[(40,)]\n", "")


def test_an_id_may_be_a_parameter(con: Connection) -> None:
    assert con.execute("SELECT count(*) FROM videsk.form(?)", [FORM]).fetchall() == [(40,)]
    assert con.sql("SELECT count(*) FROM videsk.form($id)", params={"id": FORM}).fetchall() == [(40,)]
    con.execute(f"SET VARIABLE wanted = '{SURVEY}'")
    assert con.execute("SELECT count(*) FROM videsk.survey(getvariable('wanted'))").fetchall() == [(40,)]


def test_ctrl_c_ends_the_wait_for_questions() -> None:
    with Simulator(ACCOUNT, behaviour=Behaviour(latency_s=30)) as sim:
        program = (
            "import duckdb_videsk\n"
            f"con = duckdb_videsk.connect(token={sim.token!r}, base_url={sim.url!r}, time_zone='UTC')\n"
            "print('ready', flush=True)\n"
            "try:\n"
            f'    con.execute("FROM {CALL}")\n'
            "except KeyboardInterrupt:\n"
            "    print('stopped')\n"
        )
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as running:
            assert running.stdout is not None
            assert running.stdout.readline() == "ready\n"
            time.sleep(0.7)
            running.send_signal(signal.SIGINT)
            assert running.communicate(timeout=10)[0] == "stopped\n"


# --- views by setting


def test_views_of_the_ids_in_the_settings(sim: Simulator) -> None:
    ids = {"forms": [FORM, HOSTILE_ID], "surveys": [SURVEY]}
    with connect(sim, wide_views=True, **ids) as con:
        asked = len(logged(con))
        assert asked == 3
        con.execute(f"SELECT count(*) FROM videsk.form_{FORM} WHERE created_at < '2026-03-03'").fetchall()
        assert logged(con)[asked:] == [("forms", FORM, False, 2)]
        assert con.native.execute(f"SELECT count(*) FROM videsk.form_{FORM}").fetchall() == [(40,)]
        assert con.execute(f"SELECT q FROM videsk.{quoted('form_' + HOSTILE_ID)}").fetchall() == [("v",)]
        assert con.execute(f"SELECT max(Nota) FROM videsk.survey_{SURVEY}").fetchall() == [("4",)]
        assert con.sql(f"FROM videsk.form_{FORM}").columns == con.sql(f"FROM {CALL}").columns
        said = "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'form_' || ?"
        comments = dict(con.execute(said, [FORM]).fetchall())
        named = questions(con, f"videsk.form_questions('{FORM}')")
        assert {label: json.loads(comments[name]) for label, name in named.items()} == {
            label: label for label in LABELS
        }
        con.begin()
        con.execute("CREATE TABLE mine (n INTEGER)")
        con.refresh_questions()
        con.commit()


def test_ids_that_differ_in_case_only() -> None:
    source = MemorySource(labels={"form ab": ["q"], "form AB": ["q"]})
    with connect_to(source, forms=["ab", "AB"], wide_views=True) as con:
        views = con.execute(
            "SELECT view_name FROM duckdb_views() WHERE view_name LIKE 'form#_%' ESCAPE '#'"
        ).fetchall()
        con.execute("FROM videsk.form_AB_2").fetchall()
    assert sorted(views) == [("form_AB_2",), ("form_ab",)]
    assert source.asked[-1][2] == ("AB",)


def test_a_refused_id_of_the_settings_is_told_at_once(sim: Simulator) -> None:
    with pytest.raises(BadRequestError, match="nobody"):
        connect(sim, forms=["nobody"], wide_views=True)
    with duckdb.connect() as mine:
        with pytest.raises(BadRequestError):
            duckdb_videsk.attach(mine, token=sim.token, base_url=sim.url, forms=["nobody"], wide_views=True)
        assert mine.execute("SELECT count(*) FROM duckdb_databases() WHERE database_name = 'videsk'").fetchall() == [
            (0,)
        ]


# --- any label, any value


def memory_sheet(form: str, day: int, answers: dict[str, Any]) -> dict[str, Any]:
    moment = START + timedelta(days=day)
    text = json.dumps(answers, ensure_ascii=False, separators=(",", ":"))
    return {"form": form, "id": f"{form} {day}", "created_at": moment, "answers": text}


texts = st.text(st.characters(codec="utf-8"), max_size=8) | st.text(
    st.sampled_from("aA/~.$*\"'[]0_2;\n\0\\ "), max_size=4
)
values = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner | st.none(), max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def memory() -> Iterator[tuple[Connection, MemorySource]]:
    source = MemorySource()
    with connect_to(source) as con:
        yield con, source


@hypothesis.settings(deadline=None, max_examples=70)
@hypothesis.given(
    asked_id=texts.filter(bool),
    labels=st.lists(texts, unique=True, max_size=6),
    sheets=st.lists(st.dictionaries(texts, values, max_size=5), max_size=3),
)
def test_any_label_and_any_value(
    memory: tuple[Connection, MemorySource], asked_id: str, labels: list[str], sheets: list[dict[str, Any]]
) -> None:
    con, source = memory
    source.rows["forms"] = [memory_sheet(asked_id, day, answers) for day, answers in enumerate(sheets)]
    source.labels = {f"form {asked_id}": labels}
    con.refresh_questions()
    call = " || chr(0) || ".join(map(text_literal, asked_id.split("\0")))
    named = questions(con, f"videsk.form_questions({call})")
    assert list(named) == labels
    wide = con.sql(f"FROM videsk.form({call}) ORDER BY created_at")
    assert wide.columns == [*FIXED, *named.values(), *REST]
    for answers, row in zip(sheets, wide.fetchall(), strict=True):
        cells = dict(zip(wide.columns, row, strict=True))
        assert all(matches(cells[named[label]], answers.get(label)) for label in labels)
        others = {label: value for label, value in answers.items() if label not in labels}
        assert json.loads(cells["other_answers"] or "{}") == others
        assert (cells["form"], cells["other_answers"]) != (asked_id, "{}")


@hypothesis.given(labels=st.lists(texts, unique=True), taken=st.lists(texts))
def test_names_are_never_taken_twice(labels: list[str], taken: list[str]) -> None:
    names = column_names(labels, taken)
    folded = [name.casefold() for name in names.values()]
    assert list(names) == labels
    assert len(set(folded)) == len(folded)
    assert not set(folded) & {name.casefold() for name in taken}
    assert all(name and "\0" not in name for name in names.values())
