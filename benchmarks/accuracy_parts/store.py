"""Results that outlive a run: each (data set, fold, method) is kept as it is done.

Its key covers all that it rests on: a changed method, setting, package, fold or data set has another key.
"""

import ast
import hashlib
import importlib.metadata
import json
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.accuracy_parts.folds import Split
from benchmarks.accuracy_parts.methods import Method
from benchmarks.accuracy_parts.tables import Floats, Table

STATE_VARIABLE = "TIERWISE_STATE"
ROOT = Path(__file__).parents[2]
# Raised when what a result holds, or how it is measured, changes.
FORMAT = 1
_OWN_PACKAGES = ("features", "models", "training")
# The pieces that every method's result rests on, besides its own class.
_SHARED = ("methods", "tables", "folds")


@dataclass(frozen=True, eq=False)
class Result:
    """One method on one outer fold: of its n test customers what ranks them and the probability, shape (n,).

    Times in seconds: `fit_seconds` with tuning, `explain_seconds` for one row.
    """

    score: Floats
    probability: Floats
    fit_seconds: float
    explain_seconds: float
    chosen: dict[str, object]


def folder() -> Path:
    """Return where results are kept."""
    return Path(os.environ.get(STATE_VARIABLE, ROOT / ".state")) / "benchmarks" / "accuracy"


def method_version(method: Method) -> str:
    """Return a SHA-256 of what a method does: its code, what it shares with others, its package's version.

    Tierwise's own covers every module of the project that its learner imports.
    """
    module = sys.modules[type(method).__module__]
    here = Path(__file__).parent
    parts = [code((here / f"{name}.py").read_text(encoding="utf-8")) for name in _SHARED]
    parts.append(code(Path(str(module.__file__)).read_text(encoding="utf-8"), type(method).__name__))
    if method.package:
        parts.append(f"{method.package}=={_version(method.package)}")
    else:
        learner = ROOT / "training" / "learner.py"
        parts += [code(path.read_text(encoding="utf-8")) for path in imported_by(learner)]
        parts.append(f"lightgbm=={_version('lightgbm')}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def imported_by(module: Path, root: Path = ROOT) -> list[Path]:
    """Return the project's own modules that one imports, directly or not, and itself; sorted."""
    found: set[Path] = set()
    waiting = [module]
    while waiting:
        path = waiting.pop()
        if path in found or not path.is_file():
            continue
        found.add(path)
        names: list[str] = []
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        waiting += [
            root / (name.replace(".", "/") + ".py") for name in names if name.split(".")[0] in _OWN_PACKAGES
        ]
    return sorted(found)


def key(table: Table, split: Split, method: str, version: str, seed: int) -> str:
    """Return a result's key; any change of what it rests on changes it.

    Args:
        method: the method's slug.
        version: what `method_version` says of it.
    """
    digest = hashlib.sha256(
        json.dumps([FORMAT, table.fingerprint, split.label, method, version, seed]).encode()
    )
    for rows in (split.training, split.test):
        digest.update(np.asarray(rows, dtype=np.int64).tobytes())
    return digest.hexdigest()[:20]


def path_of(table: Table, split: Split, method: Method, version: str, seed: int) -> Path:
    """Return where a result is kept."""
    named = f"{split.label}-{key(table, split, method.slug, version, seed)}.npz"
    return folder() / table.name / method.slug / named


def write(path: Path, result: Result) -> None:
    """Keep a result; a run that is stopped leaves a whole one or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {name: value for name, value in asdict(result).items() if name not in ("score", "probability")}
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(
            file,
            score=result.score,
            probability=result.probability,
            about=np.array(json.dumps(about, default=str)),
        )
    part.replace(path)


def read(path: Path) -> Result | None:
    """Return a kept result, or None."""
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as kept:
        return Result(kept["score"], kept["probability"], **json.loads(str(kept["about"])))


def forget(tables: Iterable[str], methods: Iterable[str]) -> None:
    """Remove the kept results of some methods on some data sets."""
    slugs = list(methods)
    for table in tables:
        for slug in slugs:
            for path in (folder() / table / slug).glob("*.npz"):
                path.unlink()


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def code(source: str, only_class: str | None = None) -> str:
    """Return what a module does as text, with one of its classes or all: no comments, docstrings, layout."""
    tree = ast.parse(source)
    if only_class:
        tree.body = [
            node for node in tree.body if not isinstance(node, ast.ClassDef) or node.name == only_class
        ]
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:]
    return ast.dump(tree)
