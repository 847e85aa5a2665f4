"""From a delivery to staged tables: read, check, set aside, convert and match every department's rows."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from features.catalog import Catalog
from features.sources.accepting import Accepted, PartCount, Progress, RowsLost, accept, parts_of
from features.sources.contract import check_table_names, refuse_disabled_checks
from features.sources.crosswalk import CROSSWALK, Crosswalk, UnmatchedCount, repeated_rows
from features.sources.currencies import RATES, Rates, read_rates
from features.sources.delivery import Delivery, Source, check_delivery
from features.sources.engine import MEMORY_LIMIT, engine
from features.sources.layout import Layout, layout_of
from features.sources.outcomes import OUTCOMES, write_outcomes
from features.sources.record_table import RecordTable
from features.sources.rejects import FailureCount, Rejects, rejects_in
from features.sources.successions import GROUPS, SUCCESSIONS, write_groups, write_successions

_WORK = ".staging"
_REJECTS, _UNMATCHED = "rejects.csv", "unmatched.csv"
_SUCCESSIONS, _GROUPS = "successions.parquet", "groups.parquet"
OUTCOMES_FILE = "outcomes.parquet"


@dataclass(frozen=True)
class StagedTable:
    """A staged table and what came of its rows: matched + unmatched = accepted, and with rejected = read.

    `repeated` rows equal an earlier row of the table in every column; they are kept.
    """

    file: Path
    parts: tuple[PartCount, ...]
    matched: int
    unmatched: int
    repeated: int

    @property
    def read(self) -> int:
        return sum(part.read for part in self.parts)

    @property
    def passed_over(self) -> int:
        return sum(part.passed_over for part in self.parts)

    @property
    def accepted(self) -> int:
        return sum(part.accepted for part in self.parts)

    @property
    def rejected(self) -> int:
        return sum(part.rejected for part in self.parts)


@dataclass(frozen=True)
class Staged:
    """What staging has left in its folder, and every count of it.

    Attributes:
        tables: the staged table of each of the catalog's tables.
        without_source: tables that nobody delivers; they are staged empty.
        references: what came of crosswalk, successions, groups and rates, as far as they are delivered.
        failures: rows by table, source, column and reason; a rejected row can be in several.
        unmatched: accepted rows that belong to no customer, by table, source and reason.
        successions, groups, outcomes: Parquet files, None where there are none.
        rejects_file, unmatched_file: CSV files with a line for each such row.
    """

    tables: dict[str, StagedTable]
    without_source: tuple[str, ...]
    references: dict[str, tuple[PartCount, ...]]
    failures: tuple[FailureCount, ...]
    unmatched: tuple[UnmatchedCount, ...]
    successions: Path | None
    groups: Path | None
    outcomes: Path | None
    rejects_file: Path
    unmatched_file: Path


def stage(
    delivery: Delivery,
    catalog: Catalog,
    output: Path,
    *,
    progress: Progress = lambda step: None,
    memory_limit: str = MEMORY_LIMIT,
    threads: int | None = None,
) -> Staged:
    """Stage every table of a catalog from a delivery into `output`, replacing what was staged there before.

    Raises:
        DeclarationError: delivery and catalog do not fit each other.
        TableError: a source cannot be read as a whole, or says who is who in contradictory ways.
        ChecksDisabled: pandera is set to check nothing.
        RowsLost: accepted + rejected is not read, or matched + unmatched not accepted.
    """
    refuse_disabled_checks()
    check_table_names(catalog)
    check_delivery(delivery, catalog)
    work = output / _WORK
    shutil.rmtree(work, ignore_errors=True)
    (work / "staged").mkdir(parents=True)
    try:
        with rejects_in(work / _REJECTS) as rejects:
            staged = _Stage(delivery, catalog, work, rejects, progress).run(memory_limit, threads)
        return _published(staged, work, output)
    finally:
        shutil.rmtree(work, ignore_errors=True)


class _Stage:
    def __init__(
        self, delivery: Delivery, catalog: Catalog, work: Path, rejects: Rejects, progress: Progress
    ) -> None:
        self._delivery, self._catalog, self._work = delivery, catalog, work
        self._rejects, self._progress = rejects, progress
        self._references: dict[str, tuple[PartCount, ...]] = {}

    def run(self, memory_limit: str, threads: int | None) -> Staged:
        rates = read_rates(self._reference(RATES, self._delivery.rates), self._delivery.currency)
        crosswalk_file = self._reference(CROSSWALK, self._delivery.crosswalk)
        successions = self._reference(SUCCESSIONS, self._delivery.successions)
        groups = self._reference(GROUPS, self._delivery.groups)
        if successions is not None:
            write_successions(successions, self._work / _SUCCESSIONS)
        if groups is not None:
            write_groups(groups, self._work / _GROUPS)
        outcomes = self._reference(OUTCOMES, self._delivery.outcome_source)
        if outcomes is not None:
            write_outcomes(outcomes, self._work / OUTCOMES_FILE)
        spill = self._work / "spill"
        with engine(spill, memory_limit=memory_limit, threads=threads) as connection:
            crosswalk = Crosswalk(connection, crosswalk_file)
            tables = {}
            for place, (name, table) in enumerate(self._catalog.tables.items()):
                layout, accepted = self._accept(name, rates)
                repeated = repeated_rows(connection, layout, accepted.file)
                tables[name] = self._match(crosswalk, place, layout, table, accepted, repeated)
                accepted.file.unlink()
            unmatched = crosswalk.write_unmatched(self._work / _UNMATCHED)
        delivered = {source.table for source in self._delivery.sources}
        return Staged(
            tables=tables,
            without_source=tuple(name for name in self._catalog.tables if name not in delivered),
            references=self._references,
            failures=tuple(self._rejects.counts()),
            unmatched=unmatched,
            successions=None if successions is None else self._work / _SUCCESSIONS,
            groups=None if groups is None else self._work / _GROUPS,
            outcomes=None if outcomes is None else self._work / OUTCOMES_FILE,
            rejects_file=self._work / _REJECTS,
            unmatched_file=self._work / _UNMATCHED,
        )

    def _reference(self, layout: Layout, source: Source | None) -> Path | None:
        """Return the accepted rows of a table that the product asks for, None where it is not delivered."""
        if source is None:
            return None
        where = f"{self._delivery.file}: {layout.name}"
        parts = parts_of(source, layout, self._delivery, where)
        file = self._work / f"{layout.name}.accepted"
        accepted = accept(layout, parts, file, self._rejects, Rates(None, {}), self._progress)
        self._references[layout.name] = accepted.parts
        return file

    def _accept(self, name: str, rates: Rates) -> tuple[Layout, Accepted]:
        layout = layout_of(self._catalog, name)
        parts = []
        for place, source in enumerate(self._delivery.sources):
            if source.table == name:
                mine = layout_of(self._catalog, name, source.known_at)
                parts += parts_of(source, mine, self._delivery, f"{self._delivery.file}: sources.{place}")
        file = self._work / "accepted.parquet"
        return layout, accept(layout, parts, file, self._rejects, rates, self._progress)

    def _match(
        self, crosswalk: Crosswalk, place: int, layout: Layout, table: RecordTable, accepted: Accepted,
        repeated: int,
    ) -> StagedTable:  # fmt: skip
        self._progress(f"matching {layout.name}")
        file = self._work / "staged" / f"{layout.name}.parquet"
        system = table.system if table.key_of is None else None
        matched = crosswalk.match(place, layout, table.key, system, accepted.file, file)
        unmatched = crosswalk.unmatched_rows(layout.name)
        if matched + unmatched != accepted.rows:
            raise RowsLost(
                f"table {layout.name}: {accepted.rows} accepted rows are not {matched} + {unmatched}"
            )
        return StagedTable(file, accepted.parts, matched, unmatched, repeated)


def _published(staged: Staged, work: Path, output: Path) -> Staged:
    """Move everything to where it stays, only now that all of it is there."""
    folder = output / "staged"
    folder.mkdir(exist_ok=True)
    for former in folder.glob("*.parquet"):
        former.unlink()
    for name in (_REJECTS, _UNMATCHED, _SUCCESSIONS, _GROUPS, OUTCOMES_FILE):
        (output / name).unlink(missing_ok=True)
        if (work / name).is_file():
            (work / name).rename(output / name)
    tables = {}
    for name, table in staged.tables.items():
        tables[name] = replace(table, file=table.file.rename(folder / table.file.name))
    return replace(
        staged,
        tables=tables,
        successions=None if staged.successions is None else output / _SUCCESSIONS,
        groups=None if staged.groups is None else output / _GROUPS,
        outcomes=None if staged.outcomes is None else output / OUTCOMES_FILE,
        rejects_file=output / _REJECTS,
        unmatched_file=output / _UNMATCHED,
    )
