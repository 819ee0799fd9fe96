"""The decoder: every endpoint's real shape, every rule for what is odd, and both readers against an oracle."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from duckdb_videsk.decode import Answer, Decoder
from duckdb_videsk.decode.exact import whole_characters
from duckdb_videsk.decode.faults import row_of_fault, rows_before_fault
from duckdb_videsk.decode.rows import CHUNK
from duckdb_videsk.endpoints import ENDPOINTS, UNMAPPED, Kind, by_table
from duckdb_videsk.errors import ResponseError

TABLES = by_table()
ASKED = "68e7780091b7584a2265b1f5"
SLOW = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


def decoder(table):
    return Decoder(TABLES[table], ASKED if TABLES[table].parameter else None)


def body(*rows, columns=None, limit=5000, **extra):
    """A body whose rows are objects, or JSON texts as they are."""
    texts = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    head = json.dumps({"$limit": limit, "columns": columns, **extra}, ensure_ascii=False).removesuffix("}")
    if columns is None:
        head = head.replace('"columns": null', '"columns": []')
    return f'{head}, "data": [{",".join(texts)}]}}'.encode()


def decode(table, *rows, **envelope):
    """The rows as dicts, JSON columns parsed."""
    batch = decoder(table).decode(body(*rows, **envelope)).batch
    assert batch.schema.equals(TABLES[table].schema)
    batch.validate(full=True)
    return [parsed(TABLES[table], row) for row in batch.to_pylist()]


def parsed(endpoint, row):
    for column in endpoint.all_columns:
        if column.kind is Kind.JSON and row[column.name] is not None:
            row[column.name] = json.loads(row[column.name])
    return row


def one(table, row, **envelope):
    (found,) = decode(table, row, **envelope)
    return found


REAL = {
    "calls": (
        (
            '{"id":"68e7780091b7584a2265b1f5","segment":"Atención","agent":"Ana Pérez","survey":"NPS","duration":5.1,'
            '"startTime":"2026-03-01 12:00:00","endTime":"2026-03-01 12:05:06","customerLeave":"2026-03-01 12:05:00",'
            '"extraData":"68e77800c2ce6f447ed4d57b","transferredAgent":false,"transferredSegment":true,"queue":"68e7",'
            '"surveyId":"68e8","agentForm":"68e9","baseForm":"68ea","After Call Work (ACW)":1.5,'
            '"Effective Duration":2,"tags":["venta","posventa"],"comments":[]}'
        ),
        {
            "segment": "Atención",
            "start_time": utc(2026, 3, 1, 12),
            "end_time": utc(2026, 3, 1, 12, 5, 6),
            "duration_seconds": 5.1 * 60,
            "transferred_agent": False,
            "transferred_segment": True,
            "after_call_work_seconds": 90.0,
            "effective_duration_seconds": 120.0,
            "tags": ["venta", "posventa"],
            "comments": [],
            "base_form": "68ea",
        },
    ),
    "queues": (
        (
            '{"id":"68e7","startTime":"2026-03-01 12:00:00","dismissed":true,"duration":0,"connections":3,'
            '"disconnections":3.0,"Integration Data":{"crm": {"id": 7, "name":"Peña"}, "list":[1,null]}}'
        ),
        {
            "dismissed": True,
            "canceled": None,
            "duration_seconds": 0.0,
            "connections": 3,
            "disconnections": 3,
            "integration_data": {"crm": {"id": 7, "name": "Peña"}, "list": [1, None]},
        },
    ),
    "metadata": (
        (
            '{"id":"68e7","userAgent":"Mozilla/5.0","ip":"10.0.0.1","consent":"2026-03-01 12:00:00",'
            '"createdAt":"2026-03-01 11:59:59","Longitude":-70.6,"Latitude":-33,"GPS accuracy":12.5}'
        ),
        {
            "user_agent": "Mozilla/5.0",
            "consent": utc(2026, 3, 1, 12),
            "created_at": utc(2026, 3, 1, 11, 59, 59),
            "longitude": -70.6,
            "latitude": -33.0,
            "gps_accuracy": 12.5,
        },
    ),
    "comments": (
        '{"id":"68e7","call":"68e8","comments":"dijo \\"sí\\"\\ny colgó 😀","createdAt":"2026-03-01 12:00:00"}',
        {"call": "68e8", "appointment": None, "comments": 'dijo "sí"\ny colgó 😀'},
    ),
    "tags": (
        '{"id":"68e7","tagName":"venta","startTime":"2026-03-01 12:00:00","tagLabel":"Venta"}',
        {"tag": "venta", "tag_label": "Venta", "end_time": None},
    ),
    "appointments": (
        (
            '{"id":"68e7","Service":"Crédito","startTime":"2027-03-01 12:00:00","duration":30,"tags":"",'
            '"comments":"vip","Type":"video","Status":"done","Cancellation Date":"2026-03-01 12:00:00",'
            '"Canceled By":"Ana","Rescheduled Appointment ID":"68e8","createdBy":"Ana"}'
        ),
        {
            "service": "Crédito",
            "duration_seconds": 1800.0,
            "tags": [],
            "comments": ["vip"],
            "cancellation_date": utc(2026, 3, 1, 12),
            "rescheduled_appointment": "68e8",
            "created_by": "Ana",
        },
    ),
    "recordings": (
        '{"id":"68e7","createdAt":"2026-03-01 12:00:00","agent":"Ana","duration":61.5,"call":"68e8"}',
        {"duration_seconds": 61.5, "call": "68e8"},
    ),
    "ai_topics": (
        '{"id":"68e7","Entity Type":"call","createdAt":"01/03/2026, 12:00:00","topicName":"cobro","topicScore":0.5}',
        {"entity_type": "call", "created_at": utc(2026, 3, 1, 12), "topic_name": "cobro", "topic_score": 0.5},
    ),
    "ai_sentiments": (
        (
            '{"id":"68e7","Entity Type":"call","createdAt":"01/03/2026, 12:00:00","sentimentText":"feliz",'
            '"sentimentNumber":1,"requestedAt":"01/03/2026, 12:00:09"}'
        ),
        {"sentiment_text": "feliz", "sentiment_number": 1.0, "requested_at": utc(2026, 3, 1, 12, 0, 9)},
    ),
    "forms": (
        '{"id":"68e7","Type":"agent","createdAt":"2026-03-01 12:00:00","¿Nombre?":"Peña","Edad":41,"Fecha":"ayer"}',
        {
            "form": ASKED,
            "type": "agent",
            "created_at": utc(2026, 3, 1, 12),
            "answers": {"¿Nombre?": "Peña", "Edad": 41, "Fecha": "ayer"},
        },
    ),
    "surveys": (
        '{"id":"68e7","call":"68e8","createdAt":"2026-03-01 12:00:00","NPS":9}',
        {"survey": ASKED, "call": "68e8", "appointment": None, "answers": {"NPS": 9}},
    ),
}


@pytest.mark.parametrize("table", TABLES)
def test_real_rows(table):
    text, expected = REAL[table]
    labels = list(json.loads(text))
    columns = [key for column in TABLES[table].columns for key in column.keys or (column.fixed,)]
    row = one(table, text, columns=[*columns, *(label for label in labels if label not in columns)])
    assert {name: row[name] for name in expected} == expected
    assert row["id"].startswith("68e7")
    assert row[UNMAPPED] is None


def test_answer_keeps_limit_and_order():
    answer = decoder("comments").decode(body(*({"id": str(number)} for number in range(100)), limit=100_000))
    assert isinstance(answer, Answer)
    assert answer.limit == 100_000
    assert answer.batch.column("id").to_pylist() == [str(number) for number in range(100)]


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("rows", ["[]", "[{}]", "[{},{}]"])
def test_no_rows_and_empty_rows(table, rows):
    batch = decoder(table).decode(f'{{"$limit":5,"columns":[],"data":{rows}}}'.encode()).batch
    assert batch.schema.equals(TABLES[table].schema)
    assert batch.num_rows == len(json.loads(rows))
    if "answers" in batch.schema.names:
        assert batch.column("answers").to_pylist() == ["{}"] * batch.num_rows


def test_columns_may_be_missing():
    found = decoder("comments").decode(b'{"$limit": 5, "data": [{"id": "a", "Comentarios": "hola", "z": 1}]}')
    assert parsed(TABLES["comments"], found.batch.to_pylist()[0]) == {
        "id": "a",
        "call": None,
        "appointment": None,
        "comments": "hola",
        "created_at": None,
        UNMAPPED: {"z": 1},
    }


# --- odd values -----------------------------------------------------------------------------------------------

ODD = [
    ("calls", "id", 5),
    ("calls", "agent", ["Ana"]),
    ("calls", "agent", {"name": "Ana"}),
    ("calls", "startTime", "2026-02-31 12:00:00"),
    ("calls", "startTime", "31/02/2026, 12:00:00"),
    ("calls", "startTime", "13/13/2026, 12:00:00"),
    ("calls", "startTime", "2026-03-01"),
    ("calls", "startTime", "2026-03-01 12:00"),
    ("calls", "startTime", "2026-03-01 24:00:00"),
    ("calls", "startTime", "2026-03-01 12:00:60"),
    ("calls", "startTime", "2026-03-01 12:00:00 PM"),
    ("calls", "startTime", "2026-03-01T12:00:00+01:00"),
    ("calls", "startTime", "0000-03-01 12:00:00"),
    ("calls", "startTime", "٢٠٢٦-03-01 12:00:00"),
    ("calls", "startTime", " 2026-03-01 12:00:00"),
    ("calls", "startTime", ""),
    ("calls", "startTime", 1772366400),
    ("calls", "duration", "5.1"),
    ("calls", "duration", ""),
    ("calls", "duration", True),
    ("calls", "duration", 10**400),
    ("calls", "transferredAgent", "true"),
    ("calls", "transferredAgent", 1),
    ("calls", "transferredAgent", 0.0),
    ("calls", "tags", ["a", 1]),
    ("calls", "tags", [["a"]]),
    ("calls", "tags", {"a": 1}),
    ("calls", "tags", 5),
    ("queues", "connections", 3.5),
    ("queues", "connections", True),
    ("queues", "connections", "3"),
    ("queues", "connections", 2**63),
    ("queues", "connections", -(2**63) - 1),
    ("queues", "connections", 1e300),
    ("forms", "createdAt", "ayer"),
]


@pytest.mark.parametrize(("table", "label", "value"), ODD)
def test_odd_values_are_kept_beside_the_column(table, label, value):
    column = next(column for column in TABLES[table].columns if label in column.keys)
    found = decode(table, {"id": "a"}, {"id": "b", label: value} if label != "id" else {label: value}, {"id": "c"})
    assert found[1][column.name] is None
    assert found[1][UNMAPPED] == {label: value}
    assert found[0][UNMAPPED] is None
    assert found[2]["id"] == "c"
    if table == "forms":
        assert found[1]["answers"] == {}


@pytest.mark.parametrize(
    ("table", "label", "value", "expected"),
    [
        ("calls", "agent", "", ""),
        ("calls", "agent", "a\x00b", "a\x00b"),
        ("calls", "duration", 3, 180.0),
        ("calls", "duration", 2**60 + 1, float(2**60 + 1) * 60),
        ("calls", "duration", 2**80, float(2**80) * 60),
        ("calls", "tags", "", []),
        ("calls", "tags", "ventas", ["ventas"]),
        ("calls", "tags", ["a", None], ["a", None]),
        ("queues", "connections", 3.0, 3),
        ("queues", "connections", 1e18, 10**18),
        ("queues", "connections", -(2**63), -(2**63)),
        ("queues", "Integration Data", "text", "text"),
        ("queues", "Integration Data", False, False),
        ("calls", "startTime", "2026-03-01T12:00:00Z", utc(2026, 3, 1, 12)),
        ("calls", "startTime", "2026-03-01T12:00:00.123Z", utc(2026, 3, 1, 12, 0, 0, 123_000)),
        ("calls", "startTime", "2026-03-01T12:00:00", utc(2026, 3, 1, 12)),
        ("calls", "startTime", "29/02/2024, 23:59:59", utc(2024, 2, 29, 23, 59, 59)),
        ("calls", "startTime", "0001-01-01 00:00:00", utc(1, 1, 1)),
        ("calls", "startTime", "9999-12-31 23:59:59", utc(9999, 12, 31, 23, 59, 59)),
    ],
)
def test_values_that_fit(table, label, value, expected):
    column = next(column for column in TABLES[table].columns if label in (*column.keys, column.fixed))
    row = one(table, {label: value})
    assert row[column.name] == expected
    assert type(row[column.name]) is type(expected)
    assert row[UNMAPPED] is None


def test_both_time_formats_in_one_column():
    texts = ["2026-03-01 12:00:00", "01/03/2026, 12:00:01", "2026-03-01T12:00:02.000Z", None, "nunca"]
    rows = decode("comments", *({"createdAt": text} for text in texts))
    assert [row["created_at"] for row in rows] == [
        *(utc(2026, 3, 1, 12, 0, second) for second in range(3)),
        None,
        None,
    ]
    assert [row[UNMAPPED] for row in rows] == [None] * 4 + [{"createdAt": "nunca"}]


def test_null_is_absent():
    row = one("calls", {"id": None, "tags": None, "startTime": None, "summary": None, "duration": None})
    assert not any(row.values())


def test_numbers_beyond_a_double_keep_their_text():
    batch = decoder("calls").decode(body('{"duration":1e999,"z":-1E+999,"n":%s,"id":"a"}' % ("9" * 5000))).batch
    assert batch.column("duration_seconds").to_pylist() == [None]
    assert batch.column(UNMAPPED).to_pylist() == ['{"duration":1e999,"n":%s,"z":-1E+999}' % ("9" * 5000)]


def test_half_a_character_is_spelt_out():
    row = one("comments", r'{"comments":"hola \ud83d","\udc00":"\uD83D\uDE00 \\ud83d"}')
    assert row["comments"] == r"hola \ud83d"
    assert row[UNMAPPED] == {r"\udc00": r"😀 \ud83d"}


def test_unmapped_text_is_readable_and_the_same_in_whatever_order():
    one_way = decoder("comments").decode(body({"id": "a", "ñandú": ["é"], "b": {"z": 1, "a": 2}}))
    other_way = decoder("comments").decode(body({"b": {"z": 1, "a": 2}, "ñandú": ["é"], "id": "a"}))
    assert one_way.batch.equals(other_way.batch)
    assert one_way.batch.column(UNMAPPED).to_pylist() == ['{"b":{"z":1,"a":2},"ñandú":["é"]}']


def test_labels_with_quotes_and_line_breaks():
    labels = ['¿Dijo "sí"?', "a\\b", "a\nb", "", "\x00", "a\u2028b"]
    row = one("forms", {"id": "a", **dict.fromkeys(labels, "x")}, columns=["id", *labels])
    assert row["answers"] == dict.fromkeys(labels, "x")


# --- which label is which column ------------------------------------------------------------------------------


def test_spanish_label_stands_in_where_the_key_is_absent():
    rows = {"Identificador": "a", "Inicio": "2026-03-01 12:00:00", "Etiquetas": "vip"}
    row = one("calls", rows, columns=list(rows))
    assert (row["id"], row["start_time"], row["tags"]) == ("a", utc(2026, 3, 1, 12), ["vip"])
    assert row[UNMAPPED] is None


@pytest.mark.parametrize("columns", [["id", "createdAt", "Fecha"], ["id"], []])
def test_spanish_label_is_no_column_where_the_key_is_present(columns):
    rows = decode(
        "comments", {"id": "a", "createdAt": "2026-03-01 12:00:00"}, {"id": "b", "Fecha": "x"}, columns=columns
    )
    assert [row["created_at"] for row in rows] == [utc(2026, 3, 1, 12), None]
    assert rows[1][UNMAPPED] == {"Fecha": "x"}


def test_key_in_a_later_chunk_counts():
    rows = [{"Fecha": "2026-03-01 12:00:00"}] * CHUNK + [{"createdAt": "2026-03-02 12:00:00"}]
    found = decode("comments", *rows)
    assert found[0]["created_at"] is None
    assert found[0][UNMAPPED] == {"Fecha": "2026-03-01 12:00:00"}
    assert found[-1]["created_at"] == utc(2026, 3, 2, 12)


def test_two_keys_of_one_column():
    rows = [{"tagName": "a", "tag": "a"}, {"tagName": "a", "tag": "b"}, {"tag": "c"}, {"tagName": 5, "tag": "d"}]
    found = decode("tags", *rows, {"tagName": "e", "tag": 6})
    assert [row["tag"] for row in found] == ["a", "a", "c", "d", "e"]
    assert [row[UNMAPPED] for row in found] == [None, {"tag": "b"}, None, {"tagName": 5}, {"tag": 6}]


def test_plain_tags_with_either_key():
    found = decode("tags", {"tagName": "a"}, {"tag": "b"}, {})
    assert [row["tag"] for row in found] == ["a", "b", None]


def test_questions_with_the_names_of_columns_are_answers():
    row = one(
        "forms",
        '{"id":"a","Type":"agent","createdAt":"2026-03-01 12:00:00","Fecha":"2020-01-01 00:00:00",'
        '"Identificador":"7","form":"mine","answers":"yes","_unmapped":1,"createdAt ":"x","type":"b"}',
        columns=["id", "Type", "createdAt", "Fecha"],
    )
    assert (row["id"], row["form"], row["type"], row["created_at"]) == ("a", ASKED, "agent", utc(2026, 3, 1, 12))
    assert row["answers"] == {
        "Fecha": "2020-01-01 00:00:00",
        "Identificador": "7",
        "form": "mine",
        "answers": "yes",
        "_unmapped": 1,
        "createdAt ": "x",
        "type": "b",
    }
    assert row[UNMAPPED] is None


@pytest.mark.parametrize("space", ["", " ", "\n\t "])
@pytest.mark.parametrize("columns", [["id", "id"], ["id"], []])
def test_repeated_labels_on_forms(space, columns):
    text = '{"id":"base","q":1,"id":"two","q":[2],"q":null,"id":"three","r":0}'.replace(":", f"{space}:")
    row = one("forms", text, columns=columns)
    assert row["id"] == "base"
    assert row["answers"] == {"id": ["two", "three"], "q": [1, [2]], "r": 0}
    assert row[UNMAPPED] is None


def test_repeated_keys_elsewhere():
    row = one("comments", '{"id":"a","comments":5,"id":"b","comments":"x","z":{"k":1,"k":2},"z":3,"createdAt":null}')
    assert (row["id"], row["comments"]) == ("a", None)
    assert row[UNMAPPED] == {"id": "b", "comments": [5, "x"], "z": [{"k": [1, 2]}, 3]}


def test_repeated_key_written_in_two_ways():
    row = one("comments", '{"id":"a","id" :"b","comments":"x"}')
    assert row["id"] == "a"
    assert row[UNMAPPED] == {"id": "b"}
    escaped = one("comments", r'{"id":"a","\u0069d":"b"}')
    assert escaped[UNMAPPED] == {"id": "b"}
    masked = one("comments", r'{"id":"a","id":"b","z":{"k":"\u0022:1"}}')
    assert (masked["id"], masked[UNMAPPED]) == ("a", {"id": "b", "z": {"k": '":1'}})


def test_text_that_looks_like_keys():
    text = 'dijo: ":null,"id":"x" :'
    assert one("comments", {"id": "a", "comments": text, "z": None})["comments"] == text


def test_summary_is_kept():
    rows = [{"id": str(number), "summary": f"Resumen {number}"} for number in range(10)]
    assert [row[UNMAPPED] for row in decode("ai_topics", *rows)] == [{"summary": f"Resumen {n}"} for n in range(10)]


# --- envelope -------------------------------------------------------------------------------------------------


def refused(text, table="calls"):
    with pytest.raises(ResponseError) as caught:
        decoder(table).decode(text)
    assert caught.value.endpoint == TABLES[table].path
    return str(caught.value)


BROKEN = [
    b"",
    b"  \n",
    b"null",
    b"[]",
    b"<html><body>502 Bad Gateway</body></html>",
    b"{}",
    b'{"$limit":5}',
    b'{"$limit":5,"columns":[]}',
    b'{"data":[]}',
    b'{"$limit":null,"data":[]}',
    b'{"$limit":0,"data":[]}',
    b'{"$limit":-1,"data":[]}',
    b'{"$limit":5.0,"data":[]}',
    b'{"$limit":"5","data":[]}',
    b'{"$limit":true,"data":[]}',
    b'{"$limit":1e999,"data":[]}',
    b'{"$limit":NaN,"data":[]}',
    b'{"$limit":5,"data":null}',
    b'{"$limit":5,"data":{}}',
    b'{"$limit":5,"data":"x"}',
    b'{"$limit":5,"columns":5,"data":[]}',
    b'{"$limit":5,"columns":{},"data":[]}',
    b'{"$limit":5,"data":[null]}',
    b'{"$limit":5,"data":[5]}',
    b'{"$limit":5,"data":[[]]}',
    b'{"$limit":5,"data":["a"]}',
    b'{"$limit":5,"data":[{}],"data":[]}',
    b'{"$limit":5,"data":[],"data":[{}]}',
    b'{"$limit":5,"$limit":6,"data":[]}',
    b'{"$limit":5,"data":[]}{"$limit":5,"data":[]}',
    b'{"$limit":5,"data":[]} x',
    b'{"$limit":5,"data":[]},',
    b'{"$limit":5,"data":[]',
    b'{"$limit":5,"data":[{"id":"a"}',
    b'{"$limit":5,"data":[{"id":"a',
    b'{"$limit":5,"data":[{"duration":NaN}]}',
    b'{"$limit":5,"data":[{"duration":Infinity}]}',
    b'{"$limit":5,"data":[{"duration":-Infinity}]}',
    b'{"$limit":5,"data":[{"duration":nan}]}',
    b'{"$limit":5,"data":[{"z":NaN}]}',
    b'{"$limit":5,"data":[{"duration":01}]}',
    b'{"$limit":5,"data":[{"duration":.5}]}',
    b'{"$limit":5,"data":[{"id":"a",}]}',
    b'{"$limit":5,"data":[{"id":"a"},]}',
    b'{"$limit":5,"data":[{"id":"\xff"}]}',
    b'{"$limit":5,"data":[{"z":"\xed\xa0\x80"}]}',
    b'{"$limit":5,"data":[{"id":"a\nb"}]}',
    b'{"$limit":5,"data":[{"id":"\\x"}]}',
    b"{'$limit':5,'data':[]}",
    b'{"$limit":5,"data":[/* no */]}',
    b'\xff\xfe{\x00"\x00',
]


@pytest.mark.parametrize("table", ["calls", "forms"])
@pytest.mark.parametrize("text", BROKEN)
def test_broken_bodies(text, table):
    assert "[endpoint " in refused(text, table)


@pytest.mark.parametrize("opening", ["[", '{"a":', '{"a":['])
@pytest.mark.parametrize("place", ["%s", '{"$limit":5,"data":%s}', '{"$limit":5,"data":[{"id":%s}]}', '{"z":%s}'])
def test_nesting_without_end(opening, place):
    refused((place % (opening * 200_000)).encode())


@pytest.mark.parametrize("depth", [50, 150, 300, 450, 600, 800, 900, 950, 980, 990])
def test_deep_values_are_kept_or_refused(depth):
    nested = '{"a":' * depth + "1" + "}" * depth
    try:
        row = one("queues", f'{{"id":"a","Integration Data":{nested},"z":{nested}}}')
    except ResponseError:
        assert depth > 150
    else:
        assert json.dumps(row["integration_data"], separators=(",", ":")) == nested


def test_error_names_the_row_and_what_to_do():
    rows = ['{"id":"a"}'] * 12
    rows[7] = '{"id":"a","agent":"\\x"}'
    text = refused(body(*rows))
    assert "row 7 of `data`" in text
    assert "ask again" in text
    assert "row 7 of `data`" in refused(body(*rows[:7], '{"id":"a","summary":NaN}'))
    assert "row 7 of `data`" in refused(body(*rows[:7], '["id"]'))
    assert "row 7 of `data`" in refused(body(*rows[:7], '{"id":"ñ","agent":"ñ').removesuffix(b"]}"))
    assert "`$limit` is missing, not a whole number from 1 to 2^63 - 1: whether" in refused(b'{"data":[]}')
    assert "`$limit` is 'many'" in refused(b'{"$limit":"many","data":[]}')
    assert "base URL" in refused(b"<html>" + b"x" * 500)


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ('{"data":[{"a":1},{},{"b":[1,2', 2),
        ('{"data":[{"a":1},{},', 2),
        ('{"data":[{"a":1} {}]}', 1),
        ('{"data":[', 0),
        ('{"data":[{"a":tru}]}', 0),
        ('{"data" : [ {"a":"é"} , {"a":"é', 1),
        ('{"z":{"data":[{},{}]},"data":[{"a":', 0),
        ('{"z":"\\"data\\":[","data":[{},{"a":', 1),
        ('{"z":[{},{},', None),
        ('{"z":tru,"data":[{"a":', None),
        ('{"data":[{},{}],"z":', None),
        ('{"data":[{},{}]', None),
        ('{"data":[{},{}]} oops', None),
        ('{"data":[{},null,{"a":', None),
        ('{"data":{"a":', None),
        ('{"data":5,', None),
    ],
)
def test_where_a_body_is_broken(text, row):
    assert row_of_fault(text.encode()) == row
    said = refused(text.encode())
    assert "row" not in said if row is None else f"In row {row} of `data`" in said


def test_rows_are_counted_as_far_as_wanted():
    text = b'{"data":[' + b"{}," * 20
    assert rows_before_fault(text, 100) == 20
    assert rows_before_fault(text, 20) == 20
    assert rows_before_fault(text, 7) == 7
    assert rows_before_fault(text + b"null," + text, 100) == 20


def halves_spelt_out(text):
    """The same as `whole_characters`, one character after the other."""
    written, place = "", 0
    while place < len(text):
        pair = re.match(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}", text[place:])
        half = re.match(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}", text[place:])
        taken = pair or half or re.match(r"\\.|[^\\]", text[place:])
        written += ("\\" if half and not pair else "") + taken[0]
        place += len(taken[0])
    return written


@SLOW
@given(
    st.lists(
        st.sampled_from(["\\\\", '\\"', r"\ud83d", r"\ude00", r"\uDBFF", r"\u00e9", r"\uD7ff", "x", "ud83d"]),
        max_size=8,
    )
)
def test_each_half_of_a_pair_is_spelt_out(pieces):
    text = "".join(pieces)
    assert whole_characters(text.encode()).decode() == halves_spelt_out(text)


def test_errors_show_little_of_the_body():
    secret = "s" * 30
    for text in (
        secret * 100,
        "<" + secret * 100,
        '{"$limit":"%s","data":[]}' % (secret * 100),
        '{"$limit":5,"columns":"%s","data":[]}' % (secret * 100),
        '{"$limit":5,"data":"%s"}' % (secret * 100),
        '{"$limit":5,"data":["%s"]}' % (secret * 100),
        '{"$limit":5,"data":[{"id":"%s\\x"}]}' % (secret * 100),
        '{"$limit":5,"data":[{"%s":NaN}]}' % (secret * 100),
        '{"%s":1,"data":[]}' % (secret * 100),
    ):
        assert refused(text.encode()).count("s" * 15) <= 5
        assert len(re.findall("s{2,}", refused(text.encode()))) <= 1


def test_a_byte_order_mark_and_unknown_envelope_keys_are_passed_over():
    for text in (b"\xef\xbb\xbf" + body({"id": "a"}), body({"id": "a"}, total=5, page={"data": []})):
        assert decoder("calls").decode(text).batch.column("id").to_pylist() == ["a"]


def test_odd_items_of_columns_are_passed_over():
    assert one("calls", {"id": "a"}, columns=[None, 5, "id", ["x"], "id"])["id"] == "a"


# --- both readers against each other and an oracle --------------------------------------------------------------

TIMES = st.sampled_from(
    ["2026-03-01 12:00:00", "01/03/2026, 12:00:00", "2026-03-01T12:00:00Z", "2026-02-30 12:00:00", "2026-03-01", ""]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.sampled_from([2**53 + 1, 2**63 - 1, 2**63, -(2**63), 10**30]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.sampled_from(['":null', '\\":', "\x00", " :", "a\\", '"']),
    TIMES,
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('ab"\\ñ', max_size=2), inner, max_size=3),
    max_leaves=5,
)
OTHER_LABELS = ["summary", "Fecha", "Identificador", "Type", "¿Qué?", 'dijo "sí"', "a\\", "", "form", "answers"]


def labels_of(endpoint):
    return [label for column in endpoint.columns for label in column.keys or (column.fixed,)]


@st.composite
def any_body(draw):
    """An endpoint, its rows as pairs, the columns listed, and the body's text."""
    endpoint = draw(st.sampled_from(ENDPOINTS))
    labels = st.sampled_from(labels_of(endpoint) + OTHER_LABELS)
    rows = draw(st.lists(st.lists(st.tuples(labels, VALUES), max_size=6), max_size=4))
    columns = draw(st.none() | st.just(labels_of(endpoint)) | st.lists(labels, max_size=4))
    style = {
        "ensure_ascii": draw(st.booleans()),
        "separators": draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", " :")])),
    }
    return endpoint, rows, columns, spelt(rows, columns, style)


def spelt(rows, columns, style):
    comma, colon = style["separators"]
    texts = (
        "{" + comma.join(json.dumps(k, **style) + colon + json.dumps(v, **style) for k, v in row) + "}"
        for row in rows
    )
    head = [f'"$limit"{colon}7'] + ([] if columns is None else [f'"columns"{colon}{json.dumps(columns, **style)}'])
    return ("{" + comma.join([*head, f'"data"{colon}[{comma.join(texts)}]']) + "}").encode()


def fit(column, value):
    """The oracle's reading of a value for a column, in a tuple; None where it does not fit."""
    kind, held = column.kind, ()
    if kind is Kind.JSON:
        held = (value,)
    elif kind is Kind.TIME and isinstance(value, str):
        formats = {19: "%Y-%m-%d %H:%M:%S", 20: "%d/%m/%Y, %H:%M:%S" if "/" in value else "%Y-%m-%dT%H:%M:%SZ"}
        try:
            held = (datetime.strptime(value, formats.get(len(value), "never")).replace(tzinfo=UTC),)
        except ValueError:
            held = ()
    elif kind is Kind.LIST and isinstance(value, str):
        held = ([value] if value else [],)
    elif kind is Kind.LIST and isinstance(value, list):
        held = (value,) if all(item is None or isinstance(item, str) for item in value) else ()
    elif isinstance(value, bool):
        held = (value,) if kind is Kind.BOOLEAN else ()
    elif kind is Kind.TEXT and isinstance(value, str):
        held = (value,)
    elif kind is Kind.DOUBLE and isinstance(value, int | float):
        held = (float(value) * column.factor,)
    elif kind is Kind.BIGINT and isinstance(value, int | float):
        held = (int(value),) if value == int(value) and -(2**63) <= int(value) < 2**63 else ()
    return held or None


def oracle(endpoint, rows, columns):
    """What each row must come to, and where each of its values is."""
    present = {*(columns or ()), *(label for row in rows for label, value in row if value is not None)}
    places = {}
    for column in endpoint.columns:
        own = column.keys or (column.fixed,)
        others = [label for label in column.fallback_labels if label in present - set(labels_of(endpoint))]
        for rank, label in enumerate(own if present & set(own) else others[:1]):
            places[label] = (column, rank)
    return [expected(endpoint, row, places) for row in rows]


def expected(endpoint, row, places):
    found = dict.fromkeys(endpoint.schema.names)
    unmapped, answers = {}, {}
    rest = unmapped if endpoint.parameter is None else answers
    firsts = {}
    for label, value in row:
        if value is not None:
            firsts.setdefault(label, []).append(value)
    given_to = {}
    for label in sorted(firsts, key=lambda label: places.get(label, (None, 0))[1]):
        values = firsts[label]
        if label in places:
            column = places[label][0]
            held = fit(column, values[0])
            if held is None:
                unmapped.setdefault(label, []).append(values[0])
            elif column.name not in given_to:
                given_to[column.name] = values[0]
                found[column.name] = held[0]
            elif given_to[column.name] != values[0]:
                rest.setdefault(label, []).append(values[0])
            values = values[1:]
        if values:
            rest.setdefault(label, []).extend(values)
    if endpoint.parameter:
        found[endpoint.parameter] = ASKED
        found["answers"] = alone(answers)
    found[UNMAPPED] = alone(unmapped) or None
    return found


def alone(found):
    return {label: values if len(values) > 1 else values[0] for label, values in found.items()}


def typed(value):
    """A text that differs for 1, 1.0 and true, but not for the order of keys."""
    if isinstance(value, datetime):
        return value.isoformat()
    return json.dumps(value, sort_keys=True, default=datetime.isoformat)


def same_as_oracle(endpoint, batch, rows, columns):
    found = [parsed(endpoint, row) for row in batch.to_pylist()]
    for row, truth in zip(found, oracle(endpoint, rows, columns), strict=True):
        assert {name: typed(value) for name, value in row.items()} == {n: typed(v) for n, v in truth.items()}


@SLOW
@given(any_body())
def test_any_rows_against_the_oracle(case):
    endpoint, rows, columns, text = case
    own = Decoder(endpoint, ASKED if endpoint.parameter else None)
    answer = own.decode(text)
    assert answer.limit == 7
    same_as_oracle(endpoint, answer.batch, rows, columns)
    assert own._by_rows(text).batch.equals(answer.batch)
    assert own.decode(text).batch.equals(answer.batch)  # with what it has learnt
    assert own._by_rows(text).batch.equals(answer.batch)


PLAIN = {
    Kind.TEXT: st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    Kind.DOUBLE: st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**70), 2**70),
    Kind.BIGINT: st.integers(-(2**63), 2**63 - 1),
    Kind.BOOLEAN: st.booleans(),
    Kind.TIME: st.datetimes().map(lambda time: f"{time.year:04}" + time.strftime("-%m-%d %H:%M:%S"))
    | st.sampled_from(["01/03/2026, 12:00:00", "2026-03-01T12:00:00.000Z"]),
    Kind.LIST: st.lists(st.text(max_size=3), max_size=3) | st.text(max_size=3),
    Kind.JSON: st.none(),
}


@st.composite
def plain_body(draw):
    endpoint = draw(st.sampled_from([endpoint for endpoint in ENDPOINTS if endpoint.parameter is None]))
    row = st.fixed_dictionaries(
        {},
        optional={(c.keys or (c.fixed,))[0]: st.none() | PLAIN[c.kind] for c in endpoint.columns},
    )
    rows = [list(found.items()) for found in draw(st.lists(row, max_size=4))]
    style = {"ensure_ascii": draw(st.booleans()), "separators": (",", ":")}
    return endpoint, spelt(rows, labels_of(endpoint), style)


@SLOW
@given(plain_body())
def test_both_readers_agree_on_plain_rows(case):
    endpoint, text = case
    own = Decoder(endpoint)
    quick = own._by_arrow(text)
    careful = own._by_rows(text)
    assert quick is not None or any(mark in text for mark in (b"\x7f", b"\\u007"))
    assert quick is None or quick == careful
    assert careful.batch.column(UNMAPPED).null_count == careful.batch.num_rows


@pytest.mark.parametrize(
    "row",
    [
        {"tags": "vip", "tag\x7f": "other"},
        {"tag\x7f": "other"},
        {"tags": None, "tag\x7f": "other"},
        {"tags": ["vip"], "tag\x7f": "other"},
    ],
)
@pytest.mark.parametrize(("listed", "spelt_as"), [([], "\x7f"), ([], "\\u007F"), (["tags", "tag\x7f"], "\\u007f")])
def test_no_label_is_taken_for_a_list_that_is_text(row, listed, spelt_as):
    whole = {"$limit": 7, "columns": listed, "data": [{"id": "a", "tags": "x"}, row]}
    text = json.dumps(whole, separators=(",", ":")).replace("\\u007f", spelt_as)
    _, found = decoder("calls").decode(text.encode()).batch.to_pylist()
    assert json.loads(found[UNMAPPED]) == {"tag\x7f": "other"}


@pytest.mark.parametrize(
    "cells",
    [
        '"tags":"a","tags":["b"]',
        '"tags":["b"],"tags":"a"',
        '"tags":"a","tags":"b"',
        '"tags" : "a"',
        '"tags":"","comments":"\\"tags\\":\\"x"',
        '"agent":"\\"tags\\":\\"x\\"","tags":"\\"comments\\":\\""',
        '"say \\"tags":"x"',
    ],
)
def test_lists_that_are_text_in_every_spelling(cells):
    text = b'{"$limit":7,"columns":[],"data":[{"id":"a","tags":"x"},{%s}]}' % cells.encode()
    own = decoder("calls")
    assert own.decode(text) == own._by_rows(text)


def test_plain_bodies_take_the_quick_way_again_after_odd_ones():
    own = decoder("comments")
    for _ in range(40):
        own.decode(body({"id": 5}))
    assert own._by_arrow(body({"id": "a"})) is None
    for _ in range(20):
        own.decode(body({"id": "a"}))
    assert own._by_arrow(body({"id": "a"})) is not None


# --- robustness -----------------------------------------------------------------------------------------------


def survives(text):
    """Any outcome but a ResponseError is an answer, and both readers give it."""
    for own in (decoder("calls"), decoder("forms")):
        try:
            answer = own.decode(text)
        except ResponseError:
            continue
        answer.batch.validate(full=True)
        assert own._by_rows(text.removeprefix(b"\xef\xbb\xbf")) == answer


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60))
@example(b'{"$limit":1,"data":[{"\\ud800":1}]}')
def test_any_bytes(text):
    survives(text)


@settings(max_examples=250, deadline=None)
@given(st.data())
def test_damaged_bodies(data):
    text = bytearray(
        body(REAL["calls"][0], REAL["queues"][0], '{"z":"\\ud83d\\ude00","id":1e5}', columns=["id", "z"])
    )
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 3)))
        text[start:end] = data.draw(
            st.binary(max_size=3) | st.sampled_from([b'"', b"\\", b"{", b"]", b",", b":", b"null"])
        )
    survives(bytes(text))


@SLOW
@given(any_body(), st.data())
def test_truncated_bodies_are_refused(case, data):
    endpoint, _, _, text = case
    cut = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(ResponseError):
        Decoder(endpoint).decode(text[:cut])


def test_many_different_labels_stay_bounded():
    rows = [{f"label {number} {part}": part for part in range(3)} for number in range(6_000)]
    found = decode("forms", *rows)
    assert [row["answers"] for row in found] == rows


def test_threads_share_a_decoder():
    own = decoder("calls")
    bodies = [
        body(*({"id": f"{kind}-{n}", **({f"extra {kind}": n} if kind % 2 else {})} for n in range(200)))
        for kind in range(8)
    ]
    truth = [decoder("calls").decode(text).batch for text in bodies]
    with ThreadPoolExecutor(8) as threads:
        for _ in range(5):
            for answer, batch in zip(threads.map(own.decode, bodies), truth, strict=True):
                assert answer.batch.equals(batch)


def test_chunks_join_into_one_batch():
    rows = [{"id": str(number), **({"z": number} if number % 7 == 0 else {})} for number in range(2 * CHUNK + 3)]
    batch = decoder("calls").decode(body(*rows)).batch
    assert isinstance(batch, pa.RecordBatch)
    assert batch.column("id").to_pylist() == [row["id"] for row in rows]
    assert batch.column(UNMAPPED).null_count == sum("z" not in row for row in rows)
