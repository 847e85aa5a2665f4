"""The exported SQL: DuckDB, SQLite and PostgreSQL score and explain as the engine does, run for real."""

import json
import math
import sqlite3
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import duckdb
import numpy as np
import psycopg
import pyarrow
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import expit

from features.catalog import Catalog, Kind, load_catalog
from features.portfolio import Floats, Portfolio
from features.terms import Nature
from models.artefact import Model, catalog_features
from models.calibration import Calibration
from models.export_dialects import DIALECTS, DialectName, NotExportable
from models.export_sql import SqlOptions, required_columns, to_sql
from models.points import ZERO, sum_in_order
from tests.served_model import trained_model
from tests.strategies import DAY, UNSEEN, awkward_numbers, catalogs, policy_for, random_model

EXACT = 1e-9
Column = Sequence[Any]
ALL = tuple(DialectName)


# The databases


class Database(ABC):
    """One database with an empty table at a time."""

    name: DialectName
    types: Mapping[Kind, str]

    @abstractmethod
    def fill(self, columns: Mapping[str, Column], types: Mapping[str, str], table: str = "customers") -> None:
        """Make the table anew, with these columns."""

    @abstractmethod
    def run(self, script: str) -> dict[str, Column]:
        """Run a script of one statement, and return its columns."""

    def ddl(self, types: Mapping[str, str], table: str) -> tuple[str, str]:
        """Return the statements that drop and make a table."""
        name, identifier = DIALECTS[self.name].table(table), DIALECTS[self.name].identifier
        columns = ", ".join(f"{identifier(column)} {type_}" for column, type_ in types.items())
        return f"DROP TABLE IF EXISTS {name} CASCADE", f"CREATE TABLE {name} ({columns})"


class OfDuckDb(Database):
    name = DialectName.DUCKDB
    types = {Kind.NUMBER: "DOUBLE", Kind.FLAG: "BOOLEAN", Kind.CATEGORY: "VARCHAR"}

    def __init__(self) -> None:
        self.connection = duckdb.connect(config={"threads": 1})

    def fill(self, columns: Mapping[str, Column], types: Mapping[str, str], table: str = "customers") -> None:
        for statement in self.ddl(types, table):
            self.connection.execute(statement)
        # By way of Arrow, where NaN is not NULL.
        self.connection.register(
            "given", pyarrow.table({name: list(cells) for name, cells in columns.items()})
        )
        self.connection.execute(f"INSERT INTO {DIALECTS[self.name].table(table)} SELECT * FROM given")
        self.connection.unregister("given")

    def run(self, script: str) -> dict[str, Column]:
        cursor = self.connection.execute(script)
        return _by_name([each[0] for each in cursor.description or ()], cursor.fetchall())


class OfSqlite(Database):
    name = DialectName.SQLITE
    types = {Kind.NUMBER: "REAL", Kind.FLAG: "INTEGER", Kind.CATEGORY: "TEXT"}

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:")
        weakref.finalize(self, self.connection.close)

    def fill(self, columns: Mapping[str, Column], types: Mapping[str, str], table: str = "customers") -> None:
        drop, create = self.ddl(types, table)
        self.connection.execute(drop.removesuffix(" CASCADE"))
        self.connection.execute(create)
        places = ", ".join("?" * len(columns))
        rows = zip(*columns.values(), strict=True)
        self.connection.executemany(f"INSERT INTO {DIALECTS[self.name].table(table)} VALUES ({places})", rows)

    def run(self, script: str) -> dict[str, Column]:
        cursor = self.connection.execute(script)
        return _by_name([each[0] for each in cursor.description or ()], cursor.fetchall())


class OfPostgreSql(Database):
    name = DialectName.POSTGRESQL
    types = {Kind.NUMBER: "double precision", Kind.FLAG: "boolean", Kind.CATEGORY: "text"}

    def __init__(self, address: str) -> None:
        self.connection = psycopg.connect(address, autocommit=True)

    def fill(self, columns: Mapping[str, Column], types: Mapping[str, str], table: str = "customers") -> None:
        for statement in self.ddl(types, table):
            self.connection.execute(statement.encode())
        copy = f"COPY {DIALECTS[self.name].table(table)} FROM STDIN"
        with self.connection.cursor() as cursor, cursor.copy(copy.encode()) as target:
            for row in zip(*columns.values(), strict=True):
                target.write_row(row)

    def run(self, script: str) -> dict[str, Column]:
        cursor = self.connection.execute(script.encode())
        rows = cursor.fetchall() if cursor.description else []
        return _by_name([each[0] for each in cursor.description or ()], rows)


def _by_name(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, Column]:
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return dict(zip(names, columns, strict=True))


@pytest.fixture(scope="module")
def postgresql(postgresql_server: str) -> Iterator[OfPostgreSql]:
    """Open one connection for the module."""
    database = OfPostgreSql(postgresql_server)
    # A short query does not earn the compilation of thousands of expressions.
    database.connection.execute("SET jit = off")
    yield database
    database.connection.close()


@pytest.fixture(scope="module")
def databases(postgresql: OfPostgreSql) -> dict[DialectName, Database]:
    return {
        DialectName.DUCKDB: OfDuckDb(),
        DialectName.SQLITE: OfSqlite(),
        DialectName.POSTGRESQL: postgresql,
    }


# The customers


def awkward_portfolio(model: Model, catalog: Catalog, n: int, seed: int) -> Portfolio:
    """Return customers on thresholds and one ulp beside them, extreme, missing, unseen, of every nature."""
    rng = np.random.default_rng(seed)
    natures = rng.choice(np.array(catalog.natures, dtype=object), n)
    matrix, levels = np.full((n, len(catalog.placed)), np.nan), {}
    for column, placed in enumerate(catalog.placed):
        indicator = placed.indicator
        if indicator.kind is Kind.NUMBER:
            values = rng.choice(np.array(interesting(model, placed.id, awkward_numbers(indicator))), n)
        else:
            values = (
                rng.integers(0, 2 if indicator.kind is Kind.FLAG else len(indicator.level_codes) + 1, n) + 0.0
            )
        matrix[:, column] = np.where(rng.random(n) < 0.1, np.nan, values)
        if indicator.kind is Kind.CATEGORY:
            names = np.array([*indicator.level_codes, UNSEEN, None], dtype=object)
            codes = matrix[:, column]
            levels[placed.id] = names[np.where(np.isnan(codes), -1, codes).astype(np.int64)]
    return Portfolio(catalog, [f"C-{i}" for i in range(n)], natures, [DAY] * n, matrix, levels)


def interesting(model: Model, id_: str, more: Sequence[float]) -> list[float]:
    """Return an indicator's thresholds in a model, their neighbours, and numbers that may be mistaken."""
    features = model.tables.features
    thresholds = {t for axis in model.tables.axes if features[axis.feature] == id_ for t in axis.thresholds}
    marks = [*thresholds, ZERO, -ZERO, 1e-35, -1e-35]
    beside = [math.nextafter(mark, side) for mark in marks for side in (-math.inf, math.inf)]
    return [*marks, *beside, *more, math.inf, -math.inf, 5e-324, -5e-324, 0.0, -0.0, 2.0**53 + 2, 1e300]


def columns_of(portfolio: Portfolio, kinds: Mapping[Kind, Callable[[float], Any]]) -> dict[str, Column]:
    """Return a portfolio's values as given, by column; the values of numbers and flags as `kinds` says."""
    columns: dict[str, Column] = {
        "customer_id": list(portfolio.customer_ids),
        "nature": [str(nature) for nature in portfolio.natures],
    }
    for placed in portfolio.catalog.placed:
        if placed.indicator.kind is Kind.CATEGORY:
            # An empty text is missing, as in a CSV file.
            texts = portfolio.levels[placed.id]
            columns[placed.id] = [
                ("" if i % 3 == 0 else None) if text is None else text for i, text in enumerate(texts)
            ]
        else:
            shown = kinds[placed.indicator.kind]
            values = portfolio.given[:, portfolio.column(placed.id)].tolist()
            columns[placed.id] = [None if value != value else shown(value) for value in values]
    return columns


def types_of(catalog: Catalog, database: Database) -> dict[str, str]:
    text = database.types[Kind.CATEGORY]
    return {
        "customer_id": text,
        "nature": text,
        **{placed.id: database.types[placed.indicator.kind] for placed in catalog.placed},
    }


@dataclass(frozen=True)
class Expected:
    """What the model's tables make of a portfolio, NaN where the model does not apply."""

    log_odds: Floats
    probability: Floats
    points: Floats
    contributions: dict[str, Floats]
    contributions_in_points: dict[str, Floats]


def expected_of(model: Model, portfolio: Portfolio) -> Expected:
    base = np.full(len(portfolio), model.base_log_odds)
    # From the tables themselves, added as they are declared; what is served is the same but for rounding.
    contributions = model.tables.contributions(model.matrix(portfolio)) * model.calibration.slope
    columns = [portfolio.column(feature) for feature in model.tables.features]
    served = model.contributions(portfolio)
    np.testing.assert_allclose(contributions, served[:, columns], rtol=0, atol=EXACT)
    log_odds = sum_in_order(base, contributions)
    factor = model.scale.rescaling(log_odds, base)
    outside = ~np.isin(portfolio.natures, list(model.natures))
    in_points = contributions * factor[:, None]
    results = (log_odds, expit(log_odds), model.scale.to_points(log_odds), contributions, in_points)
    for result in results:
        result[outside] = np.nan
    features = model.tables.features
    return Expected(
        *results[:3],
        dict(zip(features, contributions.T, strict=True)),
        dict(zip(features, in_points.T, strict=True)),
    )


def assert_as_expected(found: Mapping[str, Column], portfolio: Portfolio, expected: Expected) -> None:
    """Compare log-odds and contributions in log-odds bit by bit, and what goes through exp() to 1e-9."""
    place = {customer: row for row, customer in enumerate(found["customer_id"])}
    rows = [place[customer] for customer in portfolio.customer_ids]
    assert len(rows) == len(found["customer_id"])

    def column(name: str) -> Floats:
        return np.array([math.nan if value is None else value for value in found[name]], dtype=np.float64)[
            rows
        ]

    np.testing.assert_array_equal(column("log_odds"), expected.log_odds)
    for feature, contributions in expected.contributions.items():
        np.testing.assert_array_equal(column(f"{feature}_log_odds"), contributions, err_msg=feature)
    np.testing.assert_allclose(column("probability"), expected.probability, rtol=0, atol=EXACT)
    np.testing.assert_allclose(column("points"), expected.points, rtol=0, atol=EXACT)
    for feature, contributions in expected.contributions_in_points.items():
        np.testing.assert_allclose(
            column(f"{feature}_points"), contributions, rtol=0, atol=EXACT, err_msg=feature
        )


def assert_scores(database: Database, model: Model, portfolio: Portfolio, nan: bool = True) -> None:
    """Let a database score a portfolio; where it has NaN, every other missing number is NaN."""
    catalog = portfolio.catalog
    columns = columns_of(portfolio, {Kind.NUMBER: float, Kind.FLAG: bool})
    if nan and database.name is not DialectName.SQLITE:
        for placed in catalog.placed:
            if placed.indicator.kind is Kind.NUMBER:
                cells = enumerate(columns[placed.id])
                columns[placed.id] = [math.nan if cell is None and i % 2 else cell for i, cell in cells]
    database.fill(columns, types_of(catalog, database))
    script = to_sql(model, catalog, SqlOptions(database.name))
    assert_as_expected(database.run(script), portfolio, expected_of(model, portfolio))


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog("customer")


@pytest.fixture(scope="module")
def model(catalog: Catalog) -> Model:
    """Return a model of random tables of up to three indicators, for two natures of four."""
    return random_model(catalog, policy_for(catalog), (Nature.ENTERPRISE, Nature.INDIVIDUAL), seed=5)


# The same numbers


@pytest.mark.parametrize("name", ALL)
def test_a_database_scores_awkward_customers_bit_for_bit_as_the_engine(
    name: DialectName, databases: dict[DialectName, Database], model: Model, catalog: Catalog
) -> None:
    assert_scores(databases[name], model, awkward_portfolio(model, catalog, 1500, seed=1))


@pytest.mark.parametrize("name", ALL)
def test_a_trained_model_too(
    name: DialectName, databases: dict[DialectName, Database], catalog: Catalog
) -> None:
    trained = trained_model(catalog, policy_for(catalog))
    assert_scores(databases[name], trained, awkward_portfolio(trained, catalog, 500, seed=2))


@pytest.mark.parametrize("name", ALL)
def test_any_catalog_and_model(name: DialectName, databases: dict[DialectName, Database]) -> None:
    @settings(max_examples=12)
    @given(catalogs(), st.integers(0, 2**32 - 1))
    def scores(drawn: Catalog, seed: int) -> None:
        natures = drawn.natures[: 1 + seed % 2]
        assume(len(catalog_features(drawn, natures)) >= 3)
        some = random_model(drawn, policy_for(drawn), natures, seed, size=1.0)
        assert_scores(databases[name], some, awkward_portfolio(some, drawn, 60, seed))

    scores()


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("slope", [1e-3, 200.0])
def test_far_beyond_the_scale_nothing_over_or_underflows(
    name: DialectName, slope: float, databases: dict[DialectName, Database], model: Model, catalog: Catalog
) -> None:
    steep = replace(model, calibration=Calibration(-0.3, slope))
    portfolio = awkward_portfolio(steep, catalog, 200, seed=3)
    if slope > 1:
        assert np.nanmax(np.abs(expected_of(steep, portfolio).log_odds)) > 750
    assert_scores(databases[name], steep, portfolio)


@pytest.mark.parametrize("name", ALL)
def test_integers_are_read_as_the_doubles_nearest_to_them(
    name: DialectName, databases: dict[DialectName, Database], model: Model, catalog: Catalog
) -> None:
    database = databases[name]
    portfolio = awkward_portfolio(model, catalog, 300, seed=4)
    big = [2**53 + 1, 2**53 + 3, 2**63 - 1, -(2**63), -(2**53) - 1, 0, 1, -1]
    rng = np.random.default_rng(4)
    whole = {
        placed.id: [big[i] for i in rng.integers(0, len(big), 300)]
        for placed in catalog.placed
        if placed.indicator.kind is Kind.NUMBER
    }
    for id_, values in whole.items():
        portfolio.given[:, portfolio.column(id_)] = [float(value) for value in values]
    columns = columns_of(portfolio, {Kind.NUMBER: float, Kind.FLAG: int}) | whole
    types = types_of(catalog, database)
    for placed in catalog.placed:
        if placed.indicator.kind is not Kind.CATEGORY:
            types[placed.id] = "BIGINT" if placed.indicator.kind is Kind.NUMBER else "INTEGER"
    database.fill(columns, types)
    found = database.run(to_sql(model, catalog, SqlOptions(name)))
    assert_as_expected(found, portfolio, expected_of(model, portfolio))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
@settings(max_examples=40)
def test_every_literal_is_read_back_as_the_same_double(numbers: list[float]) -> None:
    # SQLite reads numbers of this size exactly, which those of models are; DuckDB all.
    usual = [x for x in numbers if x == 0 or 1e-290 < abs(x) < 1e290]
    for name, values in ((DialectName.SQLITE, usual), (DialectName.DUCKDB, numbers)):
        connect = sqlite3.connect if name is DialectName.SQLITE else duckdb.connect
        with closing(connect(":memory:")) as connection:
            for value in values:
                literal = DIALECTS[name].number(value)
                assert connection.execute(f"SELECT {literal}").fetchall() == [(value,)]


def test_a_literal_that_sqlite_would_misread_has_more_digits() -> None:
    # The shortest decimals of these lie so close to the middle of two doubles that SQLite 3.40 misses by one.
    rng = np.random.default_rng(0)
    values = rng.normal(size=30_000) * 10.0 ** rng.uniform(-6, 6, 30_000)
    with closing(sqlite3.connect(":memory:")) as connection:
        for start in range(0, len(values), 1000):
            part = [float(value) for value in values[start : start + 1000]]
            row = connection.execute(f"SELECT {', '.join(map(DIALECTS[DialectName.SQLITE].number, part))}")
            assert list(row.fetchone()) == part


# What is asked for


@pytest.mark.parametrize("name", ALL)
def test_one_nature_needs_no_column_and_a_view_can_be_queried(
    name: DialectName, databases: dict[DialectName, Database], model: Model, catalog: Catalog
) -> None:
    database = databases[name]
    portfolio = awkward_portfolio(model, catalog, 100, seed=6)
    portfolio.natures[:] = Nature.INDIVIDUAL
    columns, types = columns_of(portfolio, {Kind.NUMBER: float, Kind.FLAG: bool}), types_of(catalog, database)
    del columns["nature"], types["nature"]
    database.fill(columns, types)
    options = SqlOptions(name, nature=Nature.INDIVIDUAL, view="scores")
    assert "nature" not in required_columns(model, catalog, options)
    database.run(to_sql(model, catalog, options))
    try:
        assert_as_expected(database.run("SELECT * FROM scores"), portfolio, expected_of(model, portfolio))
        one = database.run("SELECT customer_id, points FROM scores WHERE customer_id = 'C-7'")
        assert one["customer_id"] == ("C-7",)
    finally:
        database.run("DROP VIEW scores")


@pytest.mark.parametrize("name", ALL)
def test_without_explanations_only_the_score_is_returned(
    name: DialectName, databases: dict[DialectName, Database], model: Model, catalog: Catalog
) -> None:
    database = databases[name]
    portfolio = awkward_portfolio(model, catalog, 100, seed=7)
    database.fill(columns_of(portfolio, {Kind.NUMBER: float, Kind.FLAG: bool}), types_of(catalog, database))
    found = database.run(to_sql(model, catalog, SqlOptions(name, explanations=False)))
    assert list(found) == ["customer_id", "log_odds", "probability", "points"]


@pytest.mark.parametrize("name", ALL)
def test_a_column_that_is_not_there_is_an_error(
    name: DialectName, databases: dict[DialectName, Database], model: Model, catalog: Catalog
) -> None:
    database = databases[name]
    portfolio = awkward_portfolio(model, catalog, 3, seed=8)
    columns, types = columns_of(portfolio, {Kind.NUMBER: float, Kind.FLAG: bool}), types_of(catalog, database)
    script = to_sql(model, catalog, SqlOptions(name))
    read = required_columns(model, catalog, SqlOptions(name))
    for absent in (read[2], read[-1]):
        database.fill(
            {k: v for k, v in columns.items() if k != absent}, {k: v for k, v in types.items() if k != absent}
        )
        with pytest.raises((duckdb.Error, sqlite3.Error, psycopg.Error), match=absent):
            database.run(script)


def test_a_text_where_a_number_belongs_leaves_its_row_without_a_score_in_sqlite(
    databases: dict[DialectName, Database], model: Model, catalog: Catalog
) -> None:
    database = databases[DialectName.SQLITE]
    portfolio = awkward_portfolio(model, catalog, 3, seed=9)
    portfolio.natures[:] = Nature.ENTERPRISE
    columns = columns_of(portfolio, {Kind.NUMBER: float, Kind.FLAG: bool})
    number = next(
        p.id for p in catalog.placed if p.indicator.kind is Kind.NUMBER and p.id in model.tables.features
    )
    columns[number] = [1.0, "much", None]
    database.fill(columns, types_of(catalog, database))
    found = database.run(to_sql(model, catalog, SqlOptions(DialectName.SQLITE)))
    for name in ("log_odds", "probability", "points", f"{number}_log_odds", f"{number}_points"):
        assert [value is None for value in found[name]] == [False, True, False], name


# Hostile names

LEVELS = (
    "retail", "RETAIL", "O'Brien", 'say "x"', "back\\slash", "'; DROP TABLE customers; --", "/* */", "-- x",
    "x ", " x", "x", "%s {0} $1 :name ?", "優質", "🙂", "NULL", "e\u0301", "é", "\\", "'", "''",
)  # fmt: skip


# Ids that are results too, or nearly what a step of the query calls its columns.
STEP_COLUMNS = ("points", "scored", "scaled", "probability", "all", "sum", "factor", "key", "cell")


def hostile_catalog(levels: Sequence[str]) -> Catalog:
    def text(word: str) -> dict[str, str]:
        return {"zh-Hant": word, "zh-Hans": word, "en": word}

    def indicator(id_: str, **more: Any) -> dict[str, Any]:
        source = {"department": "sales", "table": "records"}
        return {"id": id_, "names": text(id_), "source": source, "confidentiality": "internal"} | more

    named = {level: {"names": text("a name")} for level in levels}
    indicators = [
        indicator("select", kind="category", better="levels", levels=named),
        indicator("order", kind="number", better="higher", points=[[0, 0], [10, 100]], weight=100),
        indicator("log_odds", kind="number", better="higher"),
        indicator("log_odds_log_odds", kind="flag", better="higher"),
        *(indicator(id_, kind="number", better="higher") for id_ in STEP_COLUMNS),
        indicator(
            "given", kind="number", better="higher", applies_when={"indicator": "select", "is": [levels[0]]}
        ),
    ]
    group = {"id": "group", "names": text("group"), "weight": 100, "indicators": indicators}
    dimension = {"id": "table", "names": text("table"), "weight": 100, "groups": [group]}
    return Catalog.model_validate_json(
        json.dumps(
            {
                "catalog": "hostile",
                "version": 1,
                "names": text("hostile"),
                "natures": ["enterprise"],
                "departments": {"sales": text("sales")},
                "dimensions": [dimension],
            }
        )
    )


@pytest.mark.parametrize("name", ALL)
def test_hostile_names_of_levels_columns_and_tables_stay_names(
    name: DialectName, databases: dict[DialectName, Database]
) -> None:
    database, catalog = databases[name], hostile_catalog(LEVELS)
    model = random_model(catalog, policy_for(catalog), catalog.natures, seed=11)
    portfolio = awkward_portfolio(model, catalog, 400, seed=11)
    # Texts that are nearly a level are none.
    foreign = ["Retail", "o'brien", "retail ", "O''Brien", "back\\\\slash"]
    texts, codes = portfolio.levels["select"], portfolio.given[:, portfolio.column("select")]
    unseen = np.flatnonzero(codes == len(LEVELS))
    for row in unseen:
        texts[row] = foreign[row % len(foreign)]
    columns, types = columns_of(portfolio, {Kind.NUMBER: float, Kind.FLAG: bool}), types_of(catalog, database)
    table, key = '"a ""table""; -- it\'s"', 'the "key"; --'
    columns[key], types[key] = columns.pop("customer_id"), types.pop("customer_id")
    database.fill(columns, types, table)
    options = SqlOptions(name, table=table, keys=(key,))
    found = database.run(to_sql(model, catalog, options, model_version="x\n; DROP TABLE y"))
    assert_as_expected({"customer_id": found[key], **found}, portfolio, expected_of(model, portfolio))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("explanations", [True, False])
def test_indicators_called_points_and_scored_are_not_taken_for_steps_of_the_query(
    name: DialectName, explanations: bool, databases: dict[DialectName, Database]
) -> None:
    database, catalog = databases[name], hostile_catalog(LEVELS)
    model = random_model(catalog, policy_for(catalog), catalog.natures, seed=14)
    assert {"points", "scored"} <= {model.tables.features[axis.feature] for axis in model.tables.axes}
    portfolio = awkward_portfolio(model, catalog, 100, seed=14)
    database.fill(columns_of(portfolio, {Kind.NUMBER: float, Kind.FLAG: bool}), types_of(catalog, database))
    found = database.run(to_sql(model, catalog, SqlOptions(name, explanations=explanations)))
    expected = expected_of(model, portfolio)
    if not explanations:
        expected = replace(expected, contributions={}, contributions_in_points={})
    assert_as_expected(found, portfolio, expected)


# The PostgreSQL of the tests comes without collations that take two texts for one.
@pytest.mark.parametrize("name", [DialectName.DUCKDB, DialectName.SQLITE])
def test_a_collation_that_ignores_case_changes_nothing(
    name: DialectName, databases: dict[DialectName, Database]
) -> None:
    database, catalog = databases[name], hostile_catalog(LEVELS)
    model = random_model(catalog, policy_for(catalog), catalog.natures, seed=12)
    portfolio = awkward_portfolio(model, catalog, 200, seed=12)
    types = types_of(catalog, database)
    if isinstance(database, OfDuckDb):
        types["select"] = types["nature"] = "VARCHAR COLLATE NOCASE"
    elif isinstance(database, OfSqlite):
        types["select"] = types["nature"] = "TEXT COLLATE NOCASE"
    database.fill(columns_of(portfolio, {Kind.NUMBER: float, Kind.FLAG: bool}), types)
    found = database.run(to_sql(model, catalog, SqlOptions(name)))
    assert_as_expected(found, portfolio, expected_of(model, portfolio))


def test_postgresql_reads_other_declared_types_too(postgresql: OfPostgreSql) -> None:
    catalog = hostile_catalog(LEVELS)
    model = random_model(catalog, policy_for(catalog), catalog.natures, seed=13)
    portfolio = awkward_portfolio(model, catalog, 200, seed=13)
    labels = ", ".join(map(DIALECTS[DialectName.POSTGRESQL].literal, (*LEVELS, UNSEEN, "", "enterprise")))
    postgresql.connection.execute(f"CREATE TYPE label AS ENUM ({labels})".encode())
    types = types_of(catalog, postgresql) | {"select": "label", "nature": "label", "order": "numeric"}
    columns = columns_of(portfolio, {Kind.NUMBER: repr, Kind.FLAG: lambda flag: f"{flag:.1f}"})
    for flag_type in ("numeric(2, 1)", "double precision"):
        postgresql.fill(columns, types | {"log_odds_log_odds": flag_type})
        found = postgresql.run(to_sql(model, catalog, SqlOptions(DialectName.POSTGRESQL)))
        assert_as_expected(found, portfolio, expected_of(model, portfolio))


# Refusals


def test_what_a_database_cannot_do_exactly_is_refused(model: Model, catalog: Catalog) -> None:
    for options, reason in (
        (SqlOptions(DialectName.POSTGRESQL, table="t" * 64), "63 bytes"),
        (SqlOptions(DialectName.POSTGRESQL, keys=("客" * 22,)), "63 bytes"),
        (SqlOptions(DialectName.SQLITE, keys=tuple(f"k{i}" for i in range(2001))), "at most 2000 columns"),
        (
            SqlOptions(DialectName.POSTGRESQL, keys=tuple(f"k{i}" for i in range(1601))),
            "at most 1600 columns",
        ),
        (SqlOptions(table="a\nb"), "printable"),
        (SqlOptions(table=""), "name of a table"),
        (SqlOptions(table="Tierwise_Given"), "name of a step"),
        (SqlOptions(table="a..b"), "name of a table"),
        (SqlOptions(keys=("LOG_ODDS",)), "would be called log_odds"),
        (SqlOptions(keys=("id", "ID")), "would be called id"),
        (SqlOptions(nature=Nature.GOVERNMENT), "not for government"),
    ):
        with pytest.raises(NotExportable, match=reason) as caught:
            to_sql(model, catalog, options)
        assert "\n" not in str(caught.value)


def test_a_level_that_no_customer_can_have_is_refused() -> None:
    for level in ("two\nlines", "nul\0", "a\u2028b"):
        catalog = hostile_catalog(("retail", level))
        model = random_model(catalog, policy_for(catalog), catalog.natures, seed=1)
        for name in ALL:
            with pytest.raises(NotExportable, match="unprintable"):
                to_sql(model, catalog, SqlOptions(name))


def test_an_indicator_whose_result_postgresql_would_shorten_is_refused() -> None:
    document = json.loads(hostile_catalog(LEVELS).model_dump_json(by_alias=True))
    document["dimensions"][0]["groups"][0]["indicators"][1]["id"] = "o" * 60
    catalog = Catalog.model_validate_json(json.dumps(document))
    model = random_model(catalog, policy_for(catalog), catalog.natures, seed=1)
    with pytest.raises(NotExportable, match="63 bytes"):
        to_sql(model, catalog, SqlOptions(DialectName.POSTGRESQL))
    to_sql(model, catalog, SqlOptions(DialectName.SQLITE))


def test_the_script_is_the_same_every_time_and_names_its_hashes(model: Model, catalog: Catalog) -> None:
    for name in ALL:
        script = to_sql(model, catalog, SqlOptions(name), model_version="sba/1")
        assert script == to_sql(Model.from_bytes(model.to_bytes()), catalog, SqlOptions(name), "sba/1")
        head = script.split("\nWITH\n")[0].split("\nSELECT\n")[0]
        assert all(line.startswith("--") for line in head.splitlines())
        assert model.content_hash in head
        assert model.catalog_hash in head
        assert model.policy_hash in head
        assert "sba/1" in head
