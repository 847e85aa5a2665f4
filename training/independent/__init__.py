"""The truth of reasons: what is served, recomputed from the registered documents by code of its own.

`check` asks the scorer, works out by itself what it must answer, and compares everything. Nothing of
`features`, `models` or `serving` is imported, but for what prints a table; an import contract holds that.
"""

from training.independent.checking import check
from training.independent.documents import Documents, NotCheckable
from training.independent.findings import Verdict
from training.independent.report import Report

__all__ = ["Documents", "NotCheckable", "Report", "Verdict", "check"]
