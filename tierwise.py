"""The command line, `tierwise`: the only module that knows all four packages."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from features import commands as of_features
from features.options import BadOption, DelimiterOption, EncodingOption, ThreadsOption
from features.terminal import BadInput, err, out, steps, table_of
from features.terms import Language
from models import commands as of_models
from models.options import CatalogOption, LanguageOption, ModelOption, PolicyOption, StateOption
from models.sign_off import SignOff
from serving import adoption_commands as of_adoptions
from serving import case_commands as of_cases
from serving import commands as of_serving
from serving import notice_commands as of_notices
from serving import procedure_commands as of_procedures
from serving import promotion_commands as of_promotion
from serving import review_commands as of_reviews
from serving import store_commands as of_store
from serving import strategy_commands as of_strategies
from serving import supervision_commands as of_supervision
from serving.store_options import (
    KEYS_VARIABLE,
    STORE_VARIABLE,
    KeysOption,
    ProcedureOption,
    StoreOption,
    opened,
    read_day,
)
from training import commands as of_training
from training import notebook_commands as of_notebooks
from training import sample_commands as of_sample
from training.battery import commands as of_battery
from training.card import commands as of_card
from training.card.commands import CardLanguage
from training.commands import LabelOption
from training.monitoring import commands as of_monitoring
from training.recording import keep_review

if TYPE_CHECKING:
    from datetime import date

    from models.decision import Scorer
    from serving.served import Served
    from serving.store.store import Store
    from training.monitoring.period import Period
    from training.sample import Sample

# The key of a caller who may score, for a service that asks who calls.
API_KEY_VARIABLE = "TIERWISE_API_KEY"

ArtefactOption = Annotated[
    Path | None, typer.Option("--artefact", help="A model's points document, with --catalog and --policy.")
]
RecordOption = Annotated[
    bool | None,
    typer.Option(
        "--record/--no-record",
        help="Keep the document with the registered version. [unless it is promoted already]",
    ),
]

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
catalog_app = typer.Typer(no_args_is_help=True, help="Catalogs of indicators.")
groups: dict[str, typer.Typer] = {}
policy_app = typer.Typer(no_args_is_help=True, help="Policies: tiers, cut-offs and strategies.")


@app.callback()
def tierwise() -> None:
    """Puts every customer into one of four tiers, and justifies each tier exactly."""


@app.command()
def demo(state: StateOption = None, threads: ThreadsOption = 2) -> None:
    """Run the main job on the bundled real sample and show what it found."""
    from training.report import walk_forward_grids
    from training.sample import NAME, train_sample

    sample = of_training.built_sample()
    with steps(expected=22) as progress:
        result = train_sample(sample, state=state, threads=threads, progress=progress)
    _print_sample(sample)
    for grid in walk_forward_grids(result.years):
        out.print()
        out.print(table_of(grid.title, grid.columns, grid.rows))
    registration, facts = result.registration, result.trained.model.training
    out.print(
        f"\n[bold]{registration.model_version}[/bold] is the candidate: trained on {facts['customers']:,} "
        f"loans, {facts['bad']:,} of them charged off; the explanations of "
        f"{registration.verification.rows:,} recomputed by shap differ by "
        f"{registration.verification.largest_difference:.1e} at most."
    )
    _show_portfolio(sample, result.scorer, registration.model_version)
    out.print(
        f"\nServe it: [bold]./run serve --model {NAME}[/bold]   Look at the run: [bold]./run mlflow[/bold]"
    )


@app.command()
def battery(
    model: ModelOption = None,
    artefact: ArtefactOption = None,
    catalog: CatalogOption = None,
    policy: PolicyOption = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="A table of later customers with outcomes: .csv, .parquet or .xlsx."),
    ] = None,
    label: LabelOption = None,
    bad: BadOption = None,
    reference: Annotated[
        Path | None,
        typer.Option(
            "--reference",
            help="A table of the customers trained on, to compare with and to fit challengers on. "
            "[the reference recorded with the model, else those of --data until its training]",
        ),
    ] = None,
    sample: Annotated[
        bool,
        typer.Option("--sample", help="Train on the bundled sample before --year, and judge on that year."),
    ] = False,
    year: Annotated[
        int, typer.Option("--year", min=2001, max=2010, help="The year of the sample to judge on.")
    ] = 2010,
    limits: Annotated[
        Path | None,
        typer.Option("--limits", help="A YAML file with what is tolerated (training/battery/limits.py)."),
    ] = None,
    json: Annotated[
        Path | None, typer.Option("--json", help="Where the document goes, for a record or a page.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Where the checks go as CSV, with what lies beneath each.")
    ] = None,
    whole: Annotated[
        bool,
        typer.Option("--whole", help="Print also every check that passed for one of several things."),
    ] = False,
    record: RecordOption = None,
    encoding: EncodingOption = None,
    delimiter: DelimiterOption = None,
    language: LanguageOption = Language.EN,
    state: StateOption = None,
    threads: ThreadsOption = 2,
) -> None:
    """Validate a model on later customers with outcomes; exit code 1 if a check failed."""
    from models import registry
    from serving.chosen import chosen_served
    from training.battery.result import Verdict
    from training.own_table import TableRequest

    if sample:
        if model or artefact or catalog or policy or data or reference:
            raise BadInput("--sample trains a model of its own: leave out --model and --data, or --sample")
        report = of_battery.judge_sample(year, limits, threads)
    else:
        if data is None:
            raise BadInput("name the customers to judge on with --data TABLE, or take --sample")
        if artefact is not None and not (catalog and policy):
            raise BadInput("--artefact needs the --catalog and the --policy that it was trained for")
        served = chosen_served(model, catalog, policy, state, artefact)
        request = TableRequest(
            data, served.scorer.catalog.catalog, label, tuple(bad or ()), encoding, delimiter
        )
        recorded = None
        if reference is None:
            recorded = of_monitoring.recorded_mixes(served.scorer, served.model_version, state)
        report = of_battery.judge_table(
            served.scorer, served.model_version, request, reference, recorded, limits, threads, language
        )
    of_battery.tell(report, language, whole, json, csv)
    keep_review(
        registry.BATTERY,
        report.subject.model_version,
        report.document(),
        str(report.verdict),
        state=state,
        wanted=record,
        language=language,
    )
    if report.verdict is Verdict.FAILED:
        raise typer.Exit(1)


@app.command()
def card(
    model: Annotated[
        str, typer.Option("--model", help="A registered model: its name, also as NAME/3 or NAME@candidate.")
    ],
    version: Annotated[
        str | None,
        typer.Option("--version", help="A number, or an alias. [the champion, else the candidate]"),
    ] = None,
    language: Annotated[
        CardLanguage, typer.Option("--language", help="That it is written in.")
    ] = CardLanguage.ALL,
    folder: Annotated[
        Path, typer.Option("--folder", help="Where the files go, which is made if it is not there.")
    ] = Path(),
    record: Annotated[
        bool,
        typer.Option(
            "--record",
            help="Also keep the files with the version's run in MLflow, without what was written in signing.",
        ),
    ] = False,
    store: StoreOption = None,
    keys: KeysOption = None,
    state: StateOption = None,
) -> None:
    """Write a version's model card, each figure with its source; with --store or --keys, who signed it."""
    recorded = of_card.recorded_version(model, version, state)
    signed: list[SignOff] = []
    if store or keys or STORE_VARIABLE in os.environ or KEYS_VARIABLE in os.environ:
        from serving.reviews.signed import sign_offs_of

        with opened(store, keys) as found:
            signed = sign_offs_of(found, recorded.hashes)
    of_card.write_card(recorded, signed, language, folder, record, state)


def check_reasons(
    model: Annotated[
        str, typer.Option("--model", help="A registered model: NAME, NAME@ALIAS or NAME/VERSION.")
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", help="A table of customers: .csv, .parquet or .xlsx. [of sba, the bundled sample]"
        ),
    ] = None,
    sample_size: Annotated[
        int,
        typer.Option(
            "--sample-size",
            min=1,
            help="Customers drawn; half as many variants are added. A promotion needs 50 or more.",
        ),
    ] = 200,
    url: Annotated[
        str | None,
        typer.Option("--url", help="A running service to ask, such as http://127.0.0.1:3000. [this process]"),
    ] = None,
    json: Annotated[Path | None, typer.Option("--json", help="Where the document goes.")] = None,
    record: RecordOption = None,
    state: StateOption = None,
) -> None:
    """Recompute served answers by independent code; exit code 1 if a number, tier or reason differs."""
    from models import registry
    from serving.asking import asking_at, asking_here
    from serving.promotion.told import LEAST_ASKED
    from serving.served import served_of
    from training import independent, raw_customers
    from training.independent import commands as of_reasons
    from training.sample import NAME

    found = registry.load_documents(model, state)
    if data is None and found.name != NAME:
        raise BadInput(f"name the customers to ask about with --data TABLE; only {NAME} has a bundled sample")
    boosters = registry.load_boosters(found.name, found.version, state=state)
    label = registry.model_version(found.name, found.version)
    served = served_of(found.catalog, found.policy, found.artefact, label)
    if data is None:
        drawn = raw_customers.drawn_from(of_training.built_sample().data.portfolio, sample_size)
    else:
        drawn = raw_customers.draw_customers(data, served.scorer.catalog, sample_size)
        out.print(f"{len(drawn.customers):,} of {drawn.of:,} customers drawn, {drawn.rejected:,} kept apart.")
    with steps(expected=6) as progress:
        report = independent.check(
            independent.Documents(found.artefact, found.catalog, found.policy, boosters),
            drawn.customers,
            asking_here(served) if url is None else asking_at(url, os.environ.get(API_KEY_VARIABLE)),
            model_version=label,
            progress=progress,
        )
    of_reasons.tell(report, json)
    keep_review(registry.REASONS, label, report.document(), str(report.verdict), state=state, wanted=record)
    if report.subject.customers < LEAST_ASKED:
        out.print(
            f"Too few for a promotion, which needs {LEAST_ASKED} customers or more: ask again with a larger "
            "--sample-size, or a larger table.",
            markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip
    if report.verdict is independent.Verdict.FAILED:
        raise typer.Exit(1)


@app.command()
def monitor(
    model: ModelOption = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", help="A table of later customers: .csv, .parquet or .xlsx. [the store's own decisions]"
        ),
    ] = None,
    label: LabelOption = None,
    bad: BadOption = None,
    first: Annotated[str | None, typer.Option("--from", help="The first day of evaluation.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="The last day of evaluation.")] = None,
    on: Annotated[
        str | None, typer.Option("--on", help="The day by which what is known counts. [today]")
    ] = None,
    artefact: ArtefactOption = None,
    catalog: CatalogOption = None,
    policy: PolicyOption = None,
    reference: Annotated[
        Path | None,
        typer.Option("--reference", help="The reference of the training. [the one recorded with the model]"),
    ] = None,
    limits: Annotated[
        Path | None,
        typer.Option("--limits", help="A YAML file with what is tolerated (training/monitoring/limits.py)."),
    ] = None,
    json: Annotated[Path | None, typer.Option("--json", help="Where the document goes.")] = None,
    whole: Annotated[
        bool,
        typer.Option("--whole", help="Print also the checks of many that give no alarm."),
    ] = False,
    cases: Annotated[
        bool, typer.Option("--cases", help="Open a case in the store for each kind of alarm.")
    ] = False,
    procedure: ProcedureOption = None,
    store: StoreOption = None,
    keys: KeysOption = None,
    encoding: EncodingOption = None,
    delimiter: DelimiterOption = None,
    language: LanguageOption = Language.EN,
    state: StateOption = None,
) -> None:
    """Compare a period's customers with those a model was trained on; exit code 1 if there is an alarm."""
    from datetime import date

    from serving.chosen import chosen_served
    from serving.governing import governing_served
    from training.own_table import TableRequest

    begin, end, day = (None if text is None else read_day(text) for text in (first, last, on))
    tolerated = of_monitoring.limits_of(limits)
    if artefact is not None and not (catalog and policy):
        raise BadInput("--artefact needs the --catalog and the --policy that it was trained for")
    if data is None:
        with opened(store, keys) as found:
            served = governing_served(found, model, catalog, policy, state)
            day = day or found.clock().date()
            compared_with = of_monitoring.reference_of(served.model_version, reference, state)
            period = _own_period(found, served, begin, end, day, language)
    else:
        served = chosen_served(model, catalog, policy, state, artefact)
        compared_with = of_monitoring.reference_of(served.model_version, reference, state)
        request = TableRequest(
            data, served.scorer.catalog.catalog, label, tuple(bad or ()), encoding, delimiter
        )
        period = of_monitoring.read_table(request, served.scorer.catalog, begin, end, language)
    report = of_monitoring.compare(
        served.scorer, served.model_version, compared_with, period, day or date.today(), tolerated
    )
    of_monitoring.tell(report, language, whole, json)
    if not report.alarms:
        return
    if cases:
        documents = [report.alarm_document(kind) for kind in report.alarms]
        of_cases.open_alarm_cases(documents, procedure, store, keys)
    raise typer.Exit(1)


def _own_period(
    store: "Store",
    served: "Served",
    first: "date | None",
    last: "date | None",
    on: "date",
    language: Language,
) -> "Period":
    """Return the store's own decisions of a period by what is served, with what became of the customers."""
    from serving.reviews.adoptions import ServedSet
    from serving.supervision.monitored import decided_in
    from serving.supervision.period import period_of
    from training.battery.table_words import said
    from training.monitoring.period import Period
    from training.monitoring.words import OF_STORE

    days = period_of(first, last or on, on)
    with store.reading() as connection:
        decided = decided_in(
            connection, store.keyring, served.scorer.catalog, ServedSet.of(served).hashes, days, on
        )
    told = said(
        language,
        OF_STORE,
        decisions=f"{len(decided.portfolio):,}",
        first=days.first,
        last=days.last,
        outcomes=f"{int(decided.known.sum()):,}",
        others=f"{decided.others:,}",
        erased=f"{decided.erased:,}",
    )
    out.print(told, highlight=False, soft_wrap=True)
    return Period.decided(decided.portfolio, decided.bad, decided.known, decided.known_on)


app.command()(of_training.train)
app.command()(of_notebooks.notebooks)
app.command("sample")(of_sample.write_sample)
app.command()(of_features.build)
app.command()(of_features.simulate)
app.command()(of_serving.score)
app.command()(of_serving.explain)
app.command()(of_serving.path)
app.command()(of_serving.serve)
app.command()(of_models.key)
app.command()(of_models.sign)
app.command()(of_serving.export)
app.add_typer(catalog_app, name="catalog")
catalog_app.command("draft")(of_features.draft_catalog)
catalog_app.command("weigh")(of_serving.weigh_catalog)
catalog_app.command("example")(of_serving.example)
catalog_app.command("check")(of_models.check_catalog)
app.add_typer(policy_app, name="policy")
policy_app.command("draft")(of_models.draft_policy)
for name, help_ in (
    ("store", "Where decisions, tiers in force, cases and the audit trail are kept."),
    ("access", "API keys: who may call the service, and as what."),
    ("keys", "The keyring."),
    ("customer", "Customers in the store."),
    ("audit", "The audit trail."),
    ("case", "Adjustment cases: proposed by one, approved by another."),
    ("task", "What tiers in force ask to be done, by whom and by when."),
    ("notice", "Notices of changes, to customers and departments."),
    ("procedure", "Procedures: how the Measures are carried out, as files to edit."),
    ("adopt", "What governs: procedure, catalog and policy, proposed by one and approved by others."),
    ("outcome", "What became of customers."),
    ("inspect", "Random samples of decisions for inspection, findings and remedies."),
    ("reasons", "The truth of reasons."),
):
    groups[name] = typer.Typer(no_args_is_help=True, help=help_)
    app.add_typer(groups[name], name=name)
app.command()(of_reviews.evaluate)
app.command()(of_reviews.due)
app.command()(of_reviews.event)
app.command()(of_reviews.tier)
app.command()(of_reviews.replay)
app.command()(of_strategies.listed)
app.command()(of_strategies.overdue)
app.command()(of_strategies.deliver)
app.command()(of_strategies.tick)
app.command()(of_supervision.supervise)
app.command()(of_promotion.promote)
app.command()(of_promotion.rollback)
app.command()(of_promotion.shadow)
for group, name, command in (
    ("store", "create", of_store.create),
    ("store", "upgrade", of_store.upgrade),
    ("access", "create", of_store.create_key),
    ("access", "revoke", of_store.revoke_key),
    ("access", "list", of_store.list_keys),
    ("keys", "rotate", of_store.rotate_master),
    ("keys", "prune", of_store.prune_masters),
    ("customer", "import", of_notices.import_particulars),
    ("customer", "webhook-secret", of_notices.webhook_secret),
    ("customer", "erase", of_store.erase_customer),
    ("audit", "verify", of_store.verify_audit),
    ("audit", "vouch", of_store.vouch_rows),
    ("audit", "aliases", of_promotion.check_aliases),
    ("case", "list", of_cases.list_cases),
    ("case", "show", of_cases.show_case),
    ("case", "propose", of_cases.propose_case),
    ("case", "remedy", of_cases.propose_remedy),
    ("case", "approve", of_cases.approve_case),
    ("case", "reject", of_cases.reject_case),
    ("case", "pull-out", of_cases.pull_out_of_case),
    ("task", "list", of_strategies.list_tasks),
    ("task", "done", of_strategies.finish_task),
    ("notice", "run", of_notices.run_notices),
    ("notice", "list", of_notices.list_notices),
    ("notice", "retry", of_notices.retry_notice),
    ("case", "withdraw", of_cases.withdraw_case),
    ("procedure", "example", of_procedures.example),
    ("procedure", "check", of_procedures.check),
    ("adopt", "propose", of_adoptions.propose),
    ("adopt", "show", of_adoptions.show),
    ("outcome", "import", of_supervision.import_outcomes),
    ("inspect", "draw", of_supervision.draw),
    ("inspect", "list", of_supervision.list_items),
    ("inspect", "record", of_supervision.record),
    ("inspect", "remedied", of_supervision.remedied),
    ("inspect", "redraw", of_supervision.redraw),
    ("reasons", "check", check_reasons),
):
    groups[group].command(name)(command)


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
        _in_our_words(error)
        text = f"{usage()} (see --help)" if usage else str(error)
        message = " ".join(text.split()) or type(error).__name__
        err.print(f"tierwise: {message}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(2)


def _in_our_words(error: Exception) -> None:
    """Say what is wrong with an option's value as it is said everywhere else, not as pydantic does."""
    cause: Any = error.__cause__
    if hasattr(error, "message") and hasattr(cause, "errors"):
        from features.declared_errors import reason_of

        error.message = reason_of(cause.errors(include_input=False, include_url=False)[0])


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
    "features.terminal": "BadInput",
    "models.artefact": "ArtefactError",
    "models.booster": "Untrainable",
    "models.compilation": "NotCompilable",
    "models.decision": "UnexplainedScore",
    "models.export_dialects": "NotExportable",
    "models.registry": "RegistryError",
    "models.signature": "SignatureError",
    "models.weights": "UnfitWeights",
    "serving.access.api_keys": "AccessError",
    "serving.asking": "NoAnswer",
    "serving.audit.chain": "AuditError",
    "serving.confidential.keyring": "KeyringError",
    "serving.confidential.sealing": "SealError",
    "serving.launch": "CannotServe",
    "serving.notices.outbox": "NoticeError",
    "serving.reviews.cases": "CaseError",
    "serving.reviews.events": "EventError",
    "serving.reviews.replay": "UnknownDecision",
    "serving.store.customers": "UnknownCustomer",
    "serving.store.database": "StoreError",
    "serving.strategies.following": "UnknownList",
    "serving.strategies.tasks": "TaskError",
    "serving.settings": "SettingsError",
    "serving.supervision.inspection": "InspectionError",
    "serving.supervision.period": "PeriodError",
    "serving.promotion.recomputed": "ShadowError",
    "training.battery.evidence": "NotJudgeable",
    "training.card.pdf": "CannotSet",
    "training.independent.documents": "NotCheckable",
    "training.notebooks": "NotebookError",
    "training.tracking": "TrackingError",
    "training.verification": "ExplanationMismatch",
}


def _expected() -> tuple[type[Exception], ...]:
    """Return those errors that can have been raised: nothing is imported for it, which would take seconds."""
    loaded = ((sys.modules.get(module), name) for module, name in EXPECTED.items())
    return tuple(getattr(module, name) for module, name in loaded if module is not None)


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
    title = f"The candidate on the newest {len(newest):,} (trained on)"
    out.print()
    out.print(table_of(title, ("tier", "customers", "share", "bad"), rows))
    for tier in (RATED_TIERS[0], RATED_TIERS[2], RATED_TIERS[3]):
        of_tier = np.flatnonzero(decisions.tiers == tier)
        if len(of_tier):
            middle = of_tier[np.argsort(decisions.score[of_tier], kind="stable")[len(of_tier) // 2]]
            out.rule(f"a customer in the middle of tier {tier}")
            out.print(render(answer(decisions, int(middle), model_version=model_version), scorer))


if __name__ == "__main__":
    main()
