"""Reading declared YAML files: one-line errors that name file, place and reason, and content hashes."""

import hashlib
import json
from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)


class DeclarationError(ValueError):
    """A catalog or policy file is wrong; the message says where and what to do, in one line."""


# libyaml's takes a fifth of the time; it is there unless PyYAML was built without.
if TYPE_CHECKING:
    _SafeLoader = yaml.SafeLoader
else:
    _SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# Far more than is ever declared; libyaml's loader would end the process on some ten thousand.
_MOST_LEVELS = 100


class _UniqueKeyLoader(_SafeLoader):
    """YAML without silent overwriting: a key given twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise DeclarationError(f"line {key_node.start_mark.line + 1}: key {key!r} is given twice")
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """Read one YAML file.

    Raises:
        DeclarationError: the file is absent, is no YAML, nested too deeply, or gives a key twice.
    """
    text = ""
    try:
        text = path.read_text(encoding="utf-8")
        _check_depth(text)
        return yaml.load(text, Loader=_UniqueKeyLoader)  # a SafeLoader
    except OSError as error:
        raise DeclarationError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise DeclarationError(f"{path}: is not UTF-8 text; save it as UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        # What ends too early does so on the last line, not after it.
        line = f" line {min(mark.line + 1, len(text.splitlines()))}" if mark else ""
        raise DeclarationError(f"{path}:{line} is no YAML ({getattr(error, 'problem', error)})") from None
    except DeclarationError as error:
        raise DeclarationError(f"{path}: {error}") from None


def _check_depth(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _MOST_LEVELS:
            line = getattr(event.start_mark, "line", 0)
            raise DeclarationError(f"line {line + 1}: is nested more than {_MOST_LEVELS} levels deep")


def load_declared(kind: type[M], path: Path) -> M:
    """Read one YAML file into a declared model.

    The YAML goes through JSON, since pydantic's strict mode reads enums and tuples only from there.

    Raises:
        DeclarationError: names the file, the place in it and the reason.
    """
    data = read_yaml(path)
    try:
        return kind.model_validate_json(json.dumps(data, default=str))
    except ValidationError as error:
        raise DeclarationError(f"{path}: {first_error(error)}") from None


def first_error(error: ValidationError) -> str:
    """Return the first pydantic error as `place: reason`, without the input."""
    details = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(str(part) for part in details["loc"])
    reason = details["msg"].removeprefix("Value error, ")
    return f"{place}: {reason}" if place else reason


def content_hash(model: BaseModel) -> str:
    """Return the SHA-256 of a declared model's canonical JSON (hex, 64 characters).

    Keys stay in the order of the declaration, since it can mean something: a level's code is its place. What
    has its default is left out, so that a field that is added later changes no hash.
    """
    document = model.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    canonical = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
