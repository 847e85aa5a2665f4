"""Options that several commands share, on which catalog, policy and model are meant."""

from pathlib import Path
from typing import Annotated

import typer

from features.terms import Language

StateOption = Annotated[
    Path | None,
    typer.Option("--state", help="Where MLflow's store lies (default: TIERWISE_STATE or .state)."),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model", help="A registered model with its catalog and policy: NAME, NAME@candidate or NAME/3."
    ),
]
CatalogOption = Annotated[
    str | None, typer.Option("--catalog", help="A catalog: a YAML file, or the name of a bundled one.")
]
PolicyOption = Annotated[
    str | None, typer.Option("--policy", help="A policy: a YAML file, or the name of a bundled one.")
]
LanguageOption = Annotated[Language, typer.Option("--language", help="Of names, reasons and strategies.")]
