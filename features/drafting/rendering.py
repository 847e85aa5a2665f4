"""A drafted catalog as YAML, with what was found out beside each indicator."""

import re

import yaml

from features.drafting.draft import Draft

_WIDTH = 110


def to_yaml(draft: Draft) -> str:
    """Return the draft as a catalog file with comments."""
    document = draft.catalog.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    text = yaml.safe_dump(
        document, allow_unicode=True, sort_keys=False, width=_WIDTH, default_flow_style=None
    )
    lines = ["# A draft: edit it. Remove `drafted` from an indicator whose direction and points are yours."]
    lines += [f"# {_plain(remark)}" for remark in draft.about]
    lines += [f"# left out: {_plain(remark)}" for remark in draft.left_out]
    for line in text.splitlines():
        found = re.fullmatch(r"(    )- id: (\w+)", line)
        if found:
            lines += [f"{found[1]}# {_plain(remark)}" for remark in draft.remarks.get(found[2], ())]
        lines.append(line)
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Return a remark as one line that cannot end a comment."""
    return "".join(character if character.isprintable() else " " for character in text)
