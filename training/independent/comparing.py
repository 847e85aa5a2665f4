"""A served answer beside the one that was expected: every number, text, tier and their order."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import fsum, log
from typing import Any

from training.independent.declared import Json
from training.independent.expected import Expected
from training.independent.findings import EXACT, TOLERANCE, Finding, Tally
from training.independent.model_part import ModelPart

Numbers = Callable[[Json], Mapping[str, float | None]]
Texts = Callable[[Json], list[object]]

# Beyond, a probability is so near to 1 that its log-odds are lost in rounding.
_FARTHEST_LOG_ODDS = 15.0

_IDENTITY = (
    "customer_id", "nature", "as_of", "tier_kind", "model_version", "policy_hash", "catalog_hash"
)  # fmt: skip


@dataclass(frozen=True)
class _Quantity:
    """A part of an answer that is compared, one of `NAMES`.

    `of_model` where only a nature with a model has it.
    """

    id: str
    numbers: Numbers | None = None
    texts: Texts | None = None
    of_model: bool = False


def _lines(figure: str, status: str | None = None) -> Numbers:
    def numbers(answer: Json) -> dict[str, float | None]:
        lines = [line for line in answer["contributions"] if status in (None, line["status"])]
        return {line["indicator"]: line[figure] for line in lines}

    return numbers


def _sums(of: str) -> Numbers:
    return lambda answer: {line[of]: line["points"] for line in answer[f"{of}s"]}


def _facts(answer: Json) -> dict[str, float | None]:
    return {
        f"{place}. {line['rule']}, {fact}": line[fact]
        for place, line in enumerate(answer["tier_basis"], start=1)
        for fact in ("observed", "required")
    }


def _tiers(answer: Json) -> list[object]:
    model = answer["model"]
    return [answer["tier"], answer["baseline"]["tier"], None if model is None else model["tier"]]


# In the order in which an answer comes about.
_QUANTITIES = (
    _Quantity("identity", texts=lambda a: [a[name] for name in _IDENTITY]),
    _Quantity("shap_values", _lines("log_odds"), of_model=True),
    _Quantity("probability", lambda a: {"probability": a["probability"]}, of_model=True),
    _Quantity("model_points", lambda a: {"score": a["model"]["score"]}, of_model=True),
    _Quantity("baseline", lambda a: {"score": a["baseline"]["score"]}),
    _Quantity("completeness", lambda a: {"completeness": a["completeness"]}),
    _Quantity("reference", lambda a: {"base": a["base"]}),
    _Quantity("contributions", _lines("points")),
    _Quantity("facts_missing", _lines("points", "missing")),
    _Quantity("score", lambda a: {"score": a["score"]}),
    _Quantity("dimensions", _sums("dimension")),
    _Quantity("groups", _sums("group")),
    _Quantity(
        "lines",
        texts=lambda a: [
            (line["indicator"], line["dimension"], line["group"], line["status"], line["value"])
            for line in a["contributions"]
        ],
    ),
    _Quantity("tiers", texts=_tiers),
    _Quantity(
        "tier_basis",
        texts=lambda a: [(line["rule"], line["tier"], line["subject"]) for line in a["tier_basis"]],
    ),
    _Quantity("tier_facts", _facts),
    _Quantity("review", texts=lambda a: list(a["review"])),
    _Quantity("strategies", texts=lambda a: list(a["strategies"])),
)  # fmt: skip


class Comparison:
    """Compares answers one by one, and keeps the tallies."""

    def __init__(self) -> None:
        self._tallies = {
            quantity.id: Tally(quantity.id, None if quantity.numbers is None else TOLERANCE)
            for quantity in _QUANTITIES
        }
        self._log_odds = Tally("log_odds")
        self._prior = Tally("prior")
        self._sums = Tally("sum", EXACT)
        self._reasons = Tally("reasons", None)

    def add(self, expected: Expected, model: ModelPart | None, served: Json) -> None:
        """Compare one answer; `model` is what the model must have said, None where there is none."""
        for quantity in _QUANTITIES:
            if quantity.of_model and model is None:
                continue
            with_absent = self._tallies[quantity.id]
            try:
                if quantity.numbers is not None:
                    with_absent.numbers(quantity.numbers(expected.answer), quantity.numbers(served))
                elif quantity.texts is not None:
                    with_absent.texts(quantity.texts(expected.answer), quantity.texts(served))
            except (KeyError, TypeError, AttributeError):
                with_absent.absent()
        self._add_sums(served)
        if model is not None:
            self._add_model(model, served)
        said = served.get("reasons")
        if isinstance(said, list):
            self._reasons.texts(expected.reasons(served, TOLERANCE), said)
        else:
            self._reasons.absent()

    def findings(self) -> Iterator[Finding]:
        """Yield what was found, in the order in which an answer comes about."""
        for quantity in _QUANTITIES:
            yield self._tallies[quantity.id].finding()
            if quantity.id == "shap_values":
                yield self._prior.finding()
                yield self._log_odds.finding()
            if quantity.id == "groups":
                yield self._sums.finding()
        yield self._reasons.finding()

    def _add_model(self, model: ModelPart, served: Json) -> None:
        try:
            shown = {line["indicator"]: float(line["log_odds"]) for line in served["contributions"]}
            # What the boosters do not explain of a SHAP value is the prior's.
            of_prior = {
                id_: value - model.boosters.get(id_, 0.0)
                for id_, value in shown.items()
                if id_ in model.prior
            }
            self._prior.numbers({id_: model.prior[id_] for id_ in of_prior}, of_prior)
            found = {"sum": model.base + fsum(shown.values())}
            own: dict[str, float | None] = {"sum": model.log_odds}
            if abs(model.log_odds) < _FARTHEST_LOG_ODDS:
                own["probability"] = model.log_odds
                found["probability"] = _logit(served["probability"])
            self._log_odds.numbers(own, found)
        except (KeyError, TypeError, ValueError):
            self._log_odds.absent()

    def _add_sums(self, served: Json) -> None:
        try:
            score, base = served["score"], served["base"]
            own: dict[str, Any] = {"contributions": score, "dimensions": score}
            parts = {name: base + fsum(line["points"] for line in served[name]) for name in own}
            self._sums.numbers(own, parts)
        except (KeyError, TypeError):
            self._sums.absent()


def _logit(probability: float) -> float:
    return log(probability) - log(1.0 - probability)
