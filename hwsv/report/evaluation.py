"""What `hwsv evaluate` found, kept in the design folder (``DIR/evaluation.json``) for `hwsv report`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
import pydantic
from scipy.special import ndtri

from hwsv.design import Design
from hwsv.errors import InputError
from hwsv.evaluate import Request
from hwsv.host.det import LIMITS
from hwsv.host.scoring import Curve, Result

FILE = "evaluation.json"
POINTS = 160
"""Of a DET curve that are kept: evenly spread along the curve as it is drawn."""

Rate = Annotated[float, pydantic.Field(ge=0, le=1)]


class SystemFigures(pydantic.BaseModel):
    """One system on one list, as `hwsv evaluate --json` prints it; `det`: (false alarm, miss) rates of its curve."""

    eer: Rate
    eer_ci95: tuple[Rate, Rate]
    min_dcf: dict[str, pydantic.FiniteFloat]
    targets: pydantic.NonNegativeInt
    nontargets: pydantic.NonNegativeInt
    det: list[tuple[Rate, Rate]] = []


class Evaluation(pydantic.BaseModel):
    """evaluation.json, or the output of `hwsv evaluate --json`, which has no curves, commands and hash.

    lists: trial list -> system -> figures. commands: trial list -> what printed them. design_hash: of the design.
    """

    lists: Annotated[dict[str, dict[str, SystemFigures]], pydantic.Field(min_length=1)]
    commands: dict[str, str] = {}
    design_hash: str = ""


def read(path: Path) -> Evaluation:
    """Raises InputError for a file that is none."""
    try:
        return Evaluation.model_validate(json.loads(path.read_text()))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; 'hwsv evaluate --json' prints one") from error
    except pydantic.ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        what = f"{where}: {error.errors()[0]['msg']}"
        raise InputError(f"{path}: not a result of 'hwsv evaluate': {what}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a result of 'hwsv evaluate': no JSON") from error


def of_design(design: Design) -> Evaluation | None:
    """What is kept in the folder, or None. Raises InputError where it is damaged or of another design."""
    path = design.folder / FILE
    if not path.is_file():
        return None
    found = read(path)
    if found.design_hash != design.manifest.hash:
        raise InputError(f"{path}: of another design; remove it or run 'hwsv evaluate' again")
    return found


def keep(design: Design, results: Mapping[str, Mapping[str, Result]], request: Request) -> None:
    """Store results (list -> system -> figures) in the design folder, beside those of other lists."""
    try:
        kept = of_design(design)
    except InputError:
        kept = None  # of another design, or damaged: replaced
    lists = dict(kept.lists) if kept else {}
    commands = dict(kept.commands) if kept else {}
    for name, systems in results.items():
        lists[name] = {
            system: SystemFigures.model_validate({**result.to_json(), "det": thin(result.curve)})
            for system, result in systems.items()
        }
        commands[name] = _command(name, request)
    evaluation = Evaluation(lists=lists, commands=commands, design_hash=design.manifest.hash)
    path = design.folder / FILE
    partial = path.with_suffix(".partial")
    partial.write_text(evaluation.model_dump_json(indent=1) + "\n")
    partial.replace(path)


def _command(name: str, request: Request) -> str:
    """What prints these figures again; file names only, since paths are of one machine."""
    trials = next(trials for trials in request.lists if trials.name == name)
    words = ["hwsv evaluate DIR --trials", trials.path.name, "--root AUDIO --level", request.level]
    words += ["--float", request.float_model.name] if request.float_model else []
    words += ["--control"] if request.control else []
    words += ["--utt2spk …"] if request.utt2spk else []
    words += ["--cohort …"] if request.cohort else []
    return " ".join(words)


def thin(curve: Curve) -> list[tuple[float, float]]:
    """At most `POINTS` of a curve's (false alarm, miss), none of them moved by more than rounding to 1e-6."""
    alarm, miss = (ndtri(np.clip(rate, *LIMITS)) for rate in (curve.alarm, curve.miss))
    along = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(alarm)) + np.abs(np.diff(miss)))])
    chosen = np.unique(np.searchsorted(along, np.linspace(0, along[-1], POINTS)))
    return [
        (round(float(a), 6), round(float(m), 6)) for a, m in zip(curve.alarm[chosen], curve.miss[chosen], strict=True)
    ]
