"""What MLflow shows of a registered version first: where everything that a reviewer needs is found."""

from collections.abc import Mapping, Sequence

from training.metrics import Metrics

_SHOWN = ("auc", "log_loss", "brier", "ece")
_PLACES = (
    ("`model/`", "the points document, catalog and policy, as they are served"),
    ("`plots/`", "calibration, tiers by year, what each indicator does"),
    ("`boosters/`", "the trees before they were compiled"),
)


_CARD = "the model card, in three languages, with the source of each figure"


def with_card(description: str, experiment: str, run_id: str) -> str:
    """Return a version's description with where its card is found, which it says once."""
    run = f"#/experiments/{experiment}/runs/{run_id}"
    line = f"- `card/` in the [run's artifacts]({run}/artifacts): {_CARD}"
    return description if line in description.splitlines() else f"{description}\n{line}".lstrip()


def version_description(
    experiment: str,
    run_id: str,
    hashes: Mapping[str, str],
    measured: Sequence[tuple[str, str, Metrics]],
    checked_rows: int,
) -> str:
    """Return the description (Markdown) of a version.

    Args:
        experiment: its id in MLflow.
        run_id: of the training.
        hashes: SHA-256 of what determines the model, by name.
        measured: scorer, split and metrics, of splits large enough to be shown.
        checked_rows: customers whose explanations `shap` recomputed.
    """
    run = f"#/experiments/{experiment}/runs/{run_id}"
    checked = (
        f"Explanations of {checked_rows:,} customers were recomputed by shap; the stored model decides alike."
    )
    lines = [f"Trained and checked in run [{run_id}]({run}). {checked}", ""]
    if measured:
        lines += [
            f"| split | scorer | customers | {' | '.join(_SHOWN)} |",
            "| --- " * (3 + len(_SHOWN)) + "|",
        ]
        for scorer, split, metrics in measured:
            known = metrics.known()
            figures = (f"{known[name]:.4f}" if name in known else "" for name in _SHOWN)
            lines.append(f"| {split} | {scorer} | {metrics.n:,} | {' | '.join(figures)} |")
        lines.append("")
    lines += [f"- {place} in the [run's artifacts]({run}/artifacts): {what}" for place, what in _PLACES]
    lines += [f"- {name}: `{value}`" for name, value in hashes.items()]
    return "\n".join(lines)
