"""What a level of the chain is: something that computes a design's integer embeddings.

Subclasses register themselves; a new level is one new file in ``hwsv/verify/levels/``.
"""

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import hwsv.verify.levels
from hwsv.design import Design
from hwsv.errors import InputError
from hwsv.units.base import Tensor

Progress = Callable[[str, int, int], None]
"""Called with (what is being done, utterances done, utterances)."""


@dataclass(frozen=True)
class Options:
    """What some levels need beside the design. `checkpoint`: the trained network, for the level torch; `progress`: for
    levels that build for minutes; `port`: of the level board (`hwsv.host.drivers.driver.open_driver`)."""

    checkpoint: Path | None = None
    progress: Progress | None = None
    port: str = ""


class Level(ABC):
    """One way to compute the embeddings of a design.

    `name`: as on the command line. `place`: its position in the chain. `binding`: whether a difference from the level
    before fails the check.
    """

    name: ClassVar[str]
    place: ClassVar[int]
    binding: ClassVar[bool] = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" in cls.__dict__:
            _REGISTRY[cls.name] = cls

    def __init__(self, design: Design, options: Options) -> None:
        self.design, self.options = design, options

    @abstractmethod
    def embeddings(self, features: Sequence[Tensor]) -> Iterator[Tensor]:
        """int64 ``[E]`` of each utterance, in order. features: int64 ``[T, F, C]`` as `Design.check_features` gives."""

    def tensors(self, features: Tensor) -> dict[str, Tensor]:
        """Tensors ``[T, F, C]`` of the unit graph that this level can show for one utterance, to find a difference."""
        return {}


_REGISTRY: dict[str, type[Level]] = {}


@cache
def registry() -> dict[str, type[Level]]:
    """All levels by name, in the order of the chain."""
    for module in pkgutil.iter_modules(hwsv.verify.levels.__path__):
        importlib.import_module(f"hwsv.verify.levels.{module.name}")
    return dict(sorted(_REGISTRY.items(), key=lambda item: item[1].place))


def level_class(name: str) -> type[Level]:
    """The level called `name`; InputError with the names there are."""
    if name not in registry():
        raise InputError(f"level {name!r} is not known; levels: {', '.join(registry())}")
    return registry()[name]
