"""Reading declared YAML files: one-line errors that name file, place and reason, and content hashes."""

import hashlib
import json
from collections.abc import Hashable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from features.declared_errors import first_error

M = TypeVar("M", bound=BaseModel)


class DeclarationError(ValueError):
    """A catalog or policy file is wrong; the message says where and what to do, in one line."""


class _UniqueKeyLoader(yaml.SafeLoader):
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
        DeclarationError: the file is absent, is no YAML, or gives a key twice.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)  # a SafeLoader
    except OSError as error:
        raise DeclarationError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise DeclarationError(f"{path}: is not UTF-8 text; save it as UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        raise DeclarationError(f"{path}:{line} is no YAML ({getattr(error, 'problem', error)})") from None
    except DeclarationError as error:
        raise DeclarationError(f"{path}: {error}") from None


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


def content_hash(model: BaseModel) -> str:
    """Return the SHA-256 of a declared model's canonical JSON (hex, 64 characters).

    Keys stay in the order of the declaration, since it can mean something: a level's code is its place. What
    has its default is left out, so that a field that is added later changes no hash.
    """
    document = model.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    canonical = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
