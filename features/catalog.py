"""The catalog: every indicator declared once, as data, from which everything else follows."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from features.condition import Condition
from features.curve import Better, Knots, check_knots
from features.declaration import DeclarationError, content_hash, load_declared, read_yaml
from features.sources.flat_table import FlatTable
from features.sources.record_table import CUSTOMERS, NATURE, ColumnType, RecordTable
from features.terms import Declared, Nature, Text

CATALOGS = Path(__file__).parent / "catalogs"

# Within a group, a dimension and the catalog, the weights of one nature add up to this.
WHOLE = 100.0
_WEIGHT_TOLERANCE = 1e-6

Identifier = Field(pattern=r"^[a-z][a-z0-9_]*$")
Weight = float | dict[Nature, float]


class Kind(StrEnum):
    """What an indicator's values are."""

    NUMBER = "number"
    FLAG = "flag"
    CATEGORY = "category"


class Confidentiality(StrEnum):
    """How confidential an indicator's values are (M5)."""

    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"
    PERSONAL = "personal"


class Unit(Declared):
    """How a value of this unit is shown: `value × scale`, rounded to `decimals`, with a suffix."""

    suffix: Text | None = None
    scale: float = Field(default=1.0, gt=0)
    decimals: int = Field(default=0, ge=0, le=6)


class Level(Declared):
    """One level of a category: its names and its points (none where the indicator is not scored)."""

    names: Text
    points: float | None = Field(default=None, ge=0, le=100)


class FlagPoints(Declared):
    """The points of a flag's two values."""

    true: float = Field(ge=0, le=100)
    false: float = Field(ge=0, le=100)


class Source(Declared):
    """The department that delivers an indicator (M11), and the table it delivers it in."""

    department: str = Identifier
    table: str = Identifier


class Indicator(Declared):
    """One indicator, declared once.

    `better` is what the company values; `risk_direction` is which way the adverse outcome moves
    as the value rises (−1, 0 unknown, +1). They are separate: a large purchase volume may be good
    for contribution and bad for risk. A `protected` indicator is recorded, never scored nor
    modelled. Weights are the baseline's: a model may learn from every indicator that is `modelled`.

    `aliases` are headers under which tables carry it, beside its id; `missing` are codes that stand for no
    value. `value` is the expression that computes it from the departments' tables. Where it is `drafted`, its
    direction and points were read off outcomes, and a validation reads them anew from what it trains on.
    """

    id: str = Identifier
    names: Text
    kind: Kind
    unit: str | None = None
    natures: tuple[Nature, ...] | None = None
    better: Better
    risk_direction: int = Field(default=0, ge=-1, le=1)
    points: Knots | FlagPoints | None = None
    levels: dict[str, Level] | None = None
    unseen_points: float | None = Field(default=None, ge=0, le=100)
    weight: Weight = 0.0
    minimum: float | None = None
    maximum: float | None = None
    source: Source
    freshness_days: int | None = Field(default=None, gt=0)
    confidentiality: Confidentiality
    protected: bool = False
    actionable: bool = False
    modelled: bool = True
    applies_when: Condition | None = None
    aliases: tuple[str, ...] = ()
    missing: tuple[float | str, ...] = ()
    value: str | None = None
    drafted: bool = False
    notes: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        scored = any(self.weight_of(nature) > 0 for nature in Nature)
        if self.protected and (scored or self.risk_direction):
            raise ValueError("a protected indicator is never scored: drop its weight and risk_direction")
        if isinstance(self.weight, dict) and self.natures is not None:
            foreign = set(self.weight) - set(self.natures)
            if foreign:
                raise ValueError(f"has a weight for {min(foreign)}, to which it does not apply")
        match self.kind:
            case Kind.NUMBER:
                self._check_number(scored)
            case Kind.FLAG:
                self._check_flag(scored)
            case Kind.CATEGORY:
                self._check_category(scored)
        return self

    def _check_number(self, scored: bool) -> None:
        if self.levels is not None or self.unseen_points is not None:
            raise ValueError("levels belong to a category, not to a number")
        if isinstance(self.points, FlagPoints):
            raise ValueError("a number's points are knots [[value, points], ...]")
        if self.points is not None:
            check_knots(self.points, self.better)
        elif scored:
            raise ValueError("has a weight but no points curve")
        if self.minimum is not None and self.maximum is not None and self.minimum >= self.maximum:
            raise ValueError("minimum must lie below maximum")

    def _check_flag(self, scored: bool) -> None:
        if self.levels is not None or self.minimum is not None or self.maximum is not None:
            raise ValueError("a flag has no levels, minimum or maximum")
        if self.better not in (Better.HIGHER, Better.LOWER):
            raise ValueError("a flag is better higher (true) or lower (false)")
        if self.points is None and scored:
            raise ValueError("has a weight but no points")
        if self.points is not None:
            if not isinstance(self.points, FlagPoints):
                raise ValueError("a flag's points are {true: ..., false: ...}")
            check_knots(((0.0, self.points.false), (1.0, self.points.true)), self.better)

    def _check_category(self, scored: bool) -> None:
        if not self.levels:
            raise ValueError("a category needs levels")
        if self.better is not Better.LEVELS or self.risk_direction:
            raise ValueError("a category has better: levels and no risk_direction")
        if self.points is not None or self.minimum is not None or self.maximum is not None:
            raise ValueError("a category's points stand in its levels; it has no minimum or maximum")
        points = [level.points for level in self.levels.values()] + [self.unseen_points]
        if scored and any(p is None for p in points):
            raise ValueError("has a weight: give points for every level, and unseen_points")

    def weight_of(self, nature: Nature) -> float:
        """Return the weight within the group for one nature (0 where it does not apply)."""
        if self.natures is not None and nature not in self.natures:
            return 0.0
        return _weight_of(self.weight, nature)

    def stands_for_nothing(self, value: object) -> bool:
        """Whether a value is one of the codes for a missing one."""
        if not self.missing or isinstance(value, bool):
            return False
        if isinstance(value, str):
            return value.strip() in self.missing
        return isinstance(value, int | float) and value in self.missing

    @property
    def in_model(self) -> bool:
        """Whether a model may use the indicator."""
        return self.modelled and not self.protected

    @cached_property
    def level_codes(self) -> dict[str, int]:
        """The code of each level of a category: its place in the declaration. Unseen is the next."""
        return {level: code for code, level in enumerate(self.levels or {})}


class Method(StrEnum):
    """How a catalog's weights came about."""

    JUDGEMENT = "judgement"
    AHP = "ahp"
    ENTROPY = "entropy"
    CRITIC = "critic"
    OUTCOMES = "outcomes"


class Weighting(Declared):
    """How the weights came about: of AHP the consistency ratio, of records or outcomes the customers."""

    method: Method = Method.JUDGEMENT
    consistency_ratio: float | None = None
    customers: int | None = None


class Group(Declared):
    """A group of indicators within a dimension."""

    id: str = Identifier
    names: Text
    weight: Weight = 0.0
    applies_when: Condition | None = None
    indicators: tuple[Indicator, ...] = Field(min_length=1)


class Dimension(Declared):
    """One dimension of the evaluation (M6–M10)."""

    id: str = Identifier
    names: Text
    weight: Weight
    applies_when: Condition | None = None
    groups: tuple[Group, ...] = Field(min_length=1)


@dataclass(frozen=True)
class Placed:
    """An indicator with the group and dimension it stands in."""

    dimension: Dimension
    group: Group
    indicator: Indicator

    @property
    def id(self) -> str:
        return self.indicator.id

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Every condition under which the indicator applies: its own, its group's, its dimension's."""
        declared = (self.dimension, self.group, self.indicator)
        return tuple(level.applies_when for level in declared if level.applies_when is not None)

    def applies_to(self, nature: Nature) -> bool:
        """Whether the indicator is declared for customers of this nature."""
        return self.indicator.natures is None or nature in self.indicator.natures


class Catalog(Declared):
    """A company's indicator system (評估指標體系).

    `terms` are expressions by name that indicators share without being indicators themselves.
    """

    catalog: str = Identifier
    version: int = Field(ge=1)
    names: Text
    natures: tuple[Nature, ...] = Field(min_length=1)
    departments: dict[str, Text]
    units: dict[str, Unit] = {}
    tables: dict[str, RecordTable] = {}
    terms: dict[str, str] = {}
    table: FlatTable | None = None
    weighting: Weighting = Weighting()
    dimensions: tuple[Dimension, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self._check_ids()
        self._check_tables()
        for placed in self.placed:
            self._check_references(placed)
        for nature in self.natures:
            self._check_weights(nature)
        return self

    def _check_ids(self) -> None:
        for what, ids in (
            ("dimension", [dimension.id for dimension in self.dimensions]),
            ("group", [group.id for dimension in self.dimensions for group in dimension.groups]),
            ("indicator", [placed.id for placed in self.placed]),
        ):
            twice = {id_ for id_ in ids if ids.count(id_) > 1}
            if twice:
                raise ValueError(f"{what} {min(twice)}: the id is given twice; ids are unique in a catalog")

    def _check_tables(self) -> None:
        for name, table in self.tables.items():
            where = f"table {name}"
            if table.department not in self.departments:
                raise ValueError(f"{where}: department {table.department} is not declared")
            if table.key_of is not None:
                of_table, column = table.key_of.split(".")
                if of_table not in self.tables or column not in self.tables[of_table].columns:
                    raise ValueError(f"{where}: key_of: there is no {table.key_of}")
        if self.tables:
            customers = self.tables.get(CUSTOMERS)
            nature = customers.columns.get(NATURE) if customers is not None else None
            if nature is None or nature.type is not ColumnType.TEXT:
                raise ValueError(f"tables: need a table {CUSTOMERS} with a text {NATURE}: it says who exists")

    def _check_references(self, placed: Placed) -> None:
        indicator = placed.indicator
        where = f"indicator {placed.id}"
        if indicator.unit is not None and indicator.unit not in self.units:
            raise ValueError(f"{where}: unit {indicator.unit} is not declared under units")
        if indicator.source.department not in self.departments:
            raise ValueError(f"{where}: department {indicator.source.department} is not declared")
        for nature in indicator.natures or ():
            if nature not in self.natures:
                raise ValueError(f"{where}: nature {nature} is not one of the catalog's natures")
        for condition in placed.conditions:
            self.check_condition(condition, where)
            if self.by_id[condition.indicator].conditions:
                raise ValueError(f"{where}: applies_when may not rest on an indicator with applies_when")

    def check_condition(self, condition: Condition, where: str) -> None:
        """Refuse a condition on an unknown indicator, or of the wrong kind for it.

        Raises:
            ValueError: names `where` and the reason.
        """
        target = self.by_id.get(condition.indicator)
        if target is None:
            raise ValueError(f"{where}: condition on unknown indicator {condition.indicator}")
        kind, expected = target.indicator.kind, Kind.NUMBER
        if isinstance(condition.is_, bool):
            expected = Kind.FLAG
        elif condition.is_ is not None:
            expected = Kind.CATEGORY
            unknown = set(condition.is_) - set(target.indicator.levels or {})
            if kind is Kind.CATEGORY and unknown:
                raise ValueError(f"{where}: {condition.indicator} has no level {min(unknown)}")
        if kind is not expected:
            raise ValueError(f"{where}: the condition does not fit {condition.indicator}, a {kind}")

    def _check_weights(self, nature: Nature) -> None:
        whole = []
        for dimension in self.dimensions:
            weighted_groups = []
            for group in dimension.groups:
                weights = [indicator.weight_of(nature) for indicator in group.indicators]
                where = f"group {group.id}, nature {nature}"
                weight = _weight_of(group.weight, nature)
                if any(weights):
                    names = ", ".join(i.id for i in group.indicators if i.weight_of(nature))
                    _check_sum(weights, f"{where}: the weights of its indicators ({names})")
                elif weight:
                    raise ValueError(f"{where}: has a weight but no weighted indicator")
                weighted_groups.append(weight)
            where = f"dimension {dimension.id}, nature {nature}"
            weight = _weight_of(dimension.weight, nature)
            if any(weighted_groups):
                _check_sum(weighted_groups, f"{where}: the weights of its groups")
            elif weight:
                raise ValueError(f"{where}: has a weight but no weighted group")
            whole.append(weight)
        _check_sum(whole, f"nature {nature}: the weights of the dimensions")

    @cached_property
    def placed(self) -> tuple[Placed, ...]:
        """Every indicator in the order of the declaration."""
        return tuple(
            Placed(dimension, group, indicator)
            for dimension in self.dimensions
            for group in dimension.groups
            for indicator in group.indicators
        )

    @cached_property
    def by_id(self) -> dict[str, Placed]:
        """Every indicator by its id."""
        return {placed.id: placed for placed in self.placed}

    @cached_property
    def columns(self) -> dict[str, int]:
        """The column of every indicator: its place in the declaration."""
        return {placed.id: column for column, placed in enumerate(self.placed)}

    @cached_property
    def declared(self) -> dict[Nature, tuple[bool, ...]]:
        """For each nature, which indicators are declared for it, by column."""
        return {nature: tuple(p.applies_to(nature) for p in self.placed) for nature in self.natures}

    @cached_property
    def conditional(self) -> dict[Condition, tuple[int, ...]]:
        """For each condition, the columns of the indicators that apply only where it is met."""
        columns: dict[Condition, tuple[int, ...]] = {}
        for column, placed in enumerate(self.placed):
            for condition in placed.conditions:
                columns[condition] = (*columns.get(condition, ()), column)
        return columns

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the content, independent of the file's layout; it goes into every decision."""
        return content_hash(self)

    def for_nature(self, nature: Nature) -> Iterator[Placed]:
        """Yield the indicators declared for one nature."""
        return (placed for placed in self.placed if placed.applies_to(nature))

    def weights(self, nature: Nature) -> dict[str, tuple[float, float, float]]:
        """Return for each weighted indicator the shares of its dimension, its group and itself (0–1)."""
        shares = {}
        for placed in self.for_nature(nature):
            share = (
                _weight_of(placed.dimension.weight, nature) / WHOLE,
                _weight_of(placed.group.weight, nature) / WHOLE,
                placed.indicator.weight_of(nature) / WHOLE,
            )
            if all(share):
                shares[placed.id] = share
        return shares


def load_catalog(path: str | Path) -> Catalog:
    """Load a catalog from a YAML file, or one of the bundled ones by its name (`customer`, `sba`).

    Raises:
        DeclarationError: names the file, the indicator and the reason.
    """
    file = bundled_or_path(path, CATALOGS)
    try:
        return load_declared(Catalog, file)
    except DeclarationError as error:
        raise DeclarationError(_with_ids(str(error), file)) from None


def bundled_or_path(path: str | Path, folder: Path) -> Path:
    """Return the bundled file of that name, or the path itself."""
    bundled = folder / f"{path}.yaml"
    return bundled if "/" not in str(path) and bundled.is_file() else Path(path)


def _with_ids(message: str, file: Path) -> str:
    """Replace places such as dimensions.1.groups.0.indicators.2 by the ids that a person declared."""
    prefix = f"{file}: dimensions."
    if not message.startswith(prefix):
        return message
    place, _, reason = message.removeprefix(f"{file}: ").partition(": ")
    node, path, named = read_yaml(file), place.split("."), []
    while path and isinstance(node, dict | list):
        step = path.pop(0)
        node = node[int(step)] if isinstance(node, list) else node.get(step)
        if isinstance(node, dict) and "id" in node and step.isdigit():
            named = [str(node["id"])]
        elif not (step.isdigit() or step in ("dimensions", "groups", "indicators")):
            named.append(step)
    return f"{file}: {'.'.join(named + path)}: {reason}"


def _weight_of(weight: Weight, nature: Nature) -> float:
    return weight.get(nature, 0.0) if isinstance(weight, dict) else weight


def _check_sum(weights: list[float], what: str) -> None:
    if min(weights) < 0:
        raise ValueError(f"{what} must not be negative")
    if abs(sum(weights) - WHOLE) > _WEIGHT_TOLERANCE:
        raise ValueError(f"{what} add up to {sum(weights):g}, not to {WHOLE:g}")
