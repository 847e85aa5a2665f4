"""The command of notebooks: execute, render, and keep with a run what may be kept."""

from pathlib import Path
from typing import Annotated

import typer

from features.terminal import BadInput, out, steps, write_text
from models.options import StateOption


def notebooks(
    names: Annotated[
        list[str] | None, typer.Argument(help="Which, by file name. [all of the folder]")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Where the percent scripts lie. [the project's notebooks]")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="Where the pages go. [the state's folder notebooks]")
    ] = None,
    record: Annotated[
        str | None,
        typer.Option(
            "--record",
            help="A model, as NAME, NAME@ALIAS or NAME/VERSION: keep the pages with its run. [NAME: the "
            "champion, else the candidate]",
        ),
    ] = None,
    state: StateOption = None,
) -> None:
    """Execute notebooks and render them as pages; with a run are kept those of public or synthetic data."""
    from models.registry import resolve, state_directory
    from training.notebooks import FOLDER, execute, page, read_script, scripts

    place = folder or FOLDER
    wanted = _wanted(scripts(place), names, place)
    target = None if record is None else resolve(record, state)
    pages = output or state_directory(state) / "notebooks"
    try:
        pages.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{pages}: cannot be made ({error.strerror})") from None
    told = []
    with steps(len(wanted)) as progress:
        for path in wanted:
            progress(f"executing {path.name}")
            script = read_script(path)
            execute(script)
            html = page(script)
            file = pages / f"{script.name}.html"
            write_text(file, html)
            told.append(f"{script.name}: {file}")
            if target is not None:
                kept = page(script, "/".join(target))
                told.append(_kept(script.name, kept, script.may_be_kept, target, state))
    for line in told:
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def _wanted(found: list[Path], names: list[str] | None, folder: Path) -> list[Path]:
    if not found:
        raise BadInput(f"{folder}: holds no notebooks (*.py)")
    if not names:
        return found
    by_name = {path.stem: path for path in found}
    absent = [name for name in names if name.removesuffix(".py") not in by_name]
    if absent:
        raise BadInput(f"there is no notebook {absent[0]}; there are {', '.join(by_name)}")
    return [by_name[name.removesuffix(".py")] for name in names]


def _kept(page: str, html: str, may_be: bool, target: tuple[str, str], state: Path | None) -> str:
    from training.tracking import log_page

    label = "/".join(target)
    if not may_be:
        return f"{page}: not kept with {label}: its header does not declare public or synthetic data"
    log_page(*target, page, html, state)
    return f"{page}: kept with the run of {label}"
