"""How an account's API behaves where its documentation is silent: small requests, and a verdict for each question.

A check is a pure function from what was seen (`evidence`) to a `Verdict`; what to ask, and when to stop, is
`looking`'s and `examination`'s.
"""

from duckdb_videsk.doctor.drawing import drawn_report
from duckdb_videsk.doctor.examination import examine
from duckdb_videsk.doctor.remembering import changes_since, remember
from duckdb_videsk.doctor.report import Report, report_of

__all__ = ["Report", "changes_since", "drawn_report", "examine", "remember", "report_of"]
