"""The command of this package: train."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.options import BadOption, DelimiterOption, EncodingOption, ThreadsOption
from features.terminal import BadInput, out, steps, table_of, tell_absent, working
from models.options import CatalogOption, PolicyOption, StateOption

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from training.own_table import OwnTable, TableRequest
    from training.sample import Sample

LabelOption = Annotated[
    str | None, typer.Option("--label", help="The column with the outcome. [the one that the catalog names]")
]


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
    """Train on a table of customers with outcomes (or on the bundled sample), and register the candidate."""
    from models.signature import load_key

    signer = None if key is None else load_key(key)
    if data is not None:
        if catalog is None:
            raise BadInput("--data needs --catalog; draft one: tierwise catalog draft TABLE --label COLUMN")
        from training.own_table import TableRequest

        request = TableRequest(data, catalog, label, tuple(bad or ()), encoding, delimiter)
        _train_on_table(request, policy, rejects, walk_forward, order, signer, state, threads)
        return
    if any(option is not None for option in (catalog, label, bad, policy, rejects, encoding, delimiter)):
        raise BadInput("name the table with --data; without it the bundled sample is trained on as it is")
    from training.report import walk_forward_grids
    from training.sample import WALK_FORWARD_YEARS, train_sample

    sample = built_sample()
    with steps(expected=22 if walk_forward else 15) as progress:
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
        out.print(table_of(grid.title, grid.columns, grid.rows))
    out.print(f"{result.registration.model_version} is the candidate (run {result.registration.run_id}).")


def built_sample() -> "Sample":
    """Return the bundled sample, saying that it takes a while."""
    from training.sample import build_sample

    with working("building the indicators of the sample, as they stood on each loan's day"):
        return build_sample()


def _train_on_table(
    request: "TableRequest",
    policy: str | None,
    rejects: Path | None,
    validate_first: bool,
    order: int | None,
    signer: "Ed25519PrivateKey | None",
    state: Path | None,
    threads: int,
) -> None:
    from training.own_table import read_own_table

    with working(f"reading {request.data.name}"):
        table = read_own_table(request)
    _tell_table(table, request.data, rejects)
    rules = table.policy(policy)
    with steps(expected=20) as progress:
        validation = None
        if validate_first:
            validation = table.validated(rules, threads=threads, progress=progress)
            grid = validation.grid()
            out.print(table_of(grid.title, grid.columns, grid.rows))
        result = table.trained(
            rules,
            order=order,
            validation=validation,
            signer=signer,
            state=state,
            threads=threads,
            progress=progress,
        )
    if policy is None:
        out.print(
            "No policy was given: tiers stand around the bad rate, as `tierwise policy draft` proposes, and "
            "nobody has declared within how many months the outcome happens.",
            soft_wrap=True,
        )
    out.print(
        f"{result.registration.model_version} is the candidate (run {result.registration.run_id}). "
        f"Score with it: tierwise score TABLE OUT --model {result.registration.model_version}",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip


def _tell_table(table: "OwnTable", data: Path, rejects: Path | None) -> None:
    """Print what was read, and write the rows kept apart to a file."""
    from training.customers import write_rejects

    read = table.customers
    out.print(
        f"{read.read:,} rows read, {len(read.data):,} customers with a known outcome, {table.bad:,} bad "
        f"({table.bad_rate:.1%}), {len(read.rejects):,} kept apart. "
        f"Outcomes: {read.outcomes.line()}.",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip
    if read.rejects:
        file = rejects or Path(f"{data.name.split('.')[0]}.rejects.csv")
        write_rejects(read, file)
        out.print(f"Rows kept apart, with their reasons: {file}.", markup=False, soft_wrap=True)
    if read.ignored:
        out.print(f"Columns not used: {', '.join(read.ignored)}.", markup=False, soft_wrap=True)
    tell_absent(read.absent)
