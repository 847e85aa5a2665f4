"""Reading declared YAML files: one-line errors that name file, place and reason, and content hashes."""

import hashlib
import json
from collections.abc import Hashable, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from features.declared_errors import reason_of

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
        raise DeclarationError(f"{path}: {first_error(error, kind)}") from None


def first_error(error: ValidationError, kind: type[BaseModel] | None = None) -> str:
    """Return the first pydantic error as `place: reason`, without the input.

    With the kind that was read, an unknown key is told with the nearest one that is known.
    """
    found = error.errors(include_input=False, include_url=False)
    details = found[0]
    if kind is not None:  # a key that is misspelt is absent too
        details = next((of for of in found if of["type"] == "extra_forbidden"), details)
    place = ".".join(str(part) for part in details["loc"])
    reason = reason_of(details)
    if details["type"] == "extra_forbidden" and kind is not None:
        reason = _unknown(declared_within(kind, details["loc"][:-1]), str(details["loc"][-1]))
    return f"{place}: {reason}" if place else reason


def _unknown(within: type[BaseModel] | None, key: str) -> str:
    if within is None:
        return "is unknown"
    known = list(known_names(within))
    near = get_close_matches(key, known, 1)
    return f"is unknown; did you mean {near[0]}?" if near else f"is unknown; known are {', '.join(known)}"


def known_names(kind: type[BaseModel]) -> Mapping[str, FieldInfo]:
    """Return the fields of a declared model by the names that files and requests give them."""
    return {field.alias or name: field for name, field in kind.model_fields.items()}


def declared_within(kind: type[BaseModel], place: tuple[int | str, ...]) -> type[BaseModel] | None:
    """Return which declared model stands at a place such as (`items`, 0); None where none does."""
    annotation: Any = kind
    for part in place:
        annotation = _inside(annotation, part)
    return next((of for of in _members(annotation) if _is_model(of)), None)


def _inside(annotation: Any, part: int | str) -> Any:
    """Return the annotation of what stands in a place; None where nothing declared does."""
    for of in _members(annotation):
        if _is_model(of) and part in known_names(of):
            return known_names(of)[str(part)].annotation
        if get_origin(of) is dict:
            return get_args(of)[1]
        if get_origin(of) in (tuple, list):
            return get_args(of)[0]
    return None


def _members(annotation: Any) -> tuple[Any, ...]:
    """Return the members of a union, or what is none."""
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def _is_model(of: Any) -> bool:
    return isinstance(of, type) and issubclass(of, BaseModel)


def content_hash(model: BaseModel) -> str:
    """Return the SHA-256 of a declared model's canonical JSON (hex, 64 characters).

    Keys stay in the order of the declaration, since it can mean something: a level's code is its place. What
    has its default is left out, so that a field that is added later changes no hash.
    """
    document = model.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    canonical = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
