"""A model as one SQL query, which scores and explains a table inside DuckDB, SQLite or PostgreSQL.

Every number is the engine's: the same doubles, added in the same order. A contribution is the sum of its
tables, in their order, times the calibration's slope; log-odds are the base and the contributions, added in
the catalog's order.
"""

import itertools
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.catalog import Catalog, Kind
from features.condition import Condition
from features.portfolio import Floats
from features.terms import Nature
from models.artefact import Model
from models.export_dialects import DIALECTS, Dialect, DialectName, NotExportable, Step, indented
from models.export_ranges import Ranges, expanded, ranges_of
from models.points import Axis, Table
from models.scale import CLOSE

# Ranges that are told apart one after the other; of more, halves are told apart first.
_FLAT = 4
# exp() of less than this is an error in PostgreSQL, and nothing beside 1 anywhere.
_SMALLEST_EXPONENT = -700.0
_WIDTH = 96

LOG_ODDS, PROBABILITY, POINTS = "log_odds", "probability", "points"
# Columns of the steps. They share one namespace with the indicators' ids and "<id> cell", "<id> log-odds":
# no id holds a space, so that none of these is such a name.
_IS_SCORED, _TOTAL, _SCALED, _FACTOR = "is scored", "sum of log-odds", "scaled points", "points per log-odds"


@dataclass(frozen=True)
class SqlOptions:
    """What is written around a model.

    `table` has the columns `keys`, the indicators by their ids and, unless all rows are of one `nature`,
    `nature_column`. With a `view` the query becomes a view of that name.
    """

    dialect: DialectName = DialectName.DUCKDB
    table: str = "customers"
    keys: tuple[str, ...] = ("customer_id",)
    nature: Nature | None = None
    nature_column: str = "nature"
    explanations: bool = True
    view: str | None = None


@dataclass(frozen=True)
class _Term:
    """What a table of several features contributes to one of them: an array over the ranges of its axes."""

    ranges: tuple[Ranges, ...]
    values: Floats


@dataclass(frozen=True)
class _Feature:
    """What one feature contributes, before the slope: `main` by its own ranges, then terms, in this order."""

    ranges: Ranges
    main: Floats | None
    terms: tuple[_Term, ...]


def to_sql(model: Model, catalog: Catalog, options: SqlOptions, model_version: str | None = None) -> str:
    """Return the script of a model for one database.

    Raises:
        ArtefactError: the model was trained with another catalog.
        NotExportable: the database cannot hold it exactly, or names clash.
    """
    model.check_against(catalog)
    return _Writer(model, catalog, options).script(model_version)


def required_columns(model: Model, catalog: Catalog, options: SqlOptions) -> tuple[str, ...]:
    """Return the columns that are read: keys, nature, indicators that count or decide what applies."""
    nature = () if options.nature else (options.nature_column,)
    return tuple(dict.fromkeys((*options.keys, *nature, *_Writer(model, catalog, options).read)))


class _Writer:
    """Writes one model for one database."""

    def __init__(self, model: Model, catalog: Catalog, options: SqlOptions) -> None:
        self._model, self._catalog, self._options = model, catalog, options
        self._sql: Dialect = DIALECTS[options.dialect]
        self._features = _features(model, catalog)
        if options.nature is not None and options.nature not in model.natures:
            raise NotExportable(f"the model is for {', '.join(model.natures)}, not for {options.nature}")

    @property
    def _natures(self) -> tuple[Nature, ...]:
        return (self._options.nature,) if self._options.nature else self._model.natures

    @property
    def read(self) -> list[str]:
        """The indicators whose columns are read, in the catalog's order."""
        used = {feature.ranges.id for feature in self._features}
        asked = {condition.indicator for id_ in used for condition in self._catalog.by_id[id_].conditions}
        return sorted(used | asked, key=self._catalog.columns.__getitem__)

    def script(self, model_version: str | None) -> str:
        steps = [self._given(), self._cells(), self._contributions(), self._total(), self._scaled()]
        if self._options.explanations:
            steps.append(self._rescaled())
        steps = [step for step in steps if step.columns]
        result = self._result()
        keys = {f"key {n}": self._source(key) for n, key in enumerate(self._options.keys)}
        self._sql.check_width(max(len(result), len(keys) + sum(len(step.columns) for step in steps)))
        query = self._sql.query(self._options.table, keys, steps, result)
        view = self._options.view
        create = f"CREATE VIEW {self._sql.table(view)} AS\n" if view else ""
        return f"{self._header(model_version)}\n{create}{query};\n"

    # The steps

    def _given(self) -> Step:
        """The values as evaluated: doubles and codes of levels, NULL or the last code where missing."""
        columns = {}
        usable = self._usable()
        if usable:
            columns[_IS_SCORED] = usable
        for feature in self._features:
            columns[feature.ranges.id] = self._value(feature.ranges)
        return Step("given", columns or {_IS_SCORED: "1"})

    def _cells(self) -> Step:
        """Which range of each axis of a pair or triple a value falls into, where arrays are looked up."""
        columns = {}
        if self._sql.arrays:
            terms = [term for feature in self._features for term in feature.terms]
            for ranges in (ranges for term in terms for ranges in term.ranges if ranges.levels is None):
                leaves = [str(cell) for cell in range(len(ranges))]
                columns[self._cell_name(ranges)] = self._choice(ranges, leaves)
        return Step("cells", columns)

    def _contributions(self) -> Step:
        return Step(
            "contributions",
            {f"{feature.ranges.id} log-odds": self._contribution(feature) for feature in self._features},
        )

    def _total(self) -> Step:
        parts = [
            self._sql.number(self._model.base_log_odds),
            *(
                self._sql.column("contributions", f"{feature.ranges.id} log-odds")
                for feature in self._features
            ),
        ]
        return Step("total", {_TOTAL: self._if_scored("\n+ ".join(parts))})

    def _scaled(self) -> Step:
        """Points: linear between the scale's anchors, an exponential approach to 100 and 0 beyond them."""
        scale, number = self._model.scale, self._sql.number
        z = self._sql.column("total", _TOTAL)
        slopes = np.diff(scale.points) / np.diff(scale.log_odds)
        first, last = scale.log_odds[0], scale.log_odds[-1]
        upper, lower = scale.points[0], scale.points[-1]
        rise = self._exp(f"({z} - {number(first)}) * {number(-slopes[0] / (100.0 - upper))}")
        fall = self._exp(f"({z} - {number(last)}) * {number(slopes[-1] / lower)}")
        threshold = self._sql.threshold
        lines = [
            f"WHEN {z} < {threshold(first)} THEN {number(100.0)} - {number(100.0 - upper)} * {rise}",
            f"WHEN {z} > {threshold(last)} THEN {number(lower)} * {fall}",
        ]
        for start, end, slope, points in zip(
            scale.log_odds, scale.log_odds[1:], slopes, scale.points, strict=False
        ):
            lines.append(
                f"WHEN {z} <= {threshold(end)} "
                f"THEN {number(slope)} * ({z} - {number(start)}) + {number(points)}"
            )
        return Step("scaled", {_SCALED: "CASE\n  " + "\n  ".join(lines) + "\nEND"})

    def _rescaled(self) -> Step:
        """The factor from contributions in log-odds to points: the slope of the chord from base to score."""
        scale, number = self._model.scale, self._sql.number
        base = np.array([self._model.base_log_odds])
        steepest = float(np.max(np.abs(np.diff(scale.points) / np.diff(scale.log_odds))))
        gap = f"({self._sql.column('total', _TOTAL)} - {number(float(base[0]))})"
        points = self._sql.column("scaled", _SCALED)
        close = f"ABS({gap}) * {number(steepest)} < {self._sql.threshold(CLOSE)}"
        chord = f"({points} - {number(float(scale.to_points(base)[0]))}) / {gap}"
        factor = f"CASE\n  WHEN {close} THEN {number(float(scale.slope(base)[0]))}\n  ELSE {chord}\nEND"
        return Step("rescaled", {_FACTOR: factor})

    def _result(self) -> dict[str, str]:
        column, number = self._sql.column, self._sql.number
        z = column("total", _TOTAL)
        e = self._exp(f"-ABS({z})")
        one = number(1.0)
        columns = {key: column("given", f"key {n}") for n, key in enumerate(self._options.keys)}
        results = {
            LOG_ODDS: z,
            PROBABILITY: _case(
                [f"{z} < 0", f"{z} >= 0"], [f"{e} / ({one} + {e})", f"{one} / ({one} + {e})"], "NULL"
            ),
            POINTS: column("scaled", _SCALED),
        }
        if self._options.explanations:
            counted = {feature.ranges.id for feature in self._features}
            shown = {
                id_: column("contributions", f"{id_} log-odds") if id_ in counted else number(0.0)
                for id_ in sorted(self._model.prior.features, key=self._catalog.columns.__getitem__)
            }
            factor = column("rescaled", _FACTOR)
            results |= {f"{id_}_log_odds": self._if_scored(own) for id_, own in shown.items()}
            results |= {f"{id_}_points": self._if_scored(f"{own} * {factor}") for id_, own in shown.items()}
        names = [each.casefold() for each in (*self._options.keys, *results)]
        twice = {each for each in names if names.count(each) > 1}
        if twice:
            raise NotExportable(f"two columns of the result would be called {min(twice)}: choose another key")
        return columns | results

    def _exp(self, exponent: str) -> str:
        return f"EXP({self._sql.larger(exponent, self._sql.number(_SMALLEST_EXPONENT))})"

    # Values

    def _source(self, column: str) -> str:
        # Qualified, for SQLite takes a quoted name that is no column for a text.
        return f"source.{self._sql.identifier(column)}"

    def _number(self, id_: str) -> str:
        kind = self._catalog.by_id[id_].indicator.kind
        return (self._sql.flag if kind is Kind.FLAG else self._sql.numeric)(self._source(id_))

    def _value(self, ranges: Ranges) -> str:
        aside = self._set_aside(ranges)
        if ranges.levels is None:
            number = self._number(ranges.id)
            return f"CASE WHEN {aside} THEN NULL ELSE {number} END" if aside else number
        column = self._source(ranges.id)
        missing = f"COALESCE({self._sql.text(column)}, '') = ''"
        levels = [f"WHEN {self._sql.literal(level)} THEN {code}" for code, level in enumerate(ranges.levels)]
        codes = "\n".join([f"CASE {self._sql.text(column)}", *map(indented, levels)])
        codes += f"\n  ELSE {len(ranges.levels)}\nEND"
        return _case([f"{missing} OR {aside}" if aside else missing], [str(ranges.missing)], codes)

    def _set_aside(self, ranges: Ranges) -> str:
        """Return where the indicator does not apply; unknown is not known not to."""
        tests = []
        applies = [nature for nature in self._natures if ranges.placed.applies_to(nature)]
        if len(applies) < len(self._natures):
            natures = ", ".join(self._sql.literal(nature) for nature in applies)
            tests.append(f"{self._nature()} NOT IN ({natures})" if applies else "1 = 1")
        tests += [test for condition in ranges.placed.conditions if (test := self._unmet(condition))]
        return " OR ".join(dict.fromkeys(tests))

    def _unmet(self, condition: Condition) -> str:
        """Return where a condition is known not to be met; of a foreign level nothing is known."""
        indicator = self._catalog.by_id[condition.indicator].indicator
        threshold = self._sql.threshold
        if isinstance(condition.is_, tuple):
            others = [level for level in indicator.level_codes if level not in condition.is_]
            levels = ", ".join(map(self._sql.literal, others))
            return f"{self._sql.text(self._source(condition.indicator))} IN ({levels})" if others else ""
        number = self._number(condition.indicator)
        if isinstance(condition.is_, bool):
            return f"{number} <> {threshold(float(condition.is_))}"
        for opposite, bound in (
            ("<", condition.at_least),
            (">", condition.at_most),
            ("<=", condition.above),
            (">=", condition.below),
        ):
            if bound is not None:
                return f"{number} {opposite} {threshold(bound)}"
        raise AssertionError("a condition has one test")

    def _nature(self) -> str:
        return self._sql.text(self._source(self._options.nature_column))

    def _usable(self) -> str:
        """Return which rows are scored at all, nothing where all are."""
        numbers = [id_ for id_ in self.read if self._catalog.by_id[id_].indicator.kind is not Kind.CATEGORY]
        tests = [self._sql.usable([self._source(id_) for id_ in numbers])]
        if self._options.nature is None:
            natures = ", ".join(map(self._sql.literal, self._model.natures))
            tests.append(f"{self._nature()} IN ({natures})")
        return "\nAND ".join(filter(None, tests))

    def _if_scored(self, expression: str) -> str:
        if not self._usable():
            return expression
        broken = "\n" in expression
        inner = f"\n{indented(expression)}\n" if broken else f" {expression} "
        return f"CASE WHEN {self._sql.column('given', _IS_SCORED)} THEN{inner}END"

    # Contributions

    def _contribution(self, feature: _Feature) -> str:
        slope = self._model.calibration.slope
        if not feature.terms:
            main = feature.main if feature.main is not None else np.zeros(len(feature.ranges))
            return self._choice(feature.ranges, [self._sql.number(float(v)) for v in main * slope])
        parts = []
        if feature.main is not None:
            parts.append(self._choice(feature.ranges, [self._sql.number(float(v)) for v in feature.main]))
        parts += [self._looked_up(term) for term in feature.terms]
        summed = "\n+ ".join(parts)
        return f"(\n{indented(summed)}\n) * {self._sql.number(slope)}"

    def _looked_up(self, term: _Term) -> str:
        if not self._sql.arrays:
            return self._nested(term.ranges, term.values)
        cells, cells_behind = [], 1
        for ranges in reversed(term.ranges):
            cells.append(self._cell(ranges) + (f" * {cells_behind}" if cells_behind > 1 else ""))
            cells_behind *= len(ranges)
        values = [float(value) for value in term.values.ravel()]
        return f"{self._sql.array(values)}[{' + '.join([*reversed(cells), '1'])}]"

    def _cell(self, ranges: Ranges) -> str:
        """Return the column with the position of the range that a value falls into, from 0."""
        if ranges.levels is not None:
            return self._sql.column("given", ranges.id)
        return self._sql.column("cells", self._cell_name(ranges))

    def _nested(self, ranges: Sequence[Ranges], values: Floats) -> str:
        if not ranges:
            return self._sql.number(float(values))
        return self._choice(ranges[0], [self._nested(ranges[1:], part) for part in values])

    def _cell_name(self, ranges: Ranges) -> str:
        """Return a name for ranges of a feature's numbers, one for each way that tables part them."""
        of_feature = dict.fromkeys(
            other.bounds
            for feature in self._features
            for term in feature.terms
            for other in term.ranges
            if other.id == ranges.id
        )
        place = list(of_feature).index(ranges.bounds)
        return f"{ranges.id} cell {place}" if place else f"{ranges.id} cell"

    def _choice(self, ranges: Ranges, leaves: list[str]) -> str:
        """Return the leaf of the range that a value falls into."""
        column = self._sql.column("given", ranges.id)
        if ranges.levels is not None:
            # The codes of levels, the last for missing values, are never NULL.
            return _tree(column, [str(code) for code in range(ranges.missing)], leaves)
        known = _tree(column, [self._sql.threshold(bound) for bound in ranges.bounds], leaves[:-1])
        if known == leaves[-1]:
            return known
        return _case([f"{column} IS NULL"], [leaves[-1]], known)

    def _header(self, model_version: str | None) -> str:
        model, options = self._model, self._options
        read = "Columns read: " + ", ".join(required_columns(model, self._catalog, options))
        who = "Every row is taken for" if options.nature else "Scored are customers of nature"
        lines = [
            f"Tierwise model {model_version or ''}".rstrip() + f" for {self._sql.title}: scores"
            + (" and explains" if options.explanations else "") + f" the rows of {options.table}.",
            "SHA-256 of",
            f"  the artefact's content  {model.content_hash}",
            f"  the catalog             {model.catalog_hash}",
            f"  the policy              {model.policy_hash}",
            "",
            *textwrap.wrap(f"{read}.", _WIDTH, break_long_words=False),
            "Numbers as double precision, flags as boolean or 0 and 1, categories as the catalog's levels;",
            "NULL, NaN and an empty text are missing, another text is a level outside the catalog.",
            f"{who} {', '.join(self._natures)}; a row that cannot be scored has NULL in every column.",
            "Bounds of the catalog (minimum, maximum) are not checked here.",
            "",
            f"Results: {LOG_ODDS} of the adverse outcome, its {PROBABILITY}, {POINTS} on the policy's scale.",
        ]  # fmt: skip
        if options.explanations:
            base = np.array([model.base_log_odds])
            lines += [
                "Each <indicator>_log_odds and <indicator>_points is what the indicator contributes:",
                f"{LOG_ODDS} = {float(base[0])!r} + all <indicator>_log_odds, in this order;",
                f"{POINTS} = {float(model.scale.to_points(base)[0])!r} + all <indicator>_points.",
            ]
        lines += ["Numbers within 1e-35 of 0 count as 0, which bounds near 0 take into account."]
        return "\n".join(f"-- {_commented(line)}".rstrip() for line in lines)


def _features(model: Model, catalog: Catalog) -> list[_Feature]:
    """Return what each feature contributes, in the catalog's order; features without tables are left out."""
    tables, names = model.tables.tables, model.tables.features
    found = []
    for feature in sorted(range(len(names)), key=lambda f: catalog.columns[names[f]]):
        own = [table for table in tables if feature in table.features]
        if not own:
            continue
        # Tables of the feature alone are summed here, in their order, up to the first of several features.
        mains = list(itertools.takewhile(lambda table: len(table.axes) == 1, own))
        ranges = ranges_of(names[feature], [_axis(table, feature) for table in mains], catalog)
        main = np.zeros(len(ranges))
        for table in mains:
            main = main + expanded(table, (ranges,))[0]
        terms = []
        for table in own[len(mains) :]:
            each = tuple(ranges_of(names[axis.feature], [axis], catalog) for axis in table.axes)
            terms.append(_Term(each, expanded(table, each)[table.features.index(feature)]))
        found.append(_Feature(ranges, main if mains else None, tuple(terms)))
    return found


def _axis(table: Table, feature: int) -> Axis:
    return table.axes[table.features.index(feature)]


def _tree(column: str, bounds: Sequence[str], leaves: Sequence[str]) -> str:
    """Return the leaf behind the bounds below a value, told apart by halves; equal neighbours are one."""
    kept = [place for place in range(len(bounds)) if leaves[place] != leaves[place + 1]]
    bounds = [bounds[place] for place in kept]
    leaves = [*(leaves[place] for place in kept), leaves[-1]]
    if len(leaves) <= _FLAT:
        tests = [f"{column} <= {bound}" for bound in bounds]
        return _case(tests, leaves[:-1], leaves[-1]) if tests else leaves[0]
    middle = len(leaves) // 2
    lower = _tree(column, bounds[: middle - 1], leaves[:middle])
    upper = _tree(column, bounds[middle:], leaves[middle:])
    return _case([f"{column} <= {bounds[middle - 1]}"], [lower], upper)


def _case(tests: Sequence[str], leaves: Sequence[str], otherwise: str) -> str:
    lines = [f"WHEN {test} THEN {leaf}" for test, leaf in zip(tests, leaves, strict=True)]
    lines.append(f"ELSE {otherwise}")
    line = f"CASE {' '.join(lines)} END"
    if "\n" not in line and len(line) <= _WIDTH:
        return line
    return "CASE\n" + "\n".join(indented(line) for line in lines) + "\nEND"


def _commented(line: str) -> str:
    """Return a line that stays one in a comment, whatever the names in it hold."""
    return "".join(character if character.isprintable() else "?" for character in line)
