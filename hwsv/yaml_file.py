"""Small YAML files that people write (boards, foldings), read and validated; every mistake is one clear line."""

from pathlib import Path
from typing import Any, TypeVar

import pydantic
import yaml

from hwsv.errors import InputError

T = TypeVar("T")


def load(path: Path, what: str, schema: pydantic.TypeAdapter[T]) -> T:
    """The content of `path` as `schema` says; InputError that starts with "`what` `path`:" for anything else."""
    try:
        content: Any = yaml.safe_load(path.read_text())
    except OSError as error:
        raise InputError(f"{what} {path}: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: encodings and impossible dates
        raise InputError(f"{what} {path}: not YAML: {' '.join(str(error).split())}") from error
    try:
        return schema.validate_python(content)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "file"
        raise InputError(f"{what} {path}: {where}: {first['msg']}") from error
