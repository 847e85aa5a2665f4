"""What MLflow shows first of an experiment, a registered model and a version: what it is, and where all that
a reviewer needs is found.

A version's description is written from what the store holds, and so anew whenever a review is added.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from features.catalog import Catalog
from models import registry
from training.parts import Part, RunKind

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

# On runs and versions: what their reviews say together.
VERDICT_TAG, NOT_REVIEWED = "verdict", "not_reviewed"

_SHOWN = {"auc": "AUC", "log_loss": "log-loss", "brier": "Brier", "ece": "ECE"}
_SPLITS = {
    RunKind.YEAR.split_name: "walk-forward, all years",
    RunKind.VALIDATION.split_name: "held out before training",
    RunKind.FOLD.split_name: "cross-validation, all folds",
}
_FOLDERS = {
    registry.RUN_FOLDER: "the points document, catalog and policy, as they are served",
    "plots": "calibration, tiers by year, what each indicator does",
    "boosters": "the trees before they were compiled",
    registry.REVIEW_FOLDER: "what reviewers were told",
    "card": "the model card",
    "notebooks": "the reviewer's notebooks, as they ran",
}
_REVIEW = re.compile(
    re.escape(registry.REVIEW_TAG.format(kind="KIND", what="verdict")).replace("KIND", "(.+)")
)
# Without it the interface shows the pages of another kind of work.
_WORKFLOW = "workflowType=machine_learning"
# A training has fewer parts than this.
_MOST_PARTS = 200


_EXPERIMENT = """\
Trainings on the portfolio **{portfolio}** ({name}). Each is one run; below it stand, as runs of their \
own, the years of the walk-forward, the folds of the cross-validation, and the parts held out for \
validation.

- Parameters and metrics have the same names in all runs: select some and press *Compare*. A year's \
`walk_forward/…`, a fold's `cross_validation/…` and a held-out part's `validation/…` are of that part \
alone, the training's of all parts together.
- Find runs by tag, such as `tags.kind = 'training'`: `kind` (training, year, fold, validation), \
`verdict`, `catalog`, `policy`, `synthetic`, `tierwise` (the product's version).
- Data sets are told by SHA-256, columns and counts. No customer's value is stored here, and nothing is \
told of fewer than 20 customers.
- Folds' probabilities are calibrated by what was fitted to all folds' held-out customers together: they \
ranked as is said, but their level is known in hindsight. That of years is not.
"""

_PORTFOLIO = """\
Models of the portfolio **{portfolio}** ({name}): points tables that put customers into tiers and \
explain each exactly. The description of a version says where its evidence is; its tag `verdict` sums up \
its reviews.
"""


def experiment_note(catalog: Catalog) -> str:
    """Return what is said of a portfolio's experiment, in Markdown."""
    return _EXPERIMENT.format(portfolio=catalog.catalog, name=catalog.names.en)


def portfolio_description(catalog: Catalog) -> str:
    """Return what is said of a registered model, in Markdown."""
    return _PORTFOLIO.format(portfolio=catalog.catalog, name=catalog.names.en)


def part_note(part: Part) -> str:
    """Return what is said of the run of a fold or a year."""
    training, evaluated = part.training, part.evaluated
    if not (training.dated and evaluated.dated):
        return (
            f"{part.name.capitalize()}: trained on {training.customers:,} customers, judged on "
            f"{evaluated.customers:,} others, without days."
        )
    return (
        f"{part.name.capitalize()}: trained on {training.customers:,} customers evaluated from "
        f"{training.first_as_of} to {training.last_as_of}, judged on {evaluated.customers:,} from "
        f"{evaluated.first_as_of} to {evaluated.last_as_of}."
    )


def run_note(name: str, version: str) -> str:
    """Return what is said of the run of a training that was registered."""
    label = registry.model_version(name, version)
    address = f"#/models/{name}/versions/{version}?{_WORKFLOW}"
    return f"Registered as [{label}]({address}), whose description links to all that a reviewer needs."


def refresh_description(name: str, version: str, state: str | Path | None = None) -> None:
    """Write a version's description anew from its run and the reviews recorded by now; the tag `verdict` of
    both sums these up.

    Call it after `models.registry.record_review`; whatever somebody wrote into the description is replaced.

    Args:
        name: the model, such as `sba`.
        version: which of its versions.
        state: the directory of MLflow's store.

    Raises:
        RegistryError: no such version, or MLflow refuses.
    """
    client = registry.connect(state)
    with registry.one_line_errors(
        f"model {registry.model_version(name, version)}: its description cannot be written"
    ):
        found = client.get_model_version(name, version)
        run = client.get_run(found.run_id or "")
        client.update_model_version(name, version, _version_description(client, found, run))
        verdict = overall_verdict(_verdicts(found))
        client.set_model_version_tag(name, version, VERDICT_TAG, verdict)
        client.set_tag(run.info.run_id, VERDICT_TAG, verdict)


def overall_verdict(verdicts: Mapping[str, str]) -> str:
    """Return what reviews, verdicts by kind, say together.

    `failed` where one failed, else `not_reviewed` while battery or reasons are not recorded, which a
    promotion needs; `passed` where all passed, else the first that is neither.
    """
    judged = sorted(verdict for verdict in verdicts.values() if verdict != registry.RECORDED)
    if "failed" in judged:
        return "failed"
    if not {registry.BATTERY, registry.REASONS} <= verdicts.keys():
        return NOT_REVIEWED
    return next((verdict for verdict in judged if verdict != "passed"), "passed")


def _verdicts(version: "ModelVersion") -> dict[str, str]:
    """Return the verdicts of the reviews recorded of a version, by kind."""
    return {
        match[1]: verdict
        for key, verdict in sorted(version.tags.items())
        if (match := _REVIEW.fullmatch(key)) is not None
    }


def _version_description(client: "MlflowClient", version: "ModelVersion", run: "Run") -> str:
    pages = _Pages(str(run.info.experiment_id))
    parameters, metrics, tags = run.data.params, run.data.metrics, run.data.tags
    as_of, days = ("on", " without days") if parameters.get("dated") == str(False) else ("as of", "")
    lines = [
        f"Catalog `{tags.get('catalog', 'not recorded')}`, policy `{tags.get('policy', 'not recorded')}`"
        + (", **synthetic data**" if tags.get("synthetic") == "true" else "")
        + f": trained {as_of} {parameters.get('training_date', 'a day not recorded')} on "
        f"{_count(parameters.get('customers'))} customers{days}, {_count(parameters.get('bad'))} of them "
        f"bad, and checked in run [{run.info.run_name}]({pages.run(run.info.run_id)}).",
    ]
    if "explanations/rows" in metrics:
        lines.append(
            f"Explanations of {int(metrics['explanations/rows']):,} customers were recomputed by shap; the "
            "stored model decides alike."
        )
    hashes = {name: value for name, value in version.tags.items() if name.endswith(("_hash", "_sha256"))}
    for heading, part in (
        ("Reviews", _reviews(version, pages)),
        ("Figures", _figures(metrics)),
        ("Pages", _pages(client, run, pages)),
        ("SHA-256", [f"- {name}: `{value}`" for name, value in sorted(hashes.items())]),
    ):
        # MLflow draws headings like any text, and leaves no space below a table.
        space = ["&nbsp;", ""] if lines[-1].startswith("|") else []
        lines += ["", *space, f"**{heading}**", "", *part]
    return "\n".join(lines)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table; MLflow draws them without space between columns, so it is added."""
    spaced = ["| " + " | ".join(f"{cell}&emsp;" for cell in row) + " |" for row in (header, *rows)]
    return [spaced[0], "| --- " * len(header) + "|", *spaced[1:]]


def _reviews(version: "ModelVersion", pages: "_Pages") -> list[str]:
    verdicts = _verdicts(version)
    if not verdicts:
        return ["None recorded yet."]
    rows = []
    for kind, verdict in verdicts.items():
        path = f"{registry.REVIEW_FOLDER}/{kind}.json"
        sha256 = version.tags.get(registry.REVIEW_TAG.format(kind=kind, what="sha256"), "")
        link = f"[{path}]({pages.artefact(version.run_id or '', path)})"
        rows.append((kind, f"**{verdict.replace('_', ' ')}**", link, f"`{sha256[:12]}…`"))
    return _table(("review", "verdict", "document", "SHA-256"), rows)


def _figures(metrics: Mapping[str, float]) -> list[str]:
    """Return the table of what was measured on whole splits."""
    rows = []
    for split, words in _SPLITS.items():
        scorers = [name.split("/")[1] for name in metrics if re.fullmatch(f"{split}/[^/]+/n", name)]
        for scorer in sorted(scorers, key=lambda name: (name != "model", name)):
            of = {figure: metrics.get(f"{split}/{scorer}/{figure}") for figure in _SHOWN}
            figures = ("" if value is None else f"{value:.4f}" for value in of.values())
            n = int(metrics[f"{split}/{scorer}/n"])
            rows.append((words, scorer.replace("_", " "), f"{n:,}", *figures))
    return _table(("judged on", "scorer", "customers", *_SHOWN.values()), rows)


def _pages(client: "MlflowClient", run: "Run", pages: "_Pages") -> list[str]:
    """Return the list of pages: folders of the run, its parts, the stored model, and the other runs."""
    lines = []
    for file in client.list_artifacts(run.info.run_id):
        what = f": {_FOLDERS[file.path]}" if file.path in _FOLDERS else ""
        name = f"{file.path}/" if file.is_dir else file.path
        lines.append(f"- [{name}]({pages.artefact(run.info.run_id, file.path)}){what}")
    # A version knows where its model lies, but not which it is.
    for model in run.outputs.model_outputs if run.outputs else ():
        lines.append(f"- [Stored model]({pages.model(model.model_id)}): signature, requirements, files")
    children = client.search_runs(
        [run.info.experiment_id],
        filter_string=f"tags.`mlflow.parentRunId` = '{run.info.run_id}'",
        max_results=_MOST_PARTS,
    )
    for kind, words in (
        (RunKind.YEAR, "Years of the walk-forward"),
        (RunKind.VALIDATION, "Parts held out before training"),
        (RunKind.FOLD, "Folds of the cross-validation"),
    ):
        lines += _parts(words, _of_kind(children, kind), pages)
    lines += [
        f"- All runs of this training: [list]({pages.runs(parent=run.info.run_id)})",
        f"- Trainings on this portfolio: [list]({pages.runs(kind=RunKind.TRAINING)})",
    ]
    return lines


def _of_kind(runs: Sequence["Run"], kind: RunKind) -> dict[int, str]:
    """Return the ids of the runs of one kind by their numbers, in order."""
    return dict(
        sorted(
            (int(run.data.params[kind]), run.info.run_id)
            for run in runs
            if run.data.tags.get("kind") == kind and kind in run.data.params
        )
    )


def _parts(words: str, runs: Mapping[int, str], pages: "_Pages") -> list[str]:
    if not runs:
        return []
    links = " · ".join(f"[{number}]({pages.run(run_id)})" for number, run_id in runs.items())
    beside = f"; [beside each other]({pages.compared(list(runs.values()))})" if len(runs) > 1 else ""
    return [f"- {words}: {links}{beside}"]


class _Pages:
    """Addresses within MLflow's interface, of one experiment's pages."""

    def __init__(self, experiment: str) -> None:
        self._experiment = experiment

    def run(self, run_id: str) -> str:
        return self._at(f"runs/{run_id}")

    def artefact(self, run_id: str, path: str) -> str:
        return self._at(f"runs/{run_id}/artifacts/{path}")

    def model(self, model_id: str) -> str:
        return self._at(f"models/{model_id}")

    def runs(self, *, kind: RunKind | None = None, parent: str | None = None) -> str:
        condition = f"tags.`mlflow.parentRunId` = '{parent}'" if parent else f"tags.kind = '{kind}'"
        return self._at("runs", f"&searchFilter={quote(condition, safe='')}")

    def compared(self, run_ids: Sequence[str]) -> str:
        of = {"runs": list(run_ids), "experiments": [self._experiment]}
        query = "&".join(
            f"{key}={quote(json.dumps(value, separators=(',', ':')), safe='')}" for key, value in of.items()
        )
        # In this order: MLflow reads the first by a name that begins with the question mark.
        return f"#/compare-runs?{query}&{_WORKFLOW}"

    def _at(self, path: str, query: str = "") -> str:
        return f"#/experiments/{self._experiment}/{path}?{_WORKFLOW}{query}"


def _count(text: str | None) -> str:
    return f"{int(text):,}" if text is not None and text.isdigit() else "an unrecorded number of"
