"""The command line, `tierwise`: the only module that knows all four packages."""

import contextlib
import json
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from features.catalog import Method
from features.terms import Language, Nature
from models.export_dialects import DialectName
from models.export_formats import Format

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from features.catalog import Catalog
    from models.decision import Scorer
    from models.export_sheet import Sheet
    from serving.served import Served
    from serving.settings import Settings
    from training.report import Grid
    from training.sample import Sample

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
catalog_app = typer.Typer(no_args_is_help=True, help="Catalogs of indicators.")
app.add_typer(catalog_app, name="catalog")
policy_app = typer.Typer(no_args_is_help=True, help="Policies: tiers, cut-offs and strategies.")
app.add_typer(policy_app, name="policy")

_SHOWN_FAILURES = 20

# Where nobody looks on, tables are not squeezed into 80 columns.
out = Console(width=None if sys.stdout.isatty() else 120)
err = Console(stderr=True)

StateOption = Annotated[
    Path | None,
    typer.Option("--state", help="Where MLflow's store lies (default: TIERWISE_STATE or .state)."),
]
ModelOption = Annotated[
    str | None, typer.Option("--model", help="A registered model, which brings its catalog and policy.")
]
CatalogOption = Annotated[
    str | None, typer.Option("--catalog", help="A catalog: a YAML file, or the name of a bundled one.")
]
PolicyOption = Annotated[
    str | None, typer.Option("--policy", help="A policy: a YAML file, or the name of a bundled one.")
]
LanguageOption = Annotated[Language, typer.Option("--language", help="Of names, reasons and strategies.")]
LabelOption = Annotated[
    str | None, typer.Option("--label", help="The column with the outcome. [the one that the catalog names]")
]
BadOption = Annotated[
    list[str] | None,
    typer.Option("--bad", help="A cell of that column that means the adverse outcome; may be repeated."),
]
EncodingOption = Annotated[str | None, typer.Option("--encoding", help="Of a CSV. [found out]")]
DelimiterOption = Annotated[str | None, typer.Option("--delimiter", help="Of a CSV. [found out]")]
ThreadsOption = Annotated[int, typer.Option("--threads", min=1, help="Threads that LightGBM may use.")]


@app.callback()
def tierwise() -> None:
    """Puts every customer into one of four tiers, and justifies each tier exactly."""


@app.command()
def demo(state: StateOption = None, threads: ThreadsOption = 2) -> None:
    """Run the main job on the bundled real sample and show what it found."""
    from training.report import walk_forward_grids
    from training.sample import NAME, train_sample

    sample = _built_sample()
    with _steps(len_hint=22) as progress:
        result = train_sample(sample, state=state, threads=threads, progress=progress)
    _print_sample(sample)
    for grid in walk_forward_grids(result.years):
        out.print()
        out.print(_rich(grid))
    promotion, facts = result.promotion, result.trained.model.training
    out.print(
        f"\n[bold]{promotion.model_version}[/bold] is the champion: trained on {facts['customers']:,} loans, "
        f"{facts['bad']:,} of them charged off; the explanations of {promotion.verification.rows:,} "
        f"recomputed by shap differ by {promotion.verification.largest_difference:.1e} at most."
    )
    _show_portfolio(sample, result.scorer, promotion.model_version)
    out.print(
        f"\nServe it: [bold]./run serve --model {NAME}[/bold]   Look at the run: [bold]./run mlflow[/bold]"
    )


@app.command()
def train(
    catalog: CatalogOption = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", help="A table, one row a customer: .csv, .parquet or .xlsx. [the bundled sample]"
        ),
    ] = None,
    label: LabelOption = None,
    bad: BadOption = None,
    policy: PolicyOption = None,
    rejects: Annotated[
        Path | None,
        typer.Option("--rejects", help="Where rows that are kept apart go. [NAME.rejects.csv, here]"),
    ] = None,
    encoding: EncodingOption = None,
    delimiter: DelimiterOption = None,
    walk_forward: Annotated[
        bool,
        typer.Option(
            "--walk-forward/--no-walk-forward", "--validate/--no-validate",
            help="Judge on held-out customers first; of the sample on 2004 to 2010, which is recorded.",
        ),
    ] = True,
    order: Annotated[
        int | None,
        typer.Option("--order", min=1, max=3, help="Of interaction; chosen by cross-validation by default."),
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", help="A private key (`tierwise key`) that signs the model.")
    ] = None,
    state: StateOption = None,
    threads: ThreadsOption = 2,
) -> None:  # fmt: skip
    """Train on a table of customers with outcomes (or on the bundled sample), and register the champion."""
    from models.signature import load_key

    signer = None if key is None else load_key(key)
    if data is not None:
        if catalog is None:
            raise BadInput("--data needs --catalog; draft one: tierwise catalog draft TABLE --label COLUMN")
        request = _TableRequest(data, catalog, label, tuple(bad or ()), policy, rejects, encoding, delimiter)
        _train_on_table(request, walk_forward, order, signer, state, threads)
        return
    if any(option is not None for option in (catalog, label, bad, policy, rejects, encoding, delimiter)):
        raise BadInput("name the table with --data; without it the bundled sample is trained on as it is")
    from training.report import walk_forward_grids
    from training.sample import WALK_FORWARD_YEARS, train_sample

    sample = _built_sample()
    with _steps(len_hint=22 if walk_forward else 15) as progress:
        result = train_sample(
            sample,
            years=WALK_FORWARD_YEARS if walk_forward else (),
            order=order,
            signer=signer,
            state=state,
            threads=threads,
            progress=progress,
        )
    for grid in walk_forward_grids(result.years) if result.years else ():
        out.print(_rich(grid))
    out.print(f"{result.promotion.model_version} is the champion (run {result.promotion.run_id}).")


@app.command("build")
def build_indicators(
    portfolio: Annotated[
        str,
        typer.Argument(help="A portfolio file (YAML), or the name of a bundled one: where the tables are."),
    ],
    output: Annotated[
        Path, typer.Argument(help="The folder that receives indicators, evidence and rejects.")
    ],
    as_of: Annotated[
        datetime | None,
        typer.Option("--as-of", formats=["%Y-%m-%d"], help="The day as of which everybody is evaluated."),
    ] = None,
    evaluations: Annotated[
        Path | None,
        typer.Option(
            "--evaluations", help="Instead, a Parquet file of customer_id and as_of, many days at once."
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="Where relative paths start. [beside the portfolio file]")
    ] = None,
    memory: Annotated[str, typer.Option("--memory", help="That DuckDB may use.")] = "2GB",
    threads: ThreadsOption = 2,
) -> None:
    """Build every indicator from the departments' records as they were known on a day."""
    from features.pipeline import prepare

    if (as_of is None) == (evaluations is None):
        raise BadInput("say the day with --as-of, or customers and days with --evaluations")
    with _steps(len_hint=30) as progress:
        prepared = prepare(
            portfolio,
            output,
            as_of=None if as_of is None else as_of.date(),
            evaluations=evaluations,
            data=data,
            memory_limit=memory,
            threads=threads,
            progress=progress,
        )
    staged, built = prepared.staged, prepared.built
    grid = Table("table", *("read", "accepted", "rejected", "matched", "unmatched"), title_justify="left")
    for name, table in staged.tables.items():
        counts = (table.read, table.accepted, table.rejected, table.matched, table.unmatched)
        grid.add_row(name, *(f"{count:,}" for count in counts))
    out.print(grid)
    for failure in sorted(staged.failures, key=lambda failure: -failure.rows)[:_SHOWN_FAILURES]:
        out.print(
            f"{failure.rows:,} rows of {failure.table}, {failure.source}: {failure.column}: {failure.reason}",
            markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip
    if any(table.rejected for table in staged.tables.values()):
        out.print(f"Every rejected row: {staged.rejects_file}", markup=False, soft_wrap=True)
    if any(table.unmatched for table in staged.tables.values()):
        out.print(f"Rows of nobody known: {staged.unmatched_file}", markup=False, soft_wrap=True)
    out.print(f"Quality of the records, worst first: {prepared.page}", markup=False, soft_wrap=True)
    labelled = "" if prepared.labelled is None else f", {prepared.labelled:,} with an outcome"
    out.print(
        f"{built.rows:,} customers on their days{labelled}: {built.indicators}; evidence: {built.evidence}",
        markup=False, soft_wrap=True,
    )  # fmt: skip


@app.command()
def simulate(
    output: Annotated[Path, typer.Argument(help="A new folder for the synthetic company.")],
    customers: Annotated[int, typer.Option("--customers", min=1, help="How many.")] = 10_000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same company.")] = 1,
    first: Annotated[
        datetime, typer.Option("--first", formats=["%Y-%m-%d"], help="The first day of the records.")
    ] = datetime(2022, 1, 1),
    last: Annotated[
        datetime, typer.Option("--last", formats=["%Y-%m-%d"], help="The last day of the records.")
    ] = datetime(2024, 12, 31),
    ugly: Annotated[
        bool, typer.Option("--ugly", help="As departments really deliver: CSV in many encodings and forms.")
    ] = False,
) -> None:
    """Write a synthetic company: all departments' tables over years, and the truth behind them apart."""
    from features.simulation.company import simulate as write_company

    with _steps(len_hint=20) as progress:
        company = write_company(
            output, customers, seed, first=first.date(), last=last.date(), ugly=ugly, progress=progress
        )
    rows = sum(company.rows.values())
    out.print(
        f"Synthetic: {customers:,} customers, {rows:,} records; build it: "
        f"tierwise build {company.portfolio} OUT --as-of {last.date()}",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip


@app.command()
def score(
    input: Annotated[Path, typer.Argument(help="A table of customers: .csv, .parquet or .xlsx.")],
    output: Annotated[Path, typer.Argument(help="Where the decisions go: .csv, .parquet or .xlsx.")],
    model: ModelOption = None,
    catalog: CatalogOption = None,
    policy: PolicyOption = None,
    language: LanguageOption = Language.EN,
    state: StateOption = None,
) -> None:
    """Score a table of customers; rows that cannot be scored are kept apart with their reason."""
    from serving.batch import score_file

    served = _served(model, catalog, policy, state)
    with _bar(f"scoring {escape(input.name)}") as advance:
        summary = score_file(
            input,
            output,
            served.scorer,
            language=language,
            model_version=served.model_version,
            progress=lambda _, share: advance(share),
        )
    tiers = ", ".join(f"{tier} {count:,}" for tier, count in summary.tiers.items())
    out.print(f"{summary.read:,} read, {summary.accepted:,} scored, {summary.rejected:,} rejected.")
    out.print(
        f"Tiers: {tiers or 'none'}; {summary.for_review:,} for review. Written to {summary.output}.",
        markup=False,
        soft_wrap=True,
    )
    if summary.ignored:
        out.print(f"Columns not used: {', '.join(summary.ignored)}.", markup=False)
    if summary.rejects:
        out.print(f"Rejected rows with their reasons: {summary.rejects}.", markup=False, soft_wrap=True)


@app.command()
def explain(
    customer: Annotated[
        Path, typer.Argument(help="A JSON file with one customer as the service takes it, or -.")
    ],
    model: ModelOption = None,
    catalog: CatalogOption = None,
    policy: PolicyOption = None,
    language: LanguageOption = Language.EN,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the answer as the service gives it.")
    ] = False,
    state: StateOption = None,
) -> None:
    """Justify one customer's tier."""
    from serving.present import explain_customer, render

    raw = _read_customer(customer)
    served = _served(model, catalog, policy, state)
    answer = explain_customer(raw, served.scorer, language=language, model_version=served.model_version)
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False))
    else:
        out.print(render(answer, served.scorer, language))


@app.command()
def path(
    customer: Annotated[
        Path, typer.Argument(help="A JSON file with one customer as the service takes it, or -.")
    ],
    model: ModelOption = None,
    catalog: CatalogOption = None,
    policy: PolicyOption = None,
    language: LanguageOption = Language.EN,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the answer as the service gives it.")
    ] = False,
    state: StateOption = None,
) -> None:
    """Find the least change that brings one customer to the next tier, or prove that there is none."""
    from serving.next_tier import NextTier

    raw = _read_customer(customer)
    finder = NextTier(_served(model, catalog, policy, state))
    answer = finder.answer_raw(raw, language)
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False))
    else:
        out.print(finder.render(answer, language))


@app.command()
def serve(
    model: ModelOption = None,
    catalog: CatalogOption = None,
    policy: PolicyOption = None,
    host: Annotated[
        str, typer.Option(help="The address to listen on; nothing here asks who calls.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port to listen on; 0 takes a free one.")
    ] = 3000,
    workers: Annotated[int, typer.Option(min=1, help="Processes that score.")] = 1,
    state: StateOption = None,
) -> None:
    """Start the service with the champion; without one, with a catalog and a policy alone."""
    from serving.launch import serve as start

    start(host=host, port=port, workers=workers, settings=_settings(model, catalog, policy, state))


@app.command()
def key(output: Annotated[Path, typer.Argument(help="A new file for the private key, in PEM.")]) -> None:
    """Make a key that signs models, and print its public part for a file of TIERWISE_TRUSTED_KEYS."""
    from models.signature import new_key, public_text

    typer.echo(public_text(new_key(output)))


@app.command()
def sign(
    artefact: Annotated[Path, typer.Argument(help="A model's points document.")],
    output: Annotated[Path, typer.Argument(help="Where the signed document goes.")],
    key: Annotated[Path, typer.Option("--key", help="The private key, as `tierwise key` made it.")],
) -> None:
    """Sign a model's points document, whoever signed it before."""
    from models.artefact import signed
    from models.signature import load_key

    try:
        document = artefact.read_bytes()
        output.write_bytes(signed(document, load_key(key)))
    except OSError as error:
        raise BadInput(f"{error.filename}: cannot be read or written ({error.strerror})") from None
    out.print(f"Written to {output}.", markup=False, soft_wrap=True)


@app.command()
def export(
    output: Annotated[
        Path, typer.Argument(help="Where the points tables go: .csv, .md, .html or .sql; - prints them.")
    ],
    model: ModelOption = None,
    artefact: Annotated[
        Path | None,
        typer.Option("--artefact", help="A model's points document, with --catalog, instead of --model."),
    ] = None,
    catalog: CatalogOption = None,
    policy: PolicyOption = None,
    format_: Annotated[
        Format | None, typer.Option("--format", help="Default: as the file's name ends.")
    ] = None,
    dialect: Annotated[
        DialectName | None, typer.Option("--dialect", help="For SQL, the database that will run it.")
    ] = None,
    table: Annotated[
        str | None,
        typer.Option("--table", help="For SQL, the table of customers: a name, or schema.name. [customers]"),
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option("--key", help="For SQL, a column that is passed on; may be repeated. [customer_id]"),
    ] = None,
    nature: Annotated[
        Nature | None,
        typer.Option("--nature", help="For SQL, the nature of all rows, else the column nature tells it."),
    ] = None,
    view: Annotated[
        str | None, typer.Option("--view", help="For SQL, create a view of this name instead of selecting.")
    ] = None,
    explanations: Annotated[
        bool, typer.Option(help="For SQL, a column for each indicator's contribution.")
    ] = True,
    language: LanguageOption = Language.EN,
    state: StateOption = None,
) -> None:
    """Write a model's points tables: for people as CSV, Markdown or HTML, or as SQL that scores a table."""
    from models.export import exported
    from models.export_formats import format_of
    from models.export_sql import SqlOptions

    chosen = format_ or format_of(output)
    if chosen is Format.SQL and dialect is None:
        raise BadInput(f"SQL is written for one database: give --dialect {', '.join(DialectName)}")
    if chosen is not Format.SQL and (dialect or table or key or nature or view or not explanations):
        raise BadInput(
            f"--dialect, --table, --key, --nature, --view and --no-explanations are for SQL, not for {chosen}"
        )
    options = SqlOptions(
        dialect=dialect or DialectName.DUCKDB,
        table=table or "customers",
        keys=tuple(key or ("customer_id",)),
        nature=nature,
        explanations=explanations,
        view=view,
    )
    text = exported(_sheet(model, artefact, catalog, policy, state), chosen, language, options)
    if str(output) == "-":
        typer.echo(text, nl=False)
        return
    _write(output, text)
    out.print(f"Written to {output}, {len(text.encode()):,} bytes.", markup=False, soft_wrap=True)


@catalog_app.command("draft")
def draft_catalog_of(
    table: Annotated[Path, typer.Argument(help="A table, one row a customer: .csv, .parquet or .xlsx.")],
    label: Annotated[str, typer.Option("--label", help="The column with the outcome.")],
    bad: BadOption = None,
    customer_id: Annotated[
        str | None, typer.Option("--id", help="The column with the customers' ids. [guessed]")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="The column with the day of evaluation. [guessed]")
    ] = None,
    nature: Annotated[Nature | None, typer.Option("--nature", help="Of all customers. [guessed]")] = None,
    encoding: EncodingOption = None,
    delimiter: DelimiterOption = None,
) -> None:
    """Propose a catalog for a table with known outcomes, on standard output, for a person to edit."""
    from features.drafting.columns import profile
    from features.drafting.draft import draft_catalog
    from features.drafting.rendering import to_yaml

    with _working(f"reading {table.name}"):
        found = profile(
            table, label, customer_id=customer_id, as_of=as_of, encoding=encoding, delimiter=delimiter
        )
        draft = draft_catalog(found, label, table, bad=tuple(bad or ()), nature=nature)
    typer.echo(to_yaml(draft), nl=False)
    for remark in (*draft.about, *draft.warnings):
        err.print(f"{remark}.", markup=False, highlight=False, soft_wrap=True)


@policy_app.command("draft")
def draft_policy_of(
    catalog: Annotated[str, typer.Argument(help="A YAML file, or the name of a bundled catalog.")],
    bad_rate: Annotated[
        float,
        typer.Option("--bad-rate", help="The share of customers with the adverse outcome, such as 0.07."),
    ],
    outcome: Annotated[
        str | None, typer.Option("--outcome", help="What the adverse outcome is called. [the catalog's]")
    ] = None,
) -> None:
    """Propose a policy whose tiers stand around a bad rate, on standard output, for a person to edit."""
    from features.catalog import load_catalog
    from models.policy_draft import drafted_policy, to_yaml

    if not 0 < bad_rate < 1:
        raise BadInput("--bad-rate: give a share between 0 and 1")
    declared = load_catalog(catalog)
    flat = declared.table
    named = outcome or (flat.outcome if flat is not None else None) or "adverse outcome"
    typer.echo(to_yaml(drafted_policy(declared, bad_rate, named)), nl=False)


@catalog_app.command("weigh")
def weigh_catalog(
    catalog: Annotated[str, typer.Argument(help="A YAML file, or the name of a bundled catalog.")],
    table: Annotated[
        Path | None, typer.Argument(help="For entropy and CRITIC, customers: .csv, .parquet or .xlsx.")
    ] = None,
    method: Annotated[Method, typer.Option("--method", help="How the weights are drawn.")] = Method.CRITIC,
    policy: PolicyOption = None,
    matrix: Annotated[
        Path | None,
        typer.Option(
            "--matrix", help="For AHP, a CSV of pairwise judgements on the dimensions, in their order."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="Where the catalog with these weights goes, as YAML.")
    ] = None,
) -> None:
    """Draw a catalog's weights from customers' records, or its dimensions' from pairwise judgements."""
    from features.catalog import load_catalog
    from models.policy import load_policy
    from models.weights import weighted_by_ahp, weighted_by_records
    from serving.weighing import read_matrix, read_portfolio

    declared = load_catalog(catalog)
    if (method is Method.AHP) != (matrix is not None) or (method is Method.AHP) == (table is not None):
        raise BadInput("ahp takes --matrix and no table; entropy and critic take a table and no --matrix")
    if matrix is not None:
        drawn = weighted_by_ahp(declared, read_matrix(matrix))
    elif table is not None:
        rules = load_policy(policy or declared.catalog)
        rules.check_against(declared)
        with _working(f"reading {table.name}"):
            drawn = weighted_by_records(read_portfolio(table, declared), rules, method)
    _print_weights(declared, drawn)
    if output is not None:
        _write_catalog(drawn, output)


@catalog_app.command("check")
def check_catalog(
    catalog: Annotated[str, typer.Argument(help="A YAML file, or the name of a bundled catalog.")],
    policy: PolicyOption = None,
) -> None:
    """Check a catalog, and a policy against it."""
    from features.catalog import load_catalog
    from models.policy import load_policy

    checked = load_catalog(catalog)
    if policy:
        load_policy(policy).check_against(checked)
    natures = ", ".join(
        f"{nature} {sum(1 for _ in checked.for_nature(nature))} ({len(checked.weights(nature))} weighted)"
        for nature in checked.natures
    )
    out.print(f"catalog {checked.catalog} v{checked.version} holds. Indicators by nature: {natures}.")
    out.print(f"hash {checked.hash}")


def _print_weights(declared: "Catalog", drawn: "Catalog") -> None:
    """Show every indicator's share of the composite by nature, as declared and as drawn."""
    grid = Table(
        "indicator", "dimension", title="Share of the composite, declared → drawn", title_justify="left"
    )
    for nature in drawn.natures:
        grid.add_column(str(nature), justify="right")
    old = {nature: declared.weights(nature) for nature in drawn.natures}
    new = {nature: drawn.weights(nature) for nature in drawn.natures}
    for placed in drawn.placed:
        cells = [
            f"{_share(old[nature], placed.id)} → {_share(new[nature], placed.id)}"
            if placed.id in old[nature] or placed.id in new[nature]
            else ""
            for nature in drawn.natures
        ]
        if any(cells):
            grid.add_row(placed.id, placed.dimension.id, *cells)
    out.print(grid)
    weighting = drawn.weighting
    if weighting.consistency_ratio is not None:
        out.print(
            f"Method {weighting.method}, consistency ratio {weighting.consistency_ratio:.4f} (at most 0.1)."
        )
    else:
        out.print(f"Method {weighting.method}, drawn from {weighting.customers:,} customers.")


def _share(shares: dict[str, tuple[float, float, float]], id_: str) -> str:
    return f"{math.prod(shares.get(id_, (0.0,))):.1%}"


def _write(output: Path, text: str) -> None:
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{output}: cannot be written ({error.strerror})") from None


def _write_catalog(catalog: "Catalog", output: Path) -> None:
    from features.document import yaml_of

    _write(output, yaml_of(catalog))
    out.print(f"Written to {output}, hash {catalog.hash}.", markup=False, soft_wrap=True)


def main() -> None:
    """Run a command; what can go wrong is told in one line, and the exit code is 2."""
    try:
        # Typer's own handling of wrong options would take several lines.
        sys.exit(app(standalone_mode=False))
    except Exception as error:
        if type(error).__name__ == "Abort":
            sys.exit(130)
        usage = getattr(error, "format_message", None)
        if usage is None and not isinstance(error, _expected()):
            raise
        text = f"{usage()} (see --help)" if usage else str(error)
        message = " ".join(text.split()) or type(error).__name__
        err.print(f"tierwise: {message}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(2)


# The errors that are told to the user, by module; any other is a defect and shows its traceback.
EXPECTED = {
    "features.customer": "InvalidCustomer",
    "features.expressions.staged": "BuildError",
    "features.expressions.syntax": "ExpressionError",
    "features.simulation.history": "SimulationError",
    "features.sources.contract": "ChecksDisabled",
    "features.declaration": "DeclarationError",
    "features.drafting.outcome": "UnclearOutcome",
    "features.records": "RecordsError",
    "features.sources.opening": "TableError",
    "models.artefact": "ArtefactError",
    "models.booster": "Untrainable",
    "models.compilation": "NotCompilable",
    "models.decision": "UnexplainedScore",
    "models.export_dialects": "NotExportable",
    "models.registry": "RegistryError",
    "models.signature": "SignatureError",
    "models.weights": "UnfitWeights",
    "serving.launch": "CannotServe",
    "serving.settings": "SettingsError",
    "training.tracking": "TrackingError",
    "training.verification": "ExplanationMismatch",
}


def _expected() -> tuple[type[Exception], ...]:
    """Return those errors that can have been raised: nothing is imported for it, which would take seconds."""
    loaded = ((sys.modules.get(module), name) for module, name in EXPECTED.items())
    return BadInput, *(getattr(module, name) for module, name in loaded if module is not None)


class BadInput(ValueError):
    """A file given on the command line cannot be used; one line."""


def _settings(
    model: str | None,
    catalog: str | None,
    policy: str | None,
    state: Path | None,
    artefact: Path | None = None,
) -> "Settings":
    """Return what to serve: what is named, else the only champion, else the bundled catalog."""
    from models.registry import champions
    from serving.settings import Settings

    told = Settings.from_environment()
    if not (model or catalog or policy):
        if told.model or told.catalog or told.policy or told.artefact:
            return replace(told, state=state or told.state)
        registered = champions(state)
        if len(registered) > 1:
            raise BadInput(
                f"several models have a champion ({', '.join(registered)}): choose one with --model"
            )
        model = registered[0] if registered else None
    return Settings(
        catalog=catalog,
        policy=policy,
        model=model,
        artefact=artefact,
        state=state,
        trusted_keys=told.trusted_keys,
    )


def _served(
    model: str | None,
    catalog: str | None,
    policy: str | None,
    state: Path | None,
    artefact: Path | None = None,
) -> "Served":
    from serving.served import load_served

    with _working("loading"):
        return load_served(_settings(model, catalog, policy, state, artefact))


def _sheet(
    model: str | None, artefact: Path | None, catalog: str | None, policy: str | None, state: Path | None
) -> "Sheet":
    """Return the model to export with its catalog and policy."""
    from models.export_sheet import Sheet

    if artefact is not None and catalog is None:
        raise BadInput("--artefact needs the --catalog that the model was trained with")
    served = _served(model, catalog, policy, state, artefact)
    scorer = served.scorer
    if scorer.model is None:
        raise BadInput("there is no model to export: name one with --model, or a file with --artefact")
    return Sheet(scorer.model, scorer.catalog, scorer.policy, served.model_version)


def _read_customer(path: Path) -> Any:
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
        return json.loads(text, object_pairs_hook=lambda pairs: _once(pairs, path))
    except BadInput:
        raise
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        raise BadInput(f"{path}: is no JSON; give one customer as the service takes it") from None


def _once(pairs: list[tuple[str, Any]], path: Path) -> dict[str, Any]:
    """Return a JSON object; which of two values a key given twice has would be a guess."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise BadInput(f"{path}: a key is given twice")
    return found


def _built_sample() -> "Sample":
    from training.sample import build_sample

    with _working("building the indicators of the sample, as they stood on each loan's day"):
        return build_sample()


def _print_sample(sample: "Sample") -> None:
    data = sample.data
    out.print(
        f"\nThe bundled sample: {len(data):,} SBA-guaranteed loans to enterprises, {data.days.min()} to "
        f"{data.days.max()}; {data.bad.mean():.1%} charged off within 36 months of disbursement. It holds "
        "resolved loans only, so part of the change in bad rates is selection."
    )


def _show_portfolio(sample: "Sample", scorer: "Scorer", model_version: str) -> None:
    """Evaluate the newest year's customers, and justify one of each of three tiers."""
    import numpy as np

    from features.terms import RATED_TIERS
    from models.answer import answer
    from serving.present import render
    from training.report import Grid

    newest = np.flatnonzero(sample.data.newest())
    decisions = scorer.decide(sample.data.portfolio.take(newest))
    bad = sample.data.bad[newest]
    rows = tuple(
        (
            str(tier),
            f"{int(np.sum(decisions.tiers == tier)):,}",
            f"{np.mean(decisions.tiers == tier):.0%}",
            f"{np.mean(bad[decisions.tiers == tier]):.1%}" if np.any(decisions.tiers == tier) else "—",
        )
        for tier in RATED_TIERS
    )
    title = f"The champion on the newest {len(newest):,} (trained on)"
    out.print()
    out.print(_rich(Grid(title, ("tier", "customers", "share", "bad"), rows)))
    for tier in (RATED_TIERS[0], RATED_TIERS[2], RATED_TIERS[3]):
        of_tier = np.flatnonzero(decisions.tiers == tier)
        if len(of_tier):
            middle = of_tier[np.argsort(decisions.score[of_tier], kind="stable")[len(of_tier) // 2]]
            out.rule(f"a customer in the middle of tier {tier}")
            out.print(render(answer(decisions, int(middle), model_version=model_version), scorer))


@dataclass(frozen=True)
class _TableRequest:
    """What was asked of a table that is trained on."""

    data: Path
    catalog: str
    label: str | None
    bad: tuple[str, ...]
    policy: str | None
    rejects: Path | None
    encoding: str | None
    delimiter: str | None


def _train_on_table(
    request: _TableRequest,
    validate_first: bool,
    order: int | None,
    signer: "Ed25519PrivateKey | None",
    state: Path | None,
    threads: int,
) -> None:
    import numpy as np

    from features.catalog import load_catalog
    from models.booster import Untrainable
    from models.policy import load_policy
    from models.policy_draft import drafted_policy
    from training.customers import read_customers, write_rejects
    from training.job import run_job
    from training.validation import validate

    declared = load_catalog(request.catalog)
    with _working(f"reading {request.data.name}"):
        table = read_customers(
            request.data,
            declared,
            request.label,
            request.bad,
            encoding=request.encoding,
            delimiter=request.delimiter,
        )
    bad = int(np.sum(table.data.bad))
    out.print(
        f"{table.read:,} rows read, {len(table.data):,} customers with a known outcome, {bad:,} bad "
        f"({bad / len(table.data):.1%}: {', '.join(table.bad_words)}), {len(table.rejects):,} kept apart.",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip
    if table.rejects:
        rejects = request.rejects or Path(f"{request.data.name.split('.')[0]}.rejects.csv")
        write_rejects(table, rejects)
        out.print(f"Rows kept apart, with their reasons: {rejects}.", markup=False, soft_wrap=True)
    if table.ignored:
        out.print(f"Columns not used: {', '.join(table.ignored)}.", markup=False, soft_wrap=True)
    if request.policy is None:
        flat = declared.table
        outcome = request.label or (flat.outcome if flat is not None else None) or "adverse outcome"
        rules = drafted_policy(declared, bad / len(table.data), outcome)
    else:
        rules = load_policy(request.policy)
        rules.check_against(declared)
    with _steps(len_hint=20) as progress:
        if validate_first:
            found = validate(
                table.data, rules, identified=table.identified, threads=threads, progress=progress
            )
            out.print(_rich(found.grid()))
        if bad < rules.minimum_bad_outcomes:
            raise Untrainable(
                f"{bad} bad outcomes are too few for a model to be registered, the policy asks for "
                f"{rules.minimum_bad_outcomes}: serve the baseline (--catalog, --policy) until there are more"
            )
        today = np.datetime64("today")
        result = run_job(
            table.data,
            np.full(len(table.data), today),
            rules,
            (),
            today,
            run_name=f"{declared.catalog} {today}",
            order=order,
            signer=signer,
            state=state,
            threads=threads,
            progress=progress,
        )
    if request.policy is None:
        out.print(
            "No policy was given: tiers stand around the bad rate, as `tierwise policy draft` proposes.",
            soft_wrap=True,
        )
    out.print(
        f"{result.promotion.model_version} is the champion (run {result.promotion.run_id}). "
        f"Score with it: tierwise score TABLE OUT --model {declared.catalog}",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip


def _rich(grid: "Grid") -> Table:
    table = Table(title=grid.title, title_justify="left")
    for place, column in enumerate(grid.columns):
        table.add_column(column, justify="left" if place == 0 else "right")
    for row in grid.rows:
        table.add_row(*(cell.replace("**", "") for cell in row))
    return table


@contextlib.contextmanager
def _steps(len_hint: int) -> Iterator[Callable[[str], None]]:
    """Show a bar that moves by one with each step told; `len_hint` is about how many there are."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("starting", total=len_hint)

        def step(name: str) -> None:
            bar.update(task, description=name, advance=1)
            if not err.is_terminal:
                err.print(name, markup=False)

        yield step


@contextlib.contextmanager
def _bar(name: str) -> Iterator[Callable[[float], None]]:
    """Show a bar that is told the share done, from 0 to 1."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(name, total=1.0)
        yield lambda share: bar.update(task, completed=share)


@contextlib.contextmanager
def _working(name: str) -> Iterator[None]:
    """Show that something is going on whose length is not known."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        bar.add_task(name, total=None)
        yield


if __name__ == "__main__":
    main()
