"""The default procedure as a file to edit: every setting, with what the class that reads it says of it."""

import inspect
import re
import textwrap
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import yaml
from pydantic import BaseModel

from features.declaration import known_names
from features.terms import Text, Tier
from serving.notices.rules import Department
from serving.procedure import Procedure

_HEAD = (
    "How the Measures are carried out: every setting, as it is by default. What a file leaves out has its "
    "default. Check a file with `tierwise procedure check FILE`, and adopt it with `tierwise adopt propose "
    'FILE --because "…"`, which others approve.'
)
# Of what is empty by default, what one looks like.
_SHOWN: Mapping[tuple[type[BaseModel], str], Any] = {
    (type(Procedure().notices), "departments"): {
        "finance": Department(
            names=Text(zh_hant="財務部", zh_hans="财务部", en="Finance"),
            email="finance@example.com",
            tiers=(Tier.RISK,),
        )
    }
}
_WIDTH = 110


def example_procedure() -> str:
    """Return the YAML, which is read as the default procedure."""
    lines = [*_comment(_HEAD), "", *_Writer().settings(Procedure())]
    return "\n".join(lines) + "\n"


def comments_of(kind: type[BaseModel]) -> Mapping[str, str]:
    """Return what a class says of its settings, by their names: its docstring's part `Attributes`."""
    _, _, listed = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")
    # A line that is indented further goes on with the one before it.
    joined = re.sub(r"\n {5,}", " ", inspect.cleandoc(f"\n{listed}").replace("\n    ", "\n     "))
    found: dict[str, str] = {}
    for line in joined.splitlines():
        names, colon, text = line.strip().partition(": ")
        if colon:
            found |= dict.fromkeys(names.split(", "), text)
    return found


class _Writer:
    """Writes settings: of a kind that comes often the first with all of them and what they are for."""

    def __init__(self) -> None:
        self._told: set[type[BaseModel]] = set()

    def settings(self, of: BaseModel) -> list[str]:
        kind, comments = type(of), comments_of(type(of))
        first = kind not in self._told
        self._told.add(kind)
        lines: list[str] = []
        names = zip(known_names(kind).items(), kind.model_fields, strict=True)
        for (name, field), attribute in names:
            value = getattr(of, attribute)
            if not first and not field.is_required() and value == field.get_default():
                continue
            if first and attribute in comments:
                lines += _comment(f"{name}: {comments[attribute]}")
            if first and (kind, attribute) in _SHOWN:
                lines += [f"# {line}" for line in self._entry(name, _SHOWN[kind, attribute])]
            lines += self._entry(name, value)
        return lines

    def _entry(self, name: str, value: Any) -> list[str]:
        if _in_line(value):
            return [f"{name}: {_flow(value)}"]
        return [f"{name}:", *(f"  {line}" for line in self._block(value))]

    def _block(self, value: Any) -> list[str]:
        if isinstance(value, BaseModel):
            return self.settings(value)
        if isinstance(value, Mapping):
            return [line for key, of in value.items() for line in self._entry(_flow(key), of)]
        lines: list[str] = []
        for of in value:
            item = [f"  {line}" for line in self.settings(of)]
            begin = next(place for place, line in enumerate(item) if not line.lstrip().startswith("#"))
            item[begin] = f"- {item[begin][2:]}"
            lines += item
        return lines


def _in_line(value: Any) -> bool:
    if isinstance(value, Text) or not value:
        return True
    if isinstance(value, BaseModel | Mapping):
        return False
    return not (isinstance(value, tuple) and isinstance(value[0], BaseModel))


def _flow(value: Any) -> str:
    if isinstance(value, Decimal):
        return str(value)
    dumped: str = yaml.safe_dump(
        _plain(value), allow_unicode=True, default_flow_style=True, sort_keys=False, width=10_000
    )
    return dumped.removesuffix("\n").removesuffix("\n...")


def _plain(value: Any) -> Any:
    """Return a value as YAML writes it: enums as their texts, tuples as lists."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    if isinstance(value, str):
        return str(value)
    return [_plain(of) for of in value] if isinstance(value, tuple) else value


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
