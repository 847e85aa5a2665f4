"""The commands of this package: score, explain, path, serve, export, catalog weigh and catalog example."""

import json
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from features.catalog import Method
from features.terminal import BadInput, bar, err, out, tell_absent, working, write_text
from features.terms import Language, Nature
from models.export_dialects import DialectName
from models.export_formats import Format
from models.options import CatalogOption, LanguageOption, ModelOption, PolicyOption, StateOption
from serving.store_options import KeysOption, ProcedureOption, StoreOption, opened

if TYPE_CHECKING:
    from features.catalog import Catalog


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
    from serving.chosen import chosen_served

    served = chosen_served(model, catalog, policy, state)
    with bar(f"scoring {escape(input.name)}") as advance:
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
    tell_absent(summary.absent)
    if summary.rejects:
        out.print(f"Rejected rows with their reasons: {summary.rejects}.", markup=False, soft_wrap=True)


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
    from serving.chosen import chosen_served
    from serving.present import explain_customer, render

    raw = _read_customer(customer)
    served = chosen_served(model, catalog, policy, state)
    answer = explain_customer(raw, served.scorer, language=language, model_version=served.model_version)
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False))
    else:
        out.print(render(answer, served.scorer, language))


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
    from serving.chosen import chosen_served
    from serving.next_tier import NextTier

    raw = _read_customer(customer)
    finder = NextTier(chosen_served(model, catalog, policy, state))
    answer = finder.answer_raw(raw, language)
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False))
    else:
        out.print(finder.render(answer, language))


def serve(
    model: ModelOption = None,
    catalog: CatalogOption = None,
    policy: PolicyOption = None,
    host: Annotated[
        str, typer.Option(help="The address to listen on; without --operate nothing asks who calls.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port to listen on; 0 takes a free one.")
    ] = 3000,
    workers: Annotated[int, typer.Option(min=1, help="Processes that score.")] = 1,
    operate: Annotated[
        bool,
        typer.Option("--operate", help="With the store: events, cases, tiers in force; callers need keys."),
    ] = False,
    notify: Annotated[
        bool, typer.Option("--notify", help="With --operate: also send the notices that are due.")
    ] = False,
    procedure: ProcedureOption = None,
    store: StoreOption = None,
    keys: KeysOption = None,
    state: StateOption = None,
) -> None:
    """Start the service with the registered model; without one, with a catalog and a policy alone."""
    from serving.chosen import chosen_settings
    from serving.launch import serve as start
    from serving.settings import Settings, trusted_keys_file

    if notify and not operate:
        raise BadInput("--notify sends from the store: give --operate too")
    served = None
    if operate:
        from serving.governing import adopted_to_serve, names_what_to_serve
        from serving.notices.smtp import HOST_VARIABLE
        from serving.operating import set_environment

        set_environment(store, keys, procedure, notify=notify)
        if notify and not os.environ.get(HOST_VARIABLE):
            # It goes on: webhooks are sent all the same.
            err.print(f"{HOST_VARIABLE} is not set: notices by e-mail wait until it is.", markup=False)
        if not (model or catalog or policy or names_what_to_serve()):
            with opened(store, keys) as found:
                served = adopted_to_serve(found)

    if served is None:
        settings = chosen_settings(model, catalog, policy, state)
    else:
        settings = Settings(state=state, trusted_keys=trusted_keys_file())
    start(host=host, port=port, workers=workers, settings=settings, served=served)


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
    from serving.chosen import chosen_sheet

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
    text = exported(chosen_sheet(model, artefact, catalog, policy, state), chosen, language, options)
    if str(output) == "-":
        typer.echo(text, nl=False)
        return
    write_text(output, text)
    out.print(f"Written to {output}, {len(text.encode()):,} bytes.", markup=False, soft_wrap=True)


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
        with working(f"reading {table.name}"):
            drawn = weighted_by_records(read_portfolio(table, declared), rules, method)
    _print_weights(declared, drawn)
    if output is not None:
        _write_catalog(drawn, output)


def example(
    catalog: Annotated[str, typer.Argument(help="A YAML file, or the name of a bundled catalog.")],
    nature: Annotated[
        Nature | None, typer.Option("--nature", help="Of the customer. [the catalog's first]")
    ] = None,
) -> None:
    """Print one customer as JSON, with all that counts, as explain, path and the service take it."""
    from features.catalog import load_catalog
    from serving.example import example_customer

    declared = load_catalog(catalog)
    if nature is not None and nature not in declared.natures:
        raise BadInput(f"the catalog has no customers of that nature; give {', '.join(declared.natures)}")
    typer.echo(json.dumps(example_customer(declared, nature), ensure_ascii=False, indent=1))


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


def _write_catalog(catalog: "Catalog", output: Path) -> None:
    from features.document import yaml_of

    write_text(output, yaml_of(catalog))
    out.print(f"Written to {output}, hash {catalog.hash}.", markup=False, soft_wrap=True)


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
