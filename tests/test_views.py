from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from duckdb_videsk.endpoints import ENDPOINTS
from duckdb_videsk.errors import LabelError
from duckdb_videsk.labels import shipped
from duckdb_videsk.views import column_labels, languages, macro, quoted, schema_views, text_literal
from memory import ENDPOINTS_BY_TABLE, MemorySource, connect_to

if TYPE_CHECKING:
    from pathlib import Path


def views_of(**own: object) -> dict[str, dict[str, list[str]]]:
    """Columns by view by schema, as DuckDB sees them."""
    with connect_to(MemorySource(), languages=own) as con:
        rows = con.execute(
            "SELECT schema_name, table_name, column_name FROM duckdb_columns() WHERE database_name = 'videsk' "
            "ORDER BY schema_name, table_name, column_index"
        ).fetchall()
    found: dict[str, dict[str, list[str]]] = {}
    for schema, view, column in rows:
        found.setdefault(schema, {}).setdefault(view, []).append(column)
    return found


def test_every_language_has_a_view_of_every_table() -> None:
    views = views_of()
    assert set(views) == {"main", "es", "en", "pt"}
    for language in ("es", "en", "pt"):
        assert set(views[language]) == {endpoint.views[language] for endpoint in ENDPOINTS}
    assert set(views["main"]) == {endpoint.table for endpoint in ENDPOINTS} | {"coverage", "requests"}


def test_spanish_is_the_vendors_to_the_letter() -> None:
    llamadas = views_of()["es"]["llamadas"]
    assert llamadas[:5] == ["Identificador", "Segmento", "Agente", "Inicio", "Fin"]
    assert {"Duración", "Meta Data", "Cliente cortó", "After Call Work (ACW)", "Effective Duration"} <= set(llamadas)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.table)
@pytest.mark.parametrize("language", ["es", "en", "pt"])
def test_no_label_stands_twice(endpoint: object, language: str) -> None:
    named = column_labels(endpoint, language, shipped(language))  # type: ignore[arg-type]
    assert len({label.casefold() for label in named.values()}) == len(named)


def test_a_language_of_the_users(tmp_path: Path) -> None:
    file = tmp_path / "de.json"
    file.write_text(json.dumps({"agent": 'Der "Agent"', "startTime": "Beginn; DROP TABLE x --"}), "utf-8")
    columns = views_of(de=file)["de"]["calls"]
    assert columns[2:5] == ['Der "Agent"', "Beginn; DROP TABLE x --", "end_time"]
    assert "After Call Work (ACW)" in columns


def test_own_labels_over_a_shipped_language() -> None:
    llamadas = views_of(es={"agent": "Ejecutivo"})["es"]["llamadas"]
    assert llamadas[1:3] == ["Segmento", "Ejecutivo"]


def test_one_label_for_two_columns_is_refused() -> None:
    with pytest.raises(LabelError, match=r"'agent' and 'segment'|'segment' and 'agent'") as caught:
        views_of(de={"agent": "Name", "segment": "NAME"})
    assert "calls" in str(caught.value)


def test_a_fallback_steps_aside_for_a_users_label() -> None:
    calls = column_labels(ENDPOINTS_BY_TABLE["calls"], "de", {"agent": "END_TIME", "id": "effective duration"})
    assert calls["agent"] == "END_TIME"
    assert calls["end_time"] == "end_time_2"
    assert calls["effective_duration_seconds"] == "effective_duration_seconds"


def test_the_label_of_either_key() -> None:
    tags = ENDPOINTS_BY_TABLE["tags"]
    assert column_labels(tags, "de", {"tag": "Marke"})["tag"] == "Marke"
    assert column_labels(tags, "de", {"tag": "x", "tagName": "Marke"})["tag"] == "Marke"


def test_unusable_languages_are_refused() -> None:
    for own in ({"main": {}}, {"x y": {}}, {"de": {"agent": " "}}):
        with pytest.raises(LabelError):
            languages(own)


def test_a_token_in_the_place_of_a_language_is_not_repeated(tmp_path: Path) -> None:
    token = "a-secret-of-16-letters"
    for own in ({token: {}}, {"de": token}, {"de": str(tmp_path / token)}):
        with pytest.raises(LabelError, match="<token>") as caught:
            languages(own)
        assert token not in f"{caught.value}{caught.value.__cause__}"
    with pytest.raises(LabelError, match=r"cannot read .*de\.json: No such file"):
        languages({"de": "nowhere/de.json"})


def test_units_and_meanings_are_comments() -> None:
    with connect_to(MemorySource()) as con:
        found = con.execute(
            "SELECT schema_name, table_name, column_name, comment FROM duckdb_columns() "
            "WHERE database_name = 'videsk' AND comment IS NOT NULL"
        ).fetchall()
        views = con.execute(
            "SELECT schema_name || '.' || view_name, comment FROM duckdb_views() WHERE database_name = 'videsk'"
        ).fetchall()
    assert ("main", "calls", "duration_seconds", "seconds") in found
    assert ("es", "llamadas", "Duración", "segundos") in found
    assert ("pt", "chamadas", "Duração", "segundos") in found
    assert ("en", "calls", "Duration", "seconds") in found
    assert ("main", "calls", "queue", "id of a row of queues") in found
    assert all(comment for _, comment in views)


def test_texts_are_quoted() -> None:
    assert quoted('a"b') == '"a""b"'
    assert text_literal("a'b") == "'a''b'"
    assert macro(ENDPOINTS_BY_TABLE["forms"]).startswith('CREATE MACRO "videsk".main."forms"(form := NULL, since :=')
    statements = list(schema_views([ENDPOINTS_BY_TABLE["tags"]], "es", shipped("es")))
    assert statements[0] == 'CREATE SCHEMA "videsk"."es"'
    assert 'AS "ID Etiqueta"' in statements[1]
