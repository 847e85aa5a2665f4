"""What the parts of figures are called: tiers as the policy names them, departments as the procedure does."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from features.declaration import DeclarationError
from features.terms import Text, Tier
from models.policy import Policy
from models.reasons import UNRATED_NAME
from serving.notices.wording import TIERS, filled, same
from serving.procedure import Procedure
from serving.reviews.adoptions import adopted_set
from serving.served import read_declared
from serving.store.documents import load_document
from serving.store.tables import decisions
from serving.supervision.figures import Kpi
from serving.supervision.period import Period
from serving.supervision.words import NEVER_REVIEWED, Parts

_NEVER = Text.of("從未評估", "从未评估", "never reviewed")
_CHANGE = Text.of("{old} → {new}", "{old} → {new}", "{old} → {new}")
_TENTH = Text.of("第 {number} 組", "第 {number} 组", "tenth {number}")
_SCORE = Text.of("{number} 分", "{number} 分", "score {number}")
_DIRECTIONS = {
    "better": Text.of("調高", "调高", "to a better tier"),
    "worse": Text.of("調低", "调低", "to a worse tier"),
}
_SEVERITIES = {
    "minor": Text.of("輕微", "轻微", "minor"),
    "major": Text.of("重大", "重大", "major"),
    "critical": Text.of("嚴重", "严重", "critical"),
}
# Reasons of cases, and those for overrides that a procedure has by default.
_REASONS = {
    "periodic": Text.of("定期評估", "定期评估", "periodic review"),
    "event": Text.of("重大事項", "重大事项", "material event"),
    "deterioration": Text.of("資料顯示惡化", "资料显示恶化", "deterioration in the facts"),
    "objection": Text.of("客戶異議", "客户异议", "customer's objection"),
    "request": Text.of("申請", "申请", "request"),
    "governance": Text.of("規則變更", "规则变更", "change of what governs"),
    "monitoring": Text.of("監測警示", "监测警示", "alarm of monitoring"),
    "rollback": Text.of("規則回復", "规则回退", "return to what governed before"),
    "facts_not_in_indicators": Text.of("指標以外的事實", "指标以外的事实", "facts outside the indicators"),
    "pending_correction": Text.of("資料待更正", "资料待更正", "facts about to be corrected"),
    "group_support": Text.of("集團支持", "集团支持", "support by the group"),
    "strategic": Text.of("戰略考量", "战略考量", "strategic"),
    "other": Text.of("其他", "其他", "other"),
}
# Of departments that the procedure tells nothing of but their id.
_DEPARTMENTS = {
    "marketing": Text.of("市場部", "市场部", "Marketing"),
    "sales": Text.of("銷售部", "销售部", "Sales"),
    "finance": Text.of("財務部", "财务部", "Finance"),
    "legal": Text.of("法務部", "法务部", "Legal"),
    "customer_service": Text.of("客服部", "客服部", "Customer service"),
}


@dataclass(frozen=True)
class Naming:
    """Names of the parts of figures; what has none goes by its id.

    Attributes:
        tiers: by the policy.
        departments: by the procedure.
    """

    tiers: Mapping[Tier, Text] = field(default_factory=dict)
    departments: Mapping[str, Text] = field(default_factory=dict)

    def tier(self, tier: Tier) -> Text:
        """Return a tier's name."""
        return self.tiers.get(tier) or (UNRATED_NAME if tier is Tier.UNRATED else TIERS[tier])

    def part(self, kpi: Kpi, part: str) -> Text:
        """Return the name of a figure's part."""
        match kpi.declared.parts:
            case Parts.TIER:
                return _NEVER if part == NEVER_REVIEWED else self.tier(Tier(part))
            case Parts.CHANGE:
                old, new = (self.tier(Tier(tier)) for tier in part.split(" → "))
                return filled(_CHANGE, old=old, new=new)
            case Parts.DIRECTION:
                return _DIRECTIONS[part]
            case Parts.SEVERITY:
                return _SEVERITIES[part]
            case Parts.SCORE:
                return filled(_TENTH if kpi.id == "soundness.psi" else _SCORE, number=same(part))
            case Parts.REASON:
                return _REASONS.get(part) or same(part or "–")
            case Parts.DEPARTMENT:
                return self.departments.get(part) or _DEPARTMENTS.get(part) or same(part)
        return same(part)


def naming_of(connection: Connection, procedure: Procedure, period: Period) -> Naming:
    """Return the names of a period: by the policy adopted when it ended, else by that of the newest decision.

    Args:
        connection: to the store.
        procedure: names the departments that are told of changes.
        period: the period.

    Raises:
        StoreError: the policy is not in the store, or was changed.
    """
    adopted = adopted_set(connection, period.last_moment)
    hash_ = None if adopted is None else adopted.policy
    if hash_ is None:
        hash_ = connection.execute(
            select(decisions.c.policy_hash)
            .where(decisions.c.decided_at < period.end)
            .order_by(decisions.c.decided_at.desc(), decisions.c.id)
            .limit(1)
        ).scalar_one_or_none()
    tiers: dict[Tier, Text] = {}
    if hash_ is not None:
        try:
            policy = read_declared(Policy, load_document(connection, hash_), "the kept policy")
        except DeclarationError:
            pass  # of another version of Tierwise: the tiers go by their common names
        else:
            tiers = {tier: rule.names for tier, rule in policy.tiers.items()}
    return Naming(tiers, {id_: of.names for id_, of in procedure.notices.departments.items()})
