"""The report of oversight: every figure of a period, made from the store alone, as it was when that ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from features.terms import Text
from serving.confidential.keyring import Keyring
from serving.notices.wording import filled, same
from serving.procedure import Procedure
from serving.supervision.accuracy import accuracy
from serving.supervision.conduct import conduct
from serving.supervision.feedback_source import feedback_of
from serving.supervision.figures import Figure, Kpi, Measured
from serving.supervision.inspected import inspected, never_inspected
from serving.supervision.outcomes import known_outcomes
from serving.supervision.period import Period
from serving.supervision.satisfaction import satisfaction
from serving.supervision.soundness import soundness, unreadable
from serving.supervision.state import state
from serving.supervision.words import GROUPS, KPIS, Parts

Json = dict[str, Any]

_UNDECIDED = Text.of(
    "{count} 筆結果未計入：得知結果之前未作評級", "{count} 笔结果未计入：得知结果之前未作评级",
    "{count} outcomes are left out: no decision was made before they were known",
)  # fmt: skip
_ERASED = Text.of(
    "{count} 筆結果未計入：客戶資料已抹除", "{count} 笔结果未计入：客户资料已抹除",
    "{count} outcomes are left out: their customers were erased",
)  # fmt: skip
_UNREAD = Text.of(
    "{count} 筆評級依據未計入：客戶資料已抹除", "{count} 笔评级依据未计入：客户资料已抹除",
    "{count} justifications are left out: their customers were erased",
)  # fmt: skip
_NEVER_INSPECTED = Text.of(
    "{count} 筆抽出的評級未計入：檢查之前客戶資料已抹除",
    "{count} 笔抽出的评级未计入：检查之前客户资料已抹除",
    "{count} drawn decisions are left out: their customers were erased before they were inspected",
)  # fmt: skip
_NO_NOTICES = Text.of(
    "期間內未寄出通知：沒有回覆率", "期间内未寄出通知：没有回复率",
    "no notices were sent in the period: no share of them was answered",
)  # fmt: skip


@dataclass(frozen=True)
class Report:
    """The figures of a period in the order of their declaration, and what should be known beside them."""

    period: Period
    procedure: str
    kpis: Sequence[Kpi]
    remarks: Sequence[Text]

    def without_persons(self) -> "Report":
        """Return the report without the figures of single persons."""
        return replace(self, kpis=[_without_persons(kpi) for kpi in self.kpis])

    def document(self) -> Json:
        """Return the report as JSON."""
        return {
            "from": self.period.first.isoformat(),
            "to": self.period.last.isoformat(),
            "until": self.period.until and self.period.until.isoformat(),
            "procedure": self.procedure,
            "groups": [
                {
                    "group": group,
                    "names": names.model_dump(by_alias=True),
                    "kpis": [_shown(kpi) for kpi in self.kpis if kpi.group == group],
                }
                for group, names in GROUPS.items()
            ],
            "remarks": [remark.en for remark in self.remarks],
        }


def supervise(connection: Connection, keyring: Keyring, procedure: Procedure, period: Period) -> Report:
    """Return the report of a period.

    Args:
        connection: to the store, of which it reads one state.
        keyring: opens outcomes and justifications.
        procedure: has the targets, and says how often customers are reviewed.
        period: the period.

    Raises:
        KeyringError, SealError: the store was tampered with.
    """
    known = known_outcomes(connection, keyring, period)
    feedback = feedback_of(connection, period)
    measured: Mapping[str, Measured] = {
        **accuracy(known.followed),
        **soundness(connection, keyring, period, known.followed),
        **satisfaction(feedback),
        **conduct(connection, period),
        **state(connection, procedure, period),
        **inspected(connection, period),
    }
    left_out = (
        (_UNDECIDED, known.undecided),
        (_ERASED, known.erased),
        (_UNREAD, unreadable(connection, period)),
        (_NEVER_INSPECTED, never_inspected(connection, period)),
    )
    remarks = [filled(text, count=same(f"{count:,}")) for text, count in left_out if count]
    if not feedback.notices:
        remarks.append(_NO_NOTICES)
    targets = procedure.supervision.targets
    kpis = [Kpi(id_, measured[id_], targets.get(id_)) for id_ in KPIS]
    return Report(period, f"{procedure.procedure} v{procedure.version}", kpis, remarks)


def _without_persons(kpi: Kpi) -> Kpi:
    if kpi.declared.parts is not Parts.PERSON:
        return kpi
    return replace(kpi, measured=Measured(kpi.measured.whole))


def _shown(kpi: Kpi) -> Json:
    declared, target = kpi.declared, kpi.target
    return {
        "id": kpi.id,
        "names": declared.names.model_dump(by_alias=True),
        "definition": declared.definition.model_dump(by_alias=True),
        "unit": str(declared.unit),
        **_figure(kpi.measured.whole),
        "target": None if target is None else target.model_dump(exclude_none=True),
        "verdict": str(kpi.verdict),
        "parts_by": str(declared.parts),
        "parts": [{"part": name, **_figure(figure)} for name, figure in kpi.measured.parts.items()],
    }


def _figure(figure: Figure) -> Json:
    interval = None if figure.low is None else [figure.low, figure.high]
    return {
        "value": figure.value, "cases": figure.cases, "interval": interval, "expected": figure.expected,
    }  # fmt: skip
