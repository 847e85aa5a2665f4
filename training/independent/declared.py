"""What the registered catalog and policy say, read from their JSON without the product's own classes.

Only what a decision rests on is read. Names are those of the documents.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

Json = dict[str, Any]
Knots = tuple[tuple[float, float], ...]

# The policy's tiers from best to worst.
TIERS = ("premium", "good", "general", "risk")


@dataclass(frozen=True)
class Indicator:
    """One indicator with its place in the tree.

    `curve` gives points by encoded value: a number itself, a flag 0 or 1, a category its level's place, the
    unseen behind the last; None where it is not scored. `document` is the declaration itself.
    """

    document: Json
    dimension: Json
    group: Json
    curve: Knots | None

    @property
    def id(self) -> str:
        return str(self.document["id"])

    @property
    def kind(self) -> str:
        return str(self.document["kind"])

    @cached_property
    def levels(self) -> tuple[str, ...]:
        """The levels of a category, in the order of the declaration, which gives their codes."""
        return tuple(self.document.get("levels") or ())

    @property
    def in_model(self) -> bool:
        """Whether a model may use it."""
        return bool(self.document.get("modelled", True)) and not self.document.get("protected", False)

    @property
    def conditions(self) -> tuple[Json, ...]:
        """All of these must be met for it to apply."""
        declared = (self.dimension, self.group, self.document)
        return tuple(part["applies_when"] for part in declared if part.get("applies_when"))

    def declared_for(self, nature: str) -> bool:
        """Whether customers of a nature have it at all."""
        natures = self.document.get("natures")
        return natures is None or nature in natures

    def own_weight(self, nature: str) -> float:
        """Return its weight within its group."""
        return weight_of(self.document, nature) if self.declared_for(nature) else 0.0


def weight_of(part: Json, nature: str) -> float:
    """Return the weight that a part of the tree has for a nature: one number, or one for each nature."""
    weight = part.get("weight", 0.0)
    return float(weight.get(nature, 0.0) if isinstance(weight, dict) else weight)


class Catalog:
    """The indicators in the order of the declaration."""

    def __init__(self, document: Json) -> None:
        self.document = document
        self.indicators = tuple(_indicators(document))
        self.by_id = {indicator.id: indicator for indicator in self.indicators}

    @property
    def natures(self) -> tuple[str, ...]:
        return tuple(self.document["natures"])

    @property
    def dimensions(self) -> list[Json]:
        return list(self.document["dimensions"])

    def name_of_dimension(self, id_: str, language: str) -> str:
        """Return a dimension's name in a language."""
        return str(next(d["names"][language] for d in self.dimensions if d["id"] == id_))


class Policy:
    """The rules by which scores are blended and tiers given."""

    def __init__(self, document: Json) -> None:
        self.document = document

    @cached_property
    def cut_offs(self) -> tuple[float, ...]:
        """Of premium, good and general."""
        return tuple(float(self.document["tiers"][tier]["cut_off"]) for tier in TIERS[:-1])

    @cached_property
    def probabilities(self) -> tuple[float, ...]:
        """Of the adverse outcome, at those cut-offs."""
        return tuple(float(self.document["tiers"][tier]["probability"]) for tier in TIERS[:-1])

    @property
    def missing_points(self) -> float:
        return float(self.document["missing_points"])

    def reference(self, nature: str) -> float:
        """Return the points from which the baseline's contributions start."""
        given = self.document["reference_points"]
        return float(given.get(nature, self.missing_points) if isinstance(given, dict) else given)

    def model_share(self, nature: str) -> float:
        """Return the share of a model, where there is one, in the composite score."""
        given = self.document.get("model_weight", 0.0)
        return float(given.get(nature, 0.0) if isinstance(given, dict) else given)


def _indicators(document: Json) -> Iterator[Indicator]:
    for dimension in document["dimensions"]:
        for group in dimension["groups"]:
            for indicator in group["indicators"]:
                yield Indicator(indicator, dimension, group, _curve(indicator))


def _curve(indicator: Json) -> Knots | None:
    points = indicator.get("points")
    if indicator["kind"] == "category":
        given = [level.get("points") for level in (indicator.get("levels") or {}).values()]
        given.append(indicator.get("unseen_points"))
        return None if None in given else tuple((float(code), float(p)) for code, p in enumerate(given))
    if points is None:
        return None
    if isinstance(points, dict):
        return (0.0, float(points["false"])), (1.0, float(points["true"]))
    return tuple((float(x), float(y)) for x, y in points)
