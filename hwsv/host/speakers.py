"""Enrolled speakers: one private JSON file each, in a folder that only its owner can enter.

A file holds the mean embedding and what made it; no audio, no features. An embedding is still personal data: it
recognises its speaker.
"""

import hashlib
import os
import stat
import tempfile
import unicodedata
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np
import pydantic

from hwsv.errors import InputError
from hwsv.host.voice import Float, Identity

MAX_NAME = 64
_PUNCTUATION = "-_."
_NAME_RULE = f"letters, digits and {' '.join(_PUNCTUATION)}, a letter or digit first, at most {MAX_NAME} characters"


class Speaker(pydantic.BaseModel, extra="forbid", frozen=True):
    """An enrolled speaker. `folder`: the design that enrolled, `recordings`: how many are in the mean."""

    format: Literal[1] = 1
    name: str
    date: str
    recordings: int = pydantic.Field(ge=1)
    level: str
    folder: str
    made_by: Identity
    embedding: list[pydantic.FiniteFloat]

    @pydantic.field_validator("embedding")
    @classmethod
    def _unit_length(cls, value: list[float]) -> list[float]:
        if abs(np.linalg.norm(value) - 1) > 1e-6:
            raise ValueError("not of length 1")
        return value

    def check_made_by(self, identity: Identity) -> None:
        """Refuse to compare with what another design computes. Raises InputError."""
        for what, ours, theirs in (
            ("design", self.made_by.design, identity.design),
            ("model", self.made_by.model, identity.model),
            ("feature settings", self.made_by.features, identity.features),
        ):
            if ours != theirs:
                raise InputError(
                    f"{self.name} was enrolled with another {what} ({ours[:12]}, not {theirs[:12]}): "
                    "name that design with --design, or enrol again with --replace"
                )

    def score(self, voice: Float) -> float:
        """Cosine with a unit vector ``[E]``."""
        return float(np.dot(self.embedding, voice))


def now() -> str:
    """Date and time in UTC, to the second (ISO 8601)."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def checked_name(name: str) -> str:
    """`name` in Unicode's composed form (NFC), so that one name has one spelling. Raises InputError."""
    composed = unicodedata.normalize("NFC", name)
    legal = all(c.isalnum() or c in _PUNCTUATION or unicodedata.category(c)[0] == "M" for c in composed)
    if not (legal and 0 < len(composed) <= MAX_NAME and composed[0].isalnum()):
        shown = name if len(name) <= MAX_NAME else name[:MAX_NAME] + "…"
        raise InputError(f"{shown!r} cannot be a speaker's name: {_NAME_RULE}")
    return composed


def default_folder() -> Path:
    """``$XDG_DATA_HOME/hwsv/speakers``, by default under ``~/.local/share`` (XDG Base Directory Specification)."""
    given = Path(os.environ.get("XDG_DATA_HOME", ""))
    try:
        # the specification: a relative path is to be ignored
        return (given if given.is_absolute() else Path.home() / ".local" / "share") / "hwsv" / "speakers"
    except RuntimeError as error:
        raise InputError("there is no home folder; say where the speakers are with --store FOLDER") from error


class Store:
    """The enrolled speakers of one folder (mode 0700, files 0600); made when the first one is enrolled."""

    def __init__(self, folder: Path | None = None) -> None:
        """Raises InputError for a folder that cannot be read, or that others can."""
        self.folder = folder or default_folder()
        if not self.folder.exists():
            return
        if not self.folder.is_dir():
            raise InputError(f"{self.folder}: cannot hold speakers: not a folder")
        if os.name == "posix" and stat.S_IMODE(self.folder.stat().st_mode) & 0o077:
            raise InputError(f"{self.folder}: other users can enter it; make it private: chmod 700 '{self.folder}'")
        if not os.access(self.folder, os.R_OK | os.X_OK):
            raise InputError(f"{self.folder}: cannot be read; its owner needs the permissions 'rwx'")

    def path(self, name: str) -> Path:
        """File of speaker `name`: a hash, so no name is a path and none collide, whatever the file system folds."""
        return self.folder / f"{hashlib.sha256(checked_name(name).encode()).hexdigest()}.json"

    def load(self, name: str) -> Speaker:
        """The speaker called `name`; the InputError for an unknown one lists those enrolled."""
        path = self.path(name)
        if not path.exists():
            names = ", ".join(speaker.name for speaker in self.all()) or "nobody"
            raise InputError(f"{checked_name(name)} is not enrolled in {self.folder}; enrolled: {names}")
        return self._read(path)

    def all(self) -> list[Speaker]:
        """Every speaker, by name."""
        return sorted((self._read(path) for path in self.folder.glob("*.json")), key=lambda speaker: speaker.name)

    def check_free(self, name: str, replace: bool) -> None:
        """Refuse to overwrite a speaker unless `replace`. Raises InputError."""
        if self.path(name).exists() and not replace:
            raise InputError(f"{checked_name(name)} is already enrolled; --replace enrols again")

    def save(self, speaker: Speaker, replace: bool = False) -> Path:
        """Write `speaker`; the file is there whole or not at all. Raises InputError."""
        self.check_free(speaker.name, replace)
        path = self.path(speaker.name)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, partial = tempfile.mkstemp(prefix=".", suffix=".partial", dir=self.folder)  # mode 0600
            try:
                with open(handle, "w", encoding="utf-8") as file:
                    file.write(speaker.model_dump_json(indent=1) + "\n")
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(partial, path)
            finally:
                Path(partial).unlink(missing_ok=True)
        except OSError as error:
            raise InputError(f"{self.folder}: cannot be written ({error.strerror})") from error
        return path

    def remove(self, name: str) -> None:
        """Forget `name`, a damaged file as well. Raises InputError for an unknown one."""
        path = self.path(name)
        if not path.exists():
            self.load(name)
        path.unlink()

    def _read(self, path: Path) -> Speaker:
        try:
            speaker = Speaker.model_validate_json(path.read_bytes())
            if self.path(speaker.name) != path:
                raise ValueError("the name does not belong to the file")
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from error
        except (ValueError, InputError) as error:
            raise InputError(f"{path}: not a speaker's file, or damaged; remove it and enrol again") from error
        return speaker
