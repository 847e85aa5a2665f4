"""Options that several commands share, on how tables are read."""

from typing import Annotated

import typer

BadOption = Annotated[
    list[str] | None,
    typer.Option("--bad", help="A cell of that column that means the adverse outcome; may be repeated."),
]
EncodingOption = Annotated[str | None, typer.Option("--encoding", help="Of a CSV. [found out]")]
DelimiterOption = Annotated[str | None, typer.Option("--delimiter", help="Of a CSV. [found out]")]
ThreadsOption = Annotated[int, typer.Option("--threads", min=1, help="Threads that LightGBM may use.")]
