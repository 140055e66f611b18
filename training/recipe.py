"""Recipes: one validated YAML file says everything about a network and how it is trained."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from hwsv.errors import InputError
from hwsv.host.features import FeatureSpec

RECIPES = Path(__file__).parent / "recipes"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PoolConfig(_Section):
    """Quantised mean + deviation pooling; steps are in units of the residual stream's values."""

    over: Literal["time", "time_freq"] = "time_freq"
    mean_bits: int = Field(default=4, ge=2, le=8)
    mean_step: float = Field(default=0.25, gt=0)
    dev_bits: int = Field(default=4, ge=2, le=8)
    dev_step: float = Field(default=0.25, gt=0)


class NetworkConfig(_Section):
    """Shape of a network: stages of c, 2c, 4c, ... channels, two binary convolutions with shortcuts per block."""

    channels: int = Field(default=16, ge=4, le=256, description="c, channels of the stem and of the first stage")
    blocks: list[int] = Field(default=[2, 2, 2, 1], min_length=1, max_length=6)
    embedding: int = Field(default=128, ge=8, le=1024)
    stem_bits: int = Field(default=8, ge=2, le=8)
    fc_bits: int = Field(default=4, ge=1, le=8)
    residual_bits: int = Field(default=6, ge=3, le=8)
    residual_step: float = Field(default=0.5, gt=0, description="power of two; stream values are (2q+1) * step / 2")
    branch_bits: int = Field(default=6, ge=3, le=8)
    pool: PoolConfig = PoolConfig()

    @model_validator(mode="after")
    def _legal(self) -> NetworkConfig:
        if min(self.blocks) < 1:
            raise ValueError("every stage needs at least one block")
        for step in (self.residual_step, self.pool.mean_step, self.pool.dev_step):
            if math.frexp(step)[0] != 0.5:
                raise ValueError(f"steps must be powers of two, not {step}")
        return self


class DataConfig(_Section):
    """Kaldi ``utterance speaker`` lists, relative to the data root; utterances are paths under ``audio``."""

    audio: str = "audio"
    train: dict[str, float] = Field(min_length=1, description="list file -> share of the training samples")
    heldout_from: str = Field(description="list file whose speakers are partly held out for every choice")
    heldout_speakers: int = Field(default=25, ge=2)
    same_phrase: bool = Field(default=False, description="held-out trials within a phrase: file names PHRASE_NUMBER")
    speeds: list[float] = Field(default=[0.9, 1.0, 1.1], min_length=1, description="each speed makes its own speakers")
    crop_frames: int = Field(default=160, ge=16)


class AugmentConfig(_Section):
    """Probabilities and ranges of the augmentation of power-mel crops."""

    tail: float = Field(default=0.5, ge=0, le=1, description="probability of an exponential reverberation tail")
    noise: float = Field(default=0.6, ge=0, le=1, description="probability of stationary or babble noise")
    snr_db: tuple[float, float] = (8.0, 28.0)
    mask: float = Field(default=0.5, ge=0, le=1, description="probability of a time mask and of a frequency mask")


class StageConfig(_Section):
    """One optimisation: Adam with a linear warm-up and a cosine to zero."""

    steps: int = Field(ge=1)
    batch: int = Field(default=64, ge=2)
    lr: float = Field(default=2e-3, gt=0)
    warmup: int = Field(default=100, ge=0)
    weight_decay: float = Field(default=0.0, ge=0, description="on float convolution and classifier weights only")
    margin: float = Field(default=0.2, ge=0, lt=1)
    scale: float = Field(default=30.0, gt=0)
    distil: float = Field(default=0.0, ge=0, description="weight of 1 - cos(embedding, teacher's embedding)")
    distil_whitened: bool = Field(default=False, description="that cosine after the teacher's whitening")
    crop_frames: int | None = Field(default=None, ge=16, description="instead of the data's")
    sign_gradient: Literal["hard_tanh", "approx_sign"] = "hard_tanh"
    shifts: bool = Field(default=True, description="learn the shifts before the signs; else they stay as they are")
    real_weights: int = Field(default=0, ge=0, description="first steps with real weights, binary activations only")
    evaluate_every: int = Field(default=1000, ge=1)


class InitConfig(_Section):
    """Trained networks to start from, shipped ones by name or checkpoint files; they may have fewer blocks."""

    float_twin: str
    binary: str


class WhitenConfig(_Section):
    """Within-class covariance normalisation, folded into the last layer of both networks at the end."""

    shrink: float = Field(default=3.0, gt=0, description="mean eigenvalues added to every one; more does less")
    classes: int = Field(default=300, ge=1, description="classes drawn")
    crops: int = Field(default=12, ge=2, description="augmented crops of each")


class Recipe(_Section):
    """A network, its data and its trainings."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,40}$")
    seed: int = 1
    features: FeatureSpec = FeatureSpec()
    network: NetworkConfig = NetworkConfig()
    data: DataConfig
    augment: AugmentConfig = AugmentConfig()
    init_from: InitConfig | None = None
    float_twin: StageConfig
    binary: StageConfig
    refinement: list[StageConfig] = Field(default=[], description="one stage or more, each from the last one's end")
    whiten: WhitenConfig | None = None

    @field_validator("refinement", mode="before")
    @classmethod
    def _one_or_more(cls, value: object) -> object:
        return [] if value is None else [value] if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _has_whitening(self) -> Recipe:
        if self.whiten is None and any(stage.distil_whitened for stage in (self.binary, *self.refinement)):
            raise ValueError("distil_whitened needs the section whiten")
        return self


def load_recipe(path: str | Path) -> Recipe:
    """Read a recipe from a YAML file, or a shipped one by its name (``nano``)."""
    file = Path(path)
    if not file.suffix and not file.exists():
        file = RECIPES / f"{path}.yaml"
    if not file.is_file():
        known = ", ".join(sorted(recipe.stem for recipe in RECIPES.glob("*.yaml")))
        raise InputError(f"{path}: no such recipe file (shipped recipes: {known})")
    try:
        return Recipe.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: not valid YAML ({' '.join(str(error).split())})") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "recipe"
        raise InputError(f"{file}: {where}: {first['msg']}") from error
