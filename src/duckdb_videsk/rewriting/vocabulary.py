"""The words of DuckDB's functions that are understood, by what their values depend on."""

from __future__ import annotations

import re

__all__ = [
    "CUT_TO_DAY",
    "DAY_FORMATS",
    "DAY_PARTS",
    "DIGITS",
    "DIVISIONS",
    "FORMAT",
    "HOUR_FORMATS",
    "HOUR_PARTS",
    "LONGEST",
    "MOST_MEMBERS",
    "NUMBERS",
    "OF_CONSTANTS",
    "OF_STEPS",
    "PART_CALLS",
    "RISING_FORMAT",
    "RISING_PARTS",
    "TIMES",
]

DAY_PARTS = {
    "year", "years", "yr", "y", "quarter", "quarters", "qtr", "month", "months", "mon", "week", "weeks", "w",
    "weekofyear", "day", "days", "d", "dayofmonth", "dayofweek", "weekday", "dow", "isodow", "doy", "dayofyear",
    "decade", "decades", "century", "centuries", "millennium", "isoyear", "yearweek", "era",
}  # fmt: skip
HOUR_PARTS = {"hour", "hours", "hr", "h"}
RISING_PARTS = {
    "year", "years", "yr", "y", "decade", "decades", "century", "centuries", "isoyear", "yearweek",
}  # fmt: skip
CUT_TO_DAY = {
    "year", "years", "quarter", "quarters", "month", "months", "week", "weeks", "day", "days", "decade", "century",
    "millennium",
}  # fmt: skip
PART_CALLS = DAY_PARTS & {
    "year", "quarter", "month", "week", "weekofyear", "day", "dayofmonth", "dayofweek", "weekday", "isodow",
    "dayofyear", "decade", "century", "millennium", "isoyear", "yearweek",
} | {"hour", "dayname", "monthname", "last_day"}  # fmt: skip
FORMAT = re.compile(r"%(-?[A-Za-z%])")
DAY_FORMATS = {"Y", "y", "m", "-m", "d", "-d", "b", "B", "a", "A", "w", "u", "j", "-j", "U", "W", "V", "G", "%"}
HOUR_FORMATS = {"H", "-H", "I", "-I", "p"}
RISING_FORMAT = re.compile(r"%Y([^%]*%m([^%]*%d([^%]*%H[^%]*)?)?)?[^%]*|%Y[^%]*%j[^%]*|%G[^%]*%V[^%]*")
DIGITS = re.compile(r"'(%[YmdHjGVuw]){1,3}'")
OF_STEPS = {
    "+", "-", "*", "||", "~~", "!~~", "~~*", "!~~*", "abs", "floor", "trunc", "lower", "upper", "left", "right",
    "substring", "substr", "concat", "contains", "starts_with", "prefix", "suffix", "length", "greatest",
    "least",
}  # fmt: skip
OF_CONSTANTS = OF_STEPS | {
    "make_date", "make_timestamp", "make_timestamptz", "to_years", "to_months", "to_weeks", "to_days", "to_hours",
    "to_minutes", "to_seconds", "to_quarters", "epoch", "epoch_ms", "to_timestamp",
}  # fmt: skip
DIVISIONS = {"//", "%", "mod"}
NUMBERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "DOUBLE"}
TIMES = {"TIMESTAMP WITH TIME ZONE", "TIMESTAMP", "DATE"}
MOST_MEMBERS = 200
LONGEST = 40_000 * 86_400
