"""The commands of procedures: procedure example and procedure check."""

from pathlib import Path
from typing import Annotated

import typer

from features.terminal import BadInput, out


def example(
    file: Annotated[Path | None, typer.Option("--file", help="Where it goes, a new file. [printed]")] = None,
) -> None:
    """Print the default procedure as YAML to edit: every setting, with what it is for."""
    from serving.procedure_example import example_procedure

    text = example_procedure()
    if file is None:
        typer.echo(text, nl=False)
        return
    try:
        with file.open("x", encoding="utf-8") as new:
            new.write(text)
    except FileExistsError:
        raise BadInput(f"{file}: is there already; name a new file") from None
    except OSError as error:
        raise BadInput(f"{file}: cannot be written ({error.strerror})") from None
    out.print(f"{file} has every setting with its default.", markup=False, soft_wrap=True)


def check(file: Annotated[Path, typer.Argument(help="A procedure: a YAML file.")]) -> None:
    """Check a procedure, and say in what it differs from the defaults."""
    from serving.procedure import Procedure, load_procedure
    from serving.reviews.adoptions import hash_of, procedure_content

    found, usual = load_procedure(file), Procedure()
    changed = [
        name for name in Procedure.model_fields
        if name not in ("procedure", "version") and getattr(found, name) != getattr(usual, name)
    ]  # fmt: skip
    said = f"differs from the defaults in {', '.join(changed)}" if changed else "does what the defaults do"
    adopted_by = hash_of(procedure_content(found))
    out.print(
        f"{found.procedure} v{found.version} is a procedure; it {said}. Hash {adopted_by[:12]}.",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip
