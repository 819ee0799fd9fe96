"""Row counts that are kept between runs."""

import json
import stat

import pyarrow as pa
import pytest

from duckdb_videsk.fetch.history import History
from duckdb_videsk.ranges import DAY, SECOND, Range

HOUR = 3_600 * SECOND
START = 20_000 * DAY
NOW = START + 1_000 * DAY


def times(*instants):
    return pa.array(instants, pa.int64())


def test_days_are_counted_over_several_answers_and_runs(tmp_path):
    file = tmp_path / "folder" / "calls.json"
    history = History(file)
    assert history.outlook() is None
    history.cap = 5_000
    middle = START + DAY + 5 * HOUR
    history.note(Range(START, middle), times(START + 1, START + HOUR, START + DAY + HOUR), now=NOW)
    history.note(Range(middle, START + 2 * DAY), times(middle, START + 2 * DAY - 1), now=NOW)
    history.save()
    again = History(file)
    assert again.cap == 5_000
    outlook = again.outlook()
    assert outlook.hull == Range(START, START + 2 * DAY)
    assert outlook.rows(Range(START, START + DAY)) == pytest.approx(2)
    assert outlook.rows(Range(START + DAY, START + 9 * DAY)) == pytest.approx(3)
    assert outlook.rows(Range(START - 5 * DAY, START)) == 0


def test_a_day_follows_the_hours_seen():
    history = History()
    instants = [START + day * DAY + hour * HOUR for day in range(28) for hour in (9, 9, 9, 17) for _ in range(20)]
    history.note(Range(START, START + 28 * DAY), times(*instants), now=NOW)
    outlook = history.outlook()
    day = START + 7 * DAY
    assert outlook.rows(Range(day, day + 9 * HOUR)) < 1
    assert outlook.rows(Range(day, day + 12 * HOUR)) == pytest.approx(60, abs=1)
    assert outlook.rows(Range(day + 12 * HOUR, day + DAY)) == pytest.approx(20, abs=1)


def test_unfinished_days_and_half_read_days_do_not_count():
    history = History()
    history.note(Range(START, START + DAY), times(START + 1), now=START + HOUR)
    history.note(Range(START + DAY, START + DAY + HOUR), times(START + DAY + 1), now=NOW)
    assert history.outlook() is None


def test_files_are_private_and_hold_no_times(tmp_path):
    file = tmp_path / "a" / "calls.json"
    history = History(file)
    history.note(Range(START, START + DAY), times(START + 123_456), now=NOW)
    history.save()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert json.loads(file.read_text())["days"] == [[20_000, 1]]
    assert [entry.name for entry in file.parent.iterdir()] == ["calls.json"]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{",
        '{"version": 2, "cap": 1, "days": [[1, 2]], "hours": []}',
        '{"version": 1, "cap": 1, "days": [[1, -2]], "hours": ' + str([0] * 168) + "}",
        '{"version": 1, "cap": 1, "days": {"a": 1}, "hours": ' + str([0] * 168) + "}",
        '{"version": 1, "cap": "x", "days": [[1, 2]], "hours": ' + str([0] * 168) + "}",
        "[" * 100_000,
    ],
)
def test_a_damaged_file_is_as_good_as_none(tmp_path, content):
    file = tmp_path / "calls.json"
    file.write_text(content)
    history = History(file)
    assert history.outlook() is None
    assert history.cap == 0


def test_a_folder_that_cannot_be_written_is_no_matter(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    history = History(blocked / "calls.json")
    history.note(Range(START, START + DAY), times(START), now=NOW)
    history.save()
    assert history.outlook() is not None
