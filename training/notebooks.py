"""Notebooks: percent scripts, executed from top to bottom, and rendered as pages that stand by themselves.

A page loads nothing from elsewhere and holds the code, what it printed, its tables and figures. Whether it
may be kept with a run is for the script to say: its header declares the data as `public` or `synthetic`.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbformat import NotebookNode
    from traitlets.config import Config

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "notebooks"
# The data that a page may be kept of.
MAY_BE_KEPT = frozenset({"public", "synthetic"})
_KERNEL = "python3"
# The code is there for who asks, folded.
_FOLDED = "folded.html.j2"
_TEMPLATE = """{%- extends 'classic/base.html.j2' -%}
{%- block input_group -%}
<details class="code"><summary>Code</summary>{{ super() }}</details>
{%- endblock input_group -%}
"""
_SECONDS = 600


class NotebookError(RuntimeError):
    """A notebook cannot be read or executed; one line, without what a cell has printed or raised."""


@dataclass(frozen=True)
class Script:
    """A percent script: its file, its title, and what its header says of the data, None for nothing."""

    path: Path
    title: str
    data: str | None
    notebook: "NotebookNode"

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.path.stem

    @property
    def may_be_kept(self) -> bool:
        """Whether a page of it may be kept with a run."""
        return self.data in MAY_BE_KEPT


def scripts(folder: Path = FOLDER) -> list[Path]:
    """Return the notebooks of a folder, by name."""
    return sorted(path for path in folder.glob("*.py") if not path.name.startswith("_"))


def read_script(path: Path) -> Script:
    """Read a percent script.

    Raises:
        NotebookError: it cannot be read, or what notebooks need is not installed.
    """
    with _needing_the_extra():
        import jupytext
    try:
        notebook = jupytext.read(path, fmt="py:percent")
    except (OSError, ValueError) as error:
        raise NotebookError(f"notebook {path}: cannot be read ({type(error).__name__})") from None
    declared = notebook.metadata.get("tierwise", {})
    headings = (
        line.removeprefix("# ").strip()
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
        if line.startswith("# ")
    )
    return Script(path, next(headings, path.stem), declared.get("data"), notebook)


def execute(script: Script) -> None:
    """Execute a script's cells in a process of their own, in an empty folder; outputs are put into it.

    Raises:
        NotebookError: a cell raised, or took too long.
    """
    with _needing_the_extra():
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError, CellTimeoutError
    with tempfile.TemporaryDirectory(prefix="tierwise-") as folder, _jupyter_within(Path(folder)):
        work = Path(folder) / "work"
        work.mkdir()
        client = NotebookClient(
            script.notebook,
            timeout=_SECONDS,
            kernel_name=_KERNEL,
            config=_quiet_channel(),
            resources={"metadata": {"path": str(work)}},
        )
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        try:
            client.execute(env={**os.environ, "PYTHONPATH": path})
        except CellExecutionError as error:
            raise NotebookError(f"notebook {script.name}: {_where(script)} raised {error.ename}") from error
        except CellTimeoutError:
            raise NotebookError(f"notebook {script.name}: {_where(script)} took too long") from None
        except RuntimeError:
            raise NotebookError(
                f"notebook {script.name}: its process did not start, or ended in {_where(script)}"
            ) from None


def page(script: Script, kept_with: str | None = None) -> str:
    """Return an executed script as an HTML page; one kept with a version says that it is not about it.

    Raises:
        NotebookError: what notebooks need is not installed.
    """
    with _needing_the_extra():
        from jinja2 import DictLoader
        from nbconvert import HTMLExporter
        from pygments.formatters import HtmlFormatter
    exporter = HTMLExporter(
        template_name="basic",
        template_file=_FOLDED,
        extra_loaders=[DictLoader({_FOLDED: _TEMPLATE})],
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    body, _ = exporter.from_notebook_node(script.notebook)
    if kept_with is not None:
        note = f"Kept with {kept_with}. What runs below is of its own data, and no review of that version."
        body = f"<p><strong>{escape(note)}</strong></p>\n{body}"
    colours = HtmlFormatter(style="friendly").get_style_defs(".highlight")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(script.title)}</title>\n<style>\n{colours}\n{STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _quiet_channel() -> "Config":
    """Return how to talk to the kernel: encrypted, since other users of the machine can reach its ports."""
    from traitlets.config import Config

    return Config(KernelManager={"transport_encryption": "auto"})


def _where(script: Script) -> str:
    """Name the cell that was executed last."""
    ran = [place for place, cell in enumerate(script.notebook.cells, start=1) if cell.get("execution_count")]
    return f"cell {max(ran, default=1)}"


@contextmanager
def _jupyter_within(folder: Path) -> Iterator[None]:
    """Let Jupyter keep its own files, which it would put into the home directory, in a folder."""
    names = ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")
    settings = {name: str(folder / name.lower()) for name in names} | {"JUPYTER_PLATFORM_DIRS": "1"}
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _needing_the_extra() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise NotebookError(
            f"notebooks need {error.name}, which the extra `notebooks` brings: ./run notebooks, or "
            "pip install 'tierwise[notebooks]'"
        ) from None


STYLE = """
:root { --ink: #1c2733; --soft: #5b6875; --line: #dfe5ea; --paper: #f6f8fa; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.5rem 4rem; max-width: 62rem; color: var(--ink); background: #fff;
  font: 1rem/1.55 system-ui, "Noto Sans", "Noto Sans CJK TC", "PingFang TC", sans-serif; }
h1 { font-size: 1.75rem; line-height: 1.25; font-weight: 650; }
h2 { font-size: 1.25rem; margin: 2.4rem 0 .4rem; font-weight: 650; }
h3 { font-size: 1.05rem; margin: 1.6rem 0 .3rem; font-weight: 650; }
p, li { max-width: 48rem; }
a.anchor-link, .prompt { display: none; }
details.code { margin: .5rem 0; } details.code summary { color: var(--soft); font-size: .8rem;
  cursor: pointer; width: max-content; }
.highlight pre, pre { background: var(--paper); border: 1px solid var(--line); border-radius: .4rem;
  padding: .7rem .9rem; overflow-x: auto; margin: .6rem 0;
  font: .8rem/1.45 ui-monospace, "DejaVu Sans Mono", "Noto Sans Mono CJK TC", monospace; }
.output pre { background: none; border: 0; padding: .2rem 0; white-space: pre-wrap; }
code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .88em; }
table { border-collapse: collapse; font-size: .86rem; font-variant-numeric: tabular-nums; margin: .8rem 0; }
caption { text-align: left; font-weight: 600; padding: 0 0 .3rem; }
th, td { padding: .32rem .6rem; border-bottom: 1px solid var(--line); text-align: right;
  vertical-align: top; }
th:first-child, td:first-child { text-align: left; }
thead th { color: var(--soft); font-weight: 600; border-bottom: 2px solid var(--line); }
table.grid td:not(:first-child):not(:last-child) { white-space: nowrap; }
table.grid th:last-child, table.grid td:last-child { min-width: 5rem; }
img { max-width: 100%; height: auto; }
.output { overflow-x: auto; }
"""
