"""Why a tier changed, in words that may leave the company: no points, weights, values or remarks.

Of a decision this is which rules bound it and which of the customer's indicators spoke for and against it, in
the catalog's order, which tells nothing of their weights. Values are left out, for mail is read on the way.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, select

from features.catalog import Catalog
from features.terms import Text, Tier
from models.answer import Answer, BasisLine
from models.policy import Policy
from models.reasons import WORTH_NAMING
from models.tiering import Rule
from serving.notices import wording
from serving.notices.wording import filled, listed, same
from serving.procedure import Procedure
from serving.reviews.justification import open_justification, read_justification
from serving.reviews.standings import Layer
from serving.served import read_declared
from serving.store.case_tables import standings
from serving.store.customers import KnownCustomer
from serving.store.documents import load_document
from serving.store.tables import decisions

# Of the indicators that spoke for a tier, and of those that spoke against it, so many are named.
_NAMED = 4


@dataclass(frozen=True)
class TierChange:
    """A change of the tier that counts, as the store keeps it."""

    id: str
    customer: str
    at: datetime
    before: Tier | None
    after: Tier | None
    layer: Layer

    @classmethod
    def of(cls, row: Row[Any]) -> "TierChange":
        """Return a row of the table of changes."""
        before, after = (None if name is None else Tier(name) for name in (row.before, row.after))
        return cls(row.id, row.customer, row.at, before, after, Layer(row.layer))


class Causes:
    """Tells why tiers changed; the catalogs and policies of decisions are read once."""

    def __init__(self, procedure: Procedure) -> None:
        self._procedure = procedure
        self._zone = ZoneInfo(procedure.notices.time_zone)
        self._catalogs: dict[str, Catalog] = {}
        self._policies: dict[str, Policy] = {}

    def of(self, connection: Connection, customer: KnownCustomer, change: TierChange) -> tuple[Text, ...]:
        """Return the sentences that say why, the main one first.

        Raises:
            SealError: a justification was changed.
            StoreError: the catalog or policy of a decision is not in the store.
        """
        counts, sentences = _counting(connection, change), []
        if counts is None or counts.layer != str(change.layer):
            match change.layer:
                case Layer.HOLD:
                    sentences.append(wording.HOLD_ENDED)
                case Layer.OVERRIDE:
                    sentences.append(wording.OVERRIDE_ENDED)
                case Layer.APPROVED:
                    pass
        if counts is None:
            return (*sentences, wording.NOTHING_APPLIES)
        match Layer(counts.layer):
            case Layer.HOLD:
                sentences.append(self._held(counts.reason))
            case Layer.OVERRIDE:
                until = counts.expires_at.astimezone(self._zone).date().isoformat()
                sentences.append(filled(wording.OVERRIDDEN, until=same(until)))
            case Layer.APPROVED:
                sentences += self._approved(connection, customer, counts)
        return tuple(sentences)

    def _held(self, reason: str | None) -> Text:
        event = self._procedure.events.get(reason or "")
        return wording.FACTS_HELD if event is None else filled(wording.EVENT_HELD, event=event.names)

    def _approved(self, connection: Connection, customer: KnownCustomer, counts: Row[Any]) -> list[Text]:
        row = connection.execute(select(decisions).where(decisions.c.id == counts.decision)).one_or_none()
        if row is None:
            return []
        template = wording.APPROVED.get(counts.reason or "", wording.REVIEWED)
        content = open_justification(row.sealed, customer.data_key, row.id)
        answer = read_justification(content)["answer"]
        return [
            filled(template, as_of=same(row.as_of.isoformat())),
            *self._of_answer(connection, answer, row.catalog_hash, row.policy_hash),
        ]

    def _of_answer(
        self, connection: Connection, answer: Answer, catalog_hash: str, policy_hash: str
    ) -> list[Text]:
        if catalog_hash not in self._catalogs:
            kept = load_document(connection, catalog_hash)
            self._catalogs[catalog_hash] = read_declared(Catalog, kept, "the kept catalog")
        if policy_hash not in self._policies:
            kept = load_document(connection, policy_hash)
            self._policies[policy_hash] = read_declared(Policy, kept, "the kept policy")
        catalog = self._catalogs[catalog_hash]
        subjects = {veto.id: veto.names for veto in self._policies[policy_hash].vetoes}
        subjects |= {dimension.id: dimension.names for dimension in catalog.dimensions}
        return [*_rules(answer["tier_basis"], subjects), *_indicators(answer, catalog)]


def _counting(connection: Connection, change: TierChange) -> Row[Any] | None:
    """Return what counts after a change: what it put in force, or else what came to light beneath."""
    rows = connection.execute(
        select(standings)
        .where(standings.c.customer == change.customer, standings.c.valid_from <= change.at)
        .order_by(standings.c.valid_from.desc())
    ).all()
    of_tier = [row for row in rows if row.tier == change.after]
    for row in of_tier:
        if row.layer == str(change.layer) and row.valid_from == change.at:
            return row
    # Several changes may have one moment: what ended at it may have counted before.
    still = [
        row for row in of_tier
        if row.layer != str(change.layer)
        and (row.valid_to is None or row.valid_to >= change.at)
        and (row.expires_at is None or row.expires_at > change.at)
    ]  # fmt: skip
    return max(still, key=lambda row: list(Layer).index(Layer(row.layer)), default=None)


def _rules(basis: list[BasisLine], subjects: Mapping[str, Text]) -> list[Text]:
    """Return a sentence for each rule that bound the tier, without what was observed and required."""
    found = []
    for line in reversed(basis):
        template = wording.RULES.get(Rule(line["rule"]))
        if template is not None:
            subject = subjects.get(line["subject"] or "", same("—"))
            found.append(filled(template, subject=subject))
    return found


def _indicators(answer: Answer, catalog: Catalog) -> list[Text]:
    """Return which indicators spoke in favour, which against, and which are not known."""
    spoke: dict[str, list[tuple[float, str]]] = {"for": [], "against": [], "missing": []}
    for line in answer["contributions"]:
        points, known = line["points"], line["status"] in ("known", "unseen")
        if points > WORTH_NAMING and known:
            spoke["for"].append((points, line["indicator"]))
        elif points < -WORTH_NAMING and (known or line["status"] == "missing"):
            spoke["against" if known else "missing"].append((-points, line["indicator"]))
    found = []
    templates = {"for": wording.IN_FAVOUR, "against": wording.AGAINST, "missing": wording.NOT_KNOWN}
    for side, template in templates.items():
        named = [id_ for _, id_ in sorted(spoke[side], key=lambda of: -of[0])[:_NAMED]]
        if named:
            ordered = sorted(named, key=lambda id_: catalog.columns[id_])
            names = listed([catalog.by_id[id_].indicator.names for id_ in ordered])
            found.append(filled(template, names=names))
    return found
