"""The commands of this package: key, sign, catalog check and policy draft."""

from pathlib import Path
from typing import Annotated

import typer

from features.terminal import BadInput, out
from models.options import PolicyOption


def key(output: Annotated[Path, typer.Argument(help="A new file for the private key, in PEM.")]) -> None:
    """Make a key that signs models, and print its public part for a file of TIERWISE_TRUSTED_KEYS."""
    from models.signature import new_key, public_text

    typer.echo(public_text(new_key(output)))


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


def draft_policy(
    catalog: Annotated[str, typer.Argument(help="A YAML file, or the name of a bundled catalog.")],
    bad_rate: Annotated[
        float,
        typer.Option("--bad-rate", help="The share of customers with the adverse outcome, such as 0.07."),
    ],
    outcome: Annotated[
        str | None, typer.Option("--outcome", help="What the adverse outcome is called. [the catalog's]")
    ] = None,
    months: Annotated[
        int | None,
        typer.Option("--months", min=1, help="Within how many months the outcome happens. [not declared]"),
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
    typer.echo(to_yaml(drafted_policy(declared, bad_rate, named, months)), nl=False)
