"""What happens on a day of the synthetic account: its contacts and appointments as SQL, and how many there are.

The SQL reads the frames that `synthetic` prepares: `f`, one row for each contact of a day, and `g`, one for each
appointment, each with a number `i` within its day, a time of day `clock` and random numbers `r0`, `r1`, … of 32 bits.
Which contacts have a comment, a survey or a topic is decided by `i`, so that days can be counted without being made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import vocabulary as words
from .expressions import TAIL, Select, exponential, object_id, within

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "AGENT_FORM",
    "AGENT_FORM_AT",
    "AGENT_FORM_SALT",
    "ANALYSED",
    "APPOINTMENTS",
    "BASE_FORM",
    "BASE_FORM_AT",
    "BASE_FORM_SALT",
    "CALL_ID",
    "CALL_SALT",
    "COMMENTED",
    "COMMENTED_TWICE",
    "COMMENT_ONE",
    "COMMENT_SALT",
    "COMMENT_TWO",
    "COMMENT_TWO_SALT",
    "CONTACTS",
    "MEETING_FORM_AT",
    "MEETING_ID",
    "MEETING_META_AT",
    "MEETING_SURVEYED",
    "MEETING_SURVEY_AT",
    "META_ID",
    "META_SALT",
    "NPS_SURVEY",
    "QUEUE_ID",
    "QUEUE_SALT",
    "RANDOMS",
    "RECORDED",
    "RECORDING_SALT",
    "SHORT_SURVEY",
    "SURVEYED",
    "SURVEY_AT",
    "SURVEY_SALT",
    "TAGGED",
    "TAGGED_TWICE",
    "TAG_IDS",
    "TAG_NAMES",
    "TAG_ONE",
    "TAG_TWO",
    "TWIN_TOPICS",
    "TWO_TOPICS",
    "Day",
    "Sheet",
]

RANDOMS = 10


@dataclass(frozen=True, slots=True)
class Day:
    """How much happens on one day of the account."""

    calls: int
    abandoned: int
    appointments: int
    past: bool

    @property
    def finished(self) -> int:
        """Appointments that took place."""
        return self.meetings(80)

    def meetings(self, hundredths: int) -> int:
        """How many of the appointments that took place have a number below that share."""
        return self.appointments * hundredths // 100 if self.past else 0

    def share(self, share: tuple[int, int]) -> int:
        """How many calls have a number between two hundredths of the day's calls."""
        return self.calls * share[1] // 100 - self.calls * share[0] // 100


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows of one export, or of one form: their SQL, how many a day gives, and the questions of a form."""

    selects: tuple[Select, ...]
    count: Callable[[Day], int]
    questions: tuple[str, ...] = ()


TAG_IDS = [tag for tag, _ in words.TAGS]
TAG_NAMES = [name for _, name in words.TAGS]
TAG_ONE, TAG_TWO = "r6 >> 8", "(r6 >> 8) + 1 + (r6 & 7)"
COMMENT_ONE, COMMENT_TWO = "r7 >> 9", "(r7 >> 5) + 5"

CALL_SALT, QUEUE_SALT, META_SALT, SURVEY_SALT, AGENT_FORM_SALT, BASE_FORM_SALT = 1, 2, 3, 4, 5, 6
COMMENT_SALT, COMMENT_TWO_SALT, RECORDING_SALT = 7, 8, 9

# The numbers (in hundredths of a day's calls) of the calls that have each thing.
AGENT_FORM, BASE_FORM = (0, 60), (40, 95)
NPS_SURVEY, SHORT_SURVEY = (5, 35), (62, 72)
COMMENTED, COMMENTED_TWICE = (15, 50), (22, 30)
TAGGED, TAGGED_TWICE = (0, 85), (45, 65)
RECORDED = (4, 97)
ANALYSED, TWO_TOPICS, TWIN_TOPICS = (10, 80), (30, 66), (78, 79)

_WIDE = ", ".join(f"r{number}::BIGINT AS r{number}" for number in range(RANDOMS))

CONTACTS = f"""
contacts AS (
  SELECT *, qs + wait AS cs, qs + wait + talk AS ce, CASE WHEN called THEN qs + wait + talk + acw ELSE qs END AS done
  FROM (
    SELECT *, i < n AS called, d + clock AS qs,
      CASE WHEN i < n THEN 3000 + {exponential("r1", mean=45, most=540)}
        ELSE 8000 + {exponential("r1", mean=110, most=1200)} END AS wait,
      25000 + {exponential("r2", mean=360, most=3000)} AS talk,
      CASE WHEN r3 % 5 = 0 THEN 60000 ELSE {exponential("r3", mean=40, most=300)} END AS acw
    FROM (SELECT *, {TAIL} FROM (SELECT * REPLACE ({_WIDE}) FROM f))
  )
)"""  # noqa: S608 - our own text

APPOINTMENTS = f"""
meetings AS (
  SELECT *, ss + 300000 + {exponential("r2", mean=900, most=3000)} AS ee,
    least(ss, today) - 86400000 - (r1 % 1900800) * 1000 AS made, i < p * 80 // 100 AND past AS held
  FROM (
    SELECT *, d + (540 + 30 * (r0 % 22)) * 60000 AS ss
    FROM (SELECT *, {TAIL} FROM (SELECT * REPLACE ({_WIDE}) FROM g))
  )
)"""  # noqa: S608 - our own text

CALL_ID = object_id("cs", CALL_SALT)
QUEUE_ID = object_id("qs", QUEUE_SALT)
META_ID = object_id("qs - 20000 - r4 % 40000", META_SALT)
SURVEY_AT = "ce + 15000 + r5 % 600000"
AGENT_FORM_AT = "ce + acw // 2"
BASE_FORM_AT = "qs - 5000 - r4 % 10000"
MEETING_ID = object_id("made", CALL_SALT)
MEETING_SURVEY_AT = "ee + 15000 + r5 % 600000"
MEETING_FORM_AT = "ee + 1000 + r5 % 60000"
MEETING_META_AT = "ss - 40000 - r4 % 200000"
SURVEYED = f"({within(NPS_SURVEY)} OR {within(SHORT_SURVEY)})"
MEETING_SURVEYED = "held AND i < p * 50 // 100"
