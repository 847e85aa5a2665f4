"""The portfolio file: where a company's tables are, and who is who in them."""

import codecs
import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Discriminator, Field, PrivateAttr, Tag, model_validator
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from features.catalog import CATALOGS, Catalog, bundled_or_path, load_catalog
from features.declaration import DeclarationError, load_declared
from features.sources.layout import FIRST_DAY, LAST_DAY
from features.sources.outcomes import OutcomeRule
from features.terms import Declared

PORTFOLIOS = CATALOGS.with_name("portfolios")

_FROM_ENVIRONMENT = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*")
_SECRETS = frozenset({"password", "passwd", "pwd", "token", "sslpassword"})


class Source(Declared):
    """Where rows come from: files (`path`, relative to the portfolio file, * and ? allowed) or a database.

    `url` is SQLAlchemy's, or `env:` and the environment variable that holds it, so that no password stands in
    a file; with it goes a `query` or a `table_name`. `columns` maps headers that the catalog does not know to
    its columns.
    """

    path: str | None = Field(default=None, min_length=1)
    url: str | None = Field(default=None, min_length=1)
    query: str | None = Field(default=None, min_length=1)
    table_name: str | None = Field(default=None, min_length=1)
    sheet: str | None = None
    encoding: str | None = None
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    decimal_comma: bool = False
    columns: dict[str, str] = {}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.path is None) == (self.url is None):
            raise ValueError("give either a path or a url")
        if self.url is None:
            if self.query is not None or self.table_name is not None:
                raise ValueError("query and table_name go with a url")
        else:
            if (self.query is None) == (self.table_name is None):
                raise ValueError("url: give either a query or a table_name with it")
            if self.sheet is not None or self.encoding is not None or self.delimiter is not None:
                raise ValueError("sheet, encoding and delimiter go with a path")
            _check_url(self.url)
        if self.encoding is not None:
            try:
                codecs.lookup(self.encoding)
            except LookupError:
                raise ValueError("encoding: Python knows none of that name") from None
        targets = list(self.columns.values())
        twice = {target for target in targets if targets.count(target) > 1}
        if twice:
            raise ValueError(f"columns: two headers are mapped to {min(twice)}; keep one")
        return self


class TableSource(Source):
    """A source of one of the catalog's tables; `known_at` is the day on which all its rows became known.

    `constants` are columns that it lacks, each with what would stand in every cell. `filled` is a header:
    rows with nothing under it, judged as the column there is read, are no rows of this table; they are
    counted.
    """

    table: str
    constants: dict[str, str] = {}
    filled: str | None = Field(default=None, min_length=1)
    known_at: date | None = None

    @model_validator(mode="after")
    def _within(self) -> Self:
        if self.known_at is not None and not FIRST_DAY <= self.known_at <= LAST_DAY:
            raise ValueError(f"known_at: must lie between {FIRST_DAY} and {LAST_DAY}")
        return self


def _is_rule(outcomes: Any) -> str:
    rule = "value" in outcomes if isinstance(outcomes, dict) else isinstance(outcomes, OutcomeRule)
    return "rule" if rule else "source"


class Delivery(Declared):
    """A portfolio file (see docs/decisions/007-records-to-indicators.md).

    `currency` is what amounts are converted to, by the newest of the `rates` (currency, effective, rate)
    on or before the day that a record describes. A table may have several sources. `outcomes` are a table of
    them, or a rule that reads them off the records. `synthetic` says that the customers are simulated; what
    is built from them is marked so.
    """

    portfolio: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    catalog: str = Field(min_length=1)
    synthetic: bool = False
    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3}$")
    sources: tuple[TableSource, ...] = Field(min_length=1)
    crosswalk: Source | None = None
    successions: Source | None = None
    groups: Source | None = None
    outcomes: (
        Annotated[
            Annotated[Source, Tag("source")] | Annotated[OutcomeRule, Tag("rule")], Discriminator(_is_rule)
        ]
        | None
    ) = None
    rates: Source | None = None

    _file: Path = PrivateAttr(default=Path("portfolio.yaml"))
    _data: Path | None = PrivateAttr(default=None)

    @property
    def outcome_source(self) -> Source | None:
        """Where a table of outcomes is, if one is delivered."""
        return self.outcomes if isinstance(self.outcomes, Source) else None

    @property
    def outcome_rule(self) -> OutcomeRule | None:
        """The rule by which outcomes are read off the records, if there is one."""
        return self.outcomes if isinstance(self.outcomes, OutcomeRule) else None

    @property
    def folder(self) -> Path:
        """What relative paths start from: the folder of the portfolio file, unless another was said."""
        return self._data or self._file.parent

    def with_data_in(self, folder: Path) -> "Delivery":
        """Return the same with relative paths of sources that start from another folder."""
        copy = self.model_copy()
        copy._data = folder
        return copy

    @property
    def file(self) -> Path:
        """The portfolio file, for messages."""
        return self._file

    def placed_at(self, file: Path) -> "Delivery":
        """Return the same as if it stood in that file."""
        copy = self.model_copy()
        copy._file = file
        return copy


def load_delivery(path: str | Path) -> Delivery:
    """Load a portfolio file, or one of the bundled ones by its name (`cumcm2020c`).

    Raises:
        DeclarationError: names the file, the place in it and the reason.
    """
    file = bundled_or_path(path, PORTFOLIOS)
    return load_declared(Delivery, file).placed_at(file)


def load_delivered_catalog(delivery: Delivery) -> Catalog:
    """Load the catalog of a portfolio file: a bundled one by its name, or a path relative to the file.

    Raises:
        DeclarationError: the catalog is wrong, or a source does not fit it.
    """
    named = bundled_or_path(delivery.catalog, CATALOGS)
    catalog = load_catalog(named if named.is_relative_to(CATALOGS) else delivery.file.parent / named)
    check_delivery(delivery, catalog)
    return catalog


def check_delivery(delivery: Delivery, catalog: Catalog) -> None:
    """Refuse sources of tables and columns that the catalog does not declare, and amounts without a currency.

    Raises:
        DeclarationError: names the file, the source and the reason.
    """
    for place, source in enumerate(delivery.sources):
        where = f"{delivery.file}: sources.{place}"
        table = catalog.tables.get(source.table)
        if table is None:
            raise DeclarationError(f"{where}: catalog {catalog.catalog} has no table {source.table}")
        unknown = sorted({*source.columns.values(), *source.constants} - set(table.columns))
        if unknown:
            raise DeclarationError(f"{where}: table {source.table} has no column {unknown[0]}")
        amounts = [name for name, column in table.columns.items() if column.currency is not None]
        if amounts and delivery.currency is None:
            raise DeclarationError(
                f"{delivery.file}: currency: say what {source.table}.{amounts[0]} is converted to"
            )


def files_of(source: Source, folder: Path, where: str) -> list[Path]:
    """Return the files of a source with a path, in the order of their names.

    Raises:
        DeclarationError: there is none.
    """
    path = folder / (source.path or "")
    if path.is_file():
        return [path]
    root = Path(path.anchor) if Path(source.path or "").is_absolute() else folder
    found = sorted(root.glob(str(path.relative_to(root))))
    # Excel leaves ~$ files beside books that are open.
    files = [file for file in found if file.is_file() and not file.name.startswith((".", "~$"))]
    if not files:
        raise DeclarationError(
            f"{where}: path: there is no file {source.path}; correct it or drop the source"
        )
    return files


def _check_url(url: str) -> None:
    if url.startswith("env:"):
        if _FROM_ENVIRONMENT.fullmatch(url) is None:
            raise ValueError("url: give env: and the name of an environment variable")
        return
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ValueError("url: is no URL of SQLAlchemy, such as sqlite:///sales.db") from None
    if parsed.password is not None or _SECRETS & {name.casefold() for name in parsed.query}:
        raise ValueError("url: no password stands in a file; give env:NAME and set the variable NAME")
