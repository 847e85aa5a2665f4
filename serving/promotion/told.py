"""What reviewers were told of a version: the battery's document and that of its reasons, and what they ask.

Neither is taken at its word: the verdict is read off the document whose hash was recorded, and the document
must be about the very model, catalog and policy.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from models.registry import BATTERY, REASONS
from serving.promotion.battery_told import SUBJECT, not_judged
from serving.promotion.rules import PromotionRules
from serving.reviews.adoptions import AcceptedFailure
from serving.reviews.cases import CaseError

PARTS = ("scope", "discrimination", "calibration", "stability", "monotonicity", "fairness", "benchmark")
"""What a battery answers whatever the model; the ids of its checks begin with these."""
CHECKS = ("scope.out_of_time", "scope.other_customers", "scope.columns")
"""Checks that a battery has whatever the model: one that lacks them is of an earlier version of Tierwise."""
LEAST_ASKED = 50
"""Reasons are checked on so many customers or more; see decision 016."""
LONGEST_REASON = 400
_PASSED, _FAILED = "passed", "failed"
_MODEL_NAMES = frozenset({"model_sha256", "artefact_sha256"})

Json = Mapping[str, Any]


class NotPromotable(CaseError):
    """A version may not be promoted as things stand; one line that says why."""


@dataclass(frozen=True)
class Told:
    """The two documents, read."""

    battery: Json
    reasons: Json

    @classmethod
    def read(cls, battery: bytes, reasons: bytes) -> "Told":
        """Read the documents.

        Raises:
            NotPromotable: one is none of its kind.
        """
        return cls(_read(BATTERY, battery), _read(REASONS, reasons))

    @property
    def failed(self) -> tuple[str, ...]:
        """The ids of the battery's checks that failed."""
        return tuple(of["id"] for of in self.battery["results"] if of["verdict"] == _FAILED)

    def require_about(self, hashes: Mapping[str, str]) -> None:
        """Refuse documents on another model, catalog or policy.

        A model's document names the catalog and policy that it holds for, so that its hash says all of it.

        Args:
            hashes: of what is to be promoted (hex): `model_sha256` of the model's document without its
                signature, `artefact_sha256` of its bytes, `catalog_hash` and `policy_hash`.

        Raises:
            NotPromotable: one is about something else, or names no model.
        """
        for kind, document in ((BATTERY, self.battery), (REASONS, self.reasons)):
            said = {name: hash_ for name, hash_ in document["subject"].items() if name in hashes}
            wrong = [name for name, hash_ in said.items() if hash_ != hashes[name]]
            if wrong or not said.keys() & _MODEL_NAMES:
                why = f"another {wrong[0]}" if wrong else "it names no model"
                raise NotPromotable(f"the {kind} review is not of this version ({why}); record its own")

    def require_passed(self, accepted: Collection[AcceptedFailure], rules: PromotionRules) -> None:
        """Refuse what reviewers found wanting, unless failures of the battery may be and are accepted.

        A check for which there was not enough data fails nothing; where no check could be answered, nothing
        was passed either.

        Raises:
            NotPromotable: reasons do not hold or were asked of too few, or the battery is not whole or not
                passed.
        """
        self._require_reasons()
        ids = {of["id"] for of in self.battery["results"]}
        begun = {id_.partition(".")[0] for id_ in ids}
        absent = [part for part in PARTS if part not in begun]
        absent += [check for check in CHECKS if check not in ids]
        if absent:
            raise NotPromotable(f"the battery review is not whole: {absent[0]} is absent; run it again")
        if not any(of["verdict"] == _PASSED for of in self.battery["results"]):
            raise NotPromotable("the battery has passed nothing: no check could be answered")
        if accepted and not rules.exceptions:
            raise NotPromotable(
                "the procedure accepts no check that failed (promotion.exceptions); train another version"
            )
        reasons = {of.check: of.reason for of in accepted}
        unknown = [check for check in reasons if check not in self.failed]
        if unknown:
            raise NotPromotable(f"check {unknown[0]} has not failed; accept only what has")
        left = [check for check in self.failed if check not in reasons]
        if left:
            how = "; accept each by --accept-failed CHECK:REASON" if rules.exceptions else ""
            raise NotPromotable(f"the battery has not passed: {', '.join(left)} failed{how}")
        if len(reasons) < len(accepted) or not all(
            of.strip() and len(of) <= LONGEST_REASON for of in reasons.values()
        ):
            raise NotPromotable(
                f"give each failed check once, with a reason of 1 to {LONGEST_REASON} characters"
            )

    def _require_reasons(self) -> None:
        verdicts = [self.reasons["verdict"], *(of["verdict"] for of in self.reasons["findings"])]
        if any(verdict != _PASSED for verdict in verdicts):
            raise NotPromotable("the reasons review has not passed: the model's explanations do not hold")
        if len(verdicts) == 1:
            raise NotPromotable("the reasons review has compared nothing; run it again")
        asked = self.reasons["subject"].get("customers")
        if not isinstance(asked, int) or asked < LEAST_ASKED:
            raise NotPromotable(
                f"the reasons review asked about fewer than {LEAST_ASKED} customers: run `tierwise reasons "
                "check` with a larger --sample-size, or on a larger table"
            )

    def summary(self, accepted: Collection[AcceptedFailure]) -> dict[str, Any]:
        """Return what an approver has to know at a glance."""
        names = {of["id"]: of["name"]["en"] for of in self.battery["results"]}
        return {
            BATTERY: {
                **battery_in_short(self.battery),
                "not_judged": not_judged(self.battery["results"]),
            },
            REASONS: {
                "verdict": self.reasons["verdict"],
                **{
                    name: self.reasons["subject"].get(name)
                    for name in ("customers", "variants", "with_model")
                },
            },
            "accepted": [
                {"check": of.check, "name": names.get(of.check), "reason": of.reason} for of in accepted
            ],
        }


def battery_in_short(battery: Json) -> dict[str, Any]:
    """Return a battery's verdict, on whom it was judged, and by which limits."""
    return {
        "verdict": battery["verdict"],
        "counts": battery["counts"],
        **{name: battery["subject"].get(name) for name in SUBJECT},
        "limits_given": battery.get("limits_given", []),
    }


def read_battery(content: bytes) -> Json:
    """Read a battery's document.

    Raises:
        NotPromotable: it is none.
    """
    return _read(BATTERY, content)


def _read(kind: str, content: bytes) -> Json:
    try:
        document = json.loads(content)
        readable = isinstance(document["verdict"], str) and isinstance(document["subject"], dict)
        checks = document["results"] if kind == BATTERY else document["findings"]
        readable = readable and all(isinstance(of[name], str) for of in checks for name in ("id", "verdict"))
        if kind == BATTERY:
            readable = (
                readable
                and isinstance(document["counts"], dict)
                and all(isinstance(count, int) for count in document["counts"].values())
                and all(isinstance(of["name"]["en"], str) for of in checks)
                and all(isinstance(of["reason"]["en"], str) for of in checks if of.get("reason") is not None)
            )
    except (ValueError, KeyError, TypeError):
        readable = False
    if not readable:
        raise NotPromotable(f"the {kind} review cannot be read by this version of Tierwise; record it again")
    found: Json = document
    return found
