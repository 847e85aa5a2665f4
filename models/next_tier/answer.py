"""The answer: one customer's path as the service, the command line and Python give it."""

from collections.abc import Mapping, Sequence

from typing_extensions import TypedDict

from features.terms import Language
from models.answer import shown
from models.next_tier.paths import Path
from models.next_tier.wording import ASSUMPTION, gained, sentences

# `from` is a word of Python's, so this one cannot be a class.
PathStep = TypedDict(
    "PathStep",
    {
        "indicator": str,
        "dimension": str,
        "group": str,
        "action": str,
        "from": float | bool | str | None,
        "to": float | bool | str | None,
        "effort": float,
        "points": float,
        "moves_with": list[str],
    },
)
PathStep.__doc__ = """One indicator's change; `action` is change, or supply where the fact is not known.

`effort` is in steps of its curve, one more for touching it at all. `points` is by how much its contribution
to the score rises. `moves_with` are the indicators computed from the same records, which are taken to stay.
"""


class PathObstacle(TypedDict):
    """Why there is no path: a rule (or `together`), its subject, the best within reach, what is needed."""

    rule: str
    subject: str | None
    reachable: float | None
    required: float | None


class PathEnd(TypedDict):
    """The decision after all steps."""

    score: float
    tier: str
    probability: float | None


class PathAnswer(TypedDict):
    """One customer's way to the next tier, as it would be decided on today.

    `outcome` is path, impossible, at_the_top or undecided (the search was broken off). The score reached is
    score + the steps' points + other_points. `proven`: no path through the values considered takes less
    effort, or there is none; otherwise any of them takes `at_least`, in whole eighths of a step.
    """

    customer_id: str
    nature: str
    as_of: str
    score: float
    tier: str
    tier_kind: str
    outcome: str
    target: str | None
    proven: bool
    effort: float | None
    at_least: float | None
    steps: list[PathStep]
    other_points: float
    reached: PathEnd | None
    obstacles: list[PathObstacle]
    reasons: list[str]
    assumption: str
    model_version: str | None
    policy_hash: str
    catalog_hash: str


def path_answer(
    path: Path,
    related: Mapping[str, Sequence[str]],
    *,
    language: Language = Language.EN,
    model_version: str | None = None,
) -> PathAnswer:
    """Return one customer's path.

    Args:
        path: as found.
        related: for each indicator those that are computed from the same records.
        language: of the reasons.
        model_version: as registered, e.g. `sba/3`.
    """
    before, after, portfolio = path.before, path.after, path.before.portfolio
    steps = [_step(path, place, related) for place in range(len(path.steps))]
    reached: PathEnd | None = None
    others = 0.0
    if after is not None:
        reached = {
            "score": float(after.score[0]),
            "tier": str(after.tiers[0]),
            "probability": float(after.model.probability[0]) if after.model.applies[0] else None,
        }
        others = reached["score"] - float(before.score[0]) - sum(step["points"] for step in steps)
    return {
        "customer_id": portfolio.customer_ids[0],
        "nature": str(portfolio.natures[0]),
        "as_of": portfolio.as_of[0].isoformat(),
        "score": float(before.score[0]),
        "tier": str(before.tiers[0]),
        "tier_kind": "indicative",
        "outcome": str(path.outcome),
        "target": None if path.target is None else str(path.target),
        "proven": path.proven,
        "effort": path.effort if path.steps else None,
        "at_least": None if path.proven else path.at_least,
        "steps": steps,
        "other_points": others,
        "reached": reached,
        "obstacles": [
            {
                "rule": "together" if obstacle.rule is None else str(obstacle.rule),
                "subject": obstacle.subject,
                "reachable": obstacle.reachable,
                "required": obstacle.required,
            }
            for obstacle in path.obstacles
        ],
        "reasons": sentences(path, language),
        "assumption": ASSUMPTION.in_language(language),
        "model_version": model_version,
        "policy_hash": before.policy.hash,
        "catalog_hash": portfolio.catalog.hash,
    }


def _step(path: Path, place: int, related: Mapping[str, Sequence[str]]) -> PathStep:
    assert path.after is not None
    step = path.steps[place]
    placed = path.before.portfolio.catalog.placed[step.column]
    return {
        "indicator": placed.id,
        "dimension": placed.dimension.id,
        "group": placed.group.id,
        "action": "supply" if step.supplies else "change",
        "from": shown(path.before.portfolio, 0, step.column, placed),
        "to": shown(path.after.portfolio, 0, step.column, placed),
        "effort": step.effort,
        "points": gained(path, step.column),
        "moves_with": list(related.get(placed.id, ())),
    }
