"""Who signed a model: the acts of the cases on it, as the model card shows them."""

from sqlalchemy import select

from models.sign_off import SignOff
from serving.procedure import Procedure
from serving.reviews.adoptions import kept_set
from serving.reviews.case_book import CaseBook
from serving.reviews.cases import Act, CaseKind, load_case
from serving.store.case_tables import case_acts, cases
from serving.store.store import Store

_ROLES = {
    Act.PROPOSED: "proposer", Act.APPROVED: "approver", Act.REJECTED: "approver", Act.WITHDRAWN: "proposer"
}  # fmt: skip
# What may be written beside an act, as the columns are called.
_FINDINGS, _CONDITIONS = ("findings", "remark"), ("conditions",)


def sign_offs_of(store: Store, hashes: tuple[str, str, str | None]) -> list[SignOff]:
    """Return who proposed, approved or rejected a set of catalog, policy and model, in the order of the acts.

    Args:
        store: where it was decided.
        hashes: of catalog, policy and the model's content (`ServedSet.hashes`).

    Raises:
        StoreError: a document is not in the store, or was changed.
        SealError: what somebody wrote was changed.
    """
    book, found = CaseBook(store, Procedure()), []
    with store.reading() as connection:
        about = select(cases.c.id).where(
            cases.c.subject.is_not(None), cases.c.kind != str(CaseKind.PROCEDURE)
        )
        for case in [load_case(connection, id_) for id_ in connection.execute(about).scalars()]:
            if kept_set(connection, case.subject or "").hashes != hashes:
                continue
            acts = (
                select(case_acts, cases.c.justification)
                .join(cases, cases.c.id == case_acts.c.case)
                .where(
                    case_acts.c.case == case.id,
                    case_acts.c.version == case.version,
                    case_acts.c.act.in_([str(act) for act in _ROLES]),
                )
            )
            for row in connection.execute(acts).mappings():
                act = Act(row["act"])
                said = {
                    name: book.read_text(connection, case, row[name])
                    for name in (*_FINDINGS, *_CONDITIONS, "justification")
                    if row.get(name) is not None
                }
                findings = ("justification",) if act is Act.PROPOSED else _FINDINGS
                found.append(
                    SignOff(
                        role=_ROLES[act],
                        name=row["actor"],
                        at=row["at"],
                        decision=str(act),
                        findings=tuple(said[name] for name in findings if name in said),
                        conditions=tuple(said[name] for name in _CONDITIONS if name in said),
                        case=case.id,
                    )
                )
    return sorted(found, key=lambda one: one.at)
