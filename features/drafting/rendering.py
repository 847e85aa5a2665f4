"""A drafted catalog as YAML, with what was found out beside each indicator."""

import re

from features.document import yaml_of
from features.drafting.draft import Draft


def to_yaml(draft: Draft) -> str:
    """Return the draft as a catalog file with comments."""
    text = yaml_of(draft.catalog)
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
