"""Training from a recipe: the float twin, then the binary network distilled from it."""

from __future__ import annotations

import json
import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from hwsv.errors import InputError
from training.augment import as_features, augment
from training.data import Crops
from training.evaluate import Heldout
from training.export import save_checkpoint
from training.layers import FastConv, FastSign
from training.losses import AngularMargin, embedding_distance
from training.models import BinaryUnit, FloatNet, SpeakerNet
from training.recipe import Recipe, StageConfig, load_recipe
from training.warm import class_centres, warm_start
from training.whiten import whiten, whitening_matrix, within_class_covariance


@dataclass
class Stage:
    """One optimisation and everything that a killed run needs to go on."""

    name: str
    config: StageConfig
    net: SpeakerNet | FloatNet
    loss: AngularMargin
    teacher: nn.Module | None = None
    metric: Tensor | None = None
    """Whitening ``[E, E]`` of the embeddings that the teacher's are compared with."""
    seed: int = 0
    step: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0

    def __post_init__(self) -> None:
        weights = [p for p in self.parameters() if p.ndim == 4 or p.ndim == 2]
        others = [p for p in self.parameters() if p.ndim != 4 and p.ndim != 2]
        groups: list[dict[str, Any]] = [
            {"params": weights, "weight_decay": self.config.weight_decay},
            {"params": others},
        ]
        for module in self.net.modules():
            if isinstance(module, FastSign):
                module.approx = self.config.sign_gradient == "approx_sign"
            elif isinstance(module, BinaryUnit):
                module.shift.requires_grad_(self.config.shifts)
        self.optimiser = torch.optim.AdamW(groups, lr=self.config.lr, weight_decay=0.0, fused=True)

    def parameters(self) -> list[nn.Parameter]:
        return [*self.net.parameters(), *self.loss.parameters()]

    def rate(self) -> float:
        """Linear warm-up, then a cosine to zero."""
        config = self.config
        if self.step < config.warmup:
            return config.lr * (self.step + 1) / config.warmup
        done = (self.step - config.warmup) / max(config.steps - config.warmup, 1)
        return config.lr * 0.5 * (1 + math.cos(math.pi * done))

    def save(self, path: Path) -> None:
        state = {
            "net": self.net.state_dict(),
            "loss": self.loss.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "wall_s": self.wall_s,
            "cpu_s": self.cpu_s,
        }
        partial = path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(path)

    def load(self, path: Path) -> None:
        state = torch.load(path, weights_only=True)
        self.net.load_state_dict(state["net"])
        self.loss.load_state_dict(state["loss"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.wall_s, self.cpu_s = state["step"], state["wall_s"], state["cpu_s"]


def train(recipe_path: str | Path, data_root: str | Path, out_dir: str | Path, resume: bool = True) -> Path:
    """Train float twin and binary network; returns the slim checkpoint ``out_dir/<name>.pt``.

    ``data_root`` holds the recipe's lists and audio. ``out_dir`` receives the feature cache, checkpoints and
    ``<name>.log.jsonl``. With ``resume`` a killed run goes on where its last checkpoint was: every batch is a
    function of seed and step, so the curve is the same.
    """
    recipe, root, out = load_recipe(recipe_path), Path(data_root), Path(out_dir)
    if not root.is_dir():
        raise InputError(f"{root}: no such data folder")
    out.mkdir(parents=True, exist_ok=True)
    if not resume:
        for stale in (*out.glob("*.log.jsonl"), *out.glob("*.ckpt")):
            stale.unlink(missing_ok=True)
    run = Run(recipe, Crops(recipe, root, out / "cache"), Heldout(recipe, root), out)
    twin = run.float_twin()
    binary = run.binary(twin)
    if recipe.whiten is not None:
        for net in (twin.net, binary.net):
            whiten(net, recipe, recipe.whiten, run.crops)
    save_checkpoint(twin.net, recipe, out / f"{recipe.name}_float.pt")
    slim = out / f"{recipe.name}.pt"
    save_checkpoint(binary.net, recipe, slim)
    return slim


@dataclass(frozen=True)
class Run:
    """A recipe on its data. ``out`` holds checkpoints and log; stages that are complete there are read, not run."""

    recipe: Recipe
    crops: Crops
    heldout: Heldout
    out: Path

    @property
    def log(self) -> Path:
        return self.out / f"{self.recipe.name}.log.jsonl"

    def float_twin(self) -> Stage:
        recipe = self.recipe
        torch.manual_seed(recipe.seed)
        twin = self._stage("float_twin", FloatNet(recipe.network, recipe.features))
        if recipe.init_from is not None:
            warm_start(twin.net, recipe.network, recipe.init_from.float_twin)
            twin.loss.weight.data = class_centres(twin.net, self.crops, recipe.features, recipe.seed)
        _optimise(twin, self)
        return twin

    def binary(self, twin: Stage) -> Stage:
        """The binary network, distilled from the twin, refined."""
        recipe = self.recipe
        torch.manual_seed(recipe.seed + 1)
        stage = self._stage("binary", SpeakerNet(recipe.network, recipe.features))
        if recipe.init_from is not None:
            warm_start(stage.net, recipe.network, recipe.init_from.binary)
        self._distil(stage, twin, twin.loss)
        for number, config in enumerate(recipe.refinement, 1):
            last, name = stage, "refinement" if number == 1 else f"refinement{number}"
            stage = self._stage(name, last.net, config)
            stage.seed = recipe.seed + number
            self._distil(stage, twin, last.loss)
        return stage

    def _distil(self, stage: Stage, twin: Stage, loss: AngularMargin) -> None:
        """Optimise from ``loss``'s classifier."""
        stage.teacher = twin.net.eval()
        stage.loss.load_state_dict(loss.state_dict())
        if stage.config.distil_whitened and self.recipe.whiten is not None:
            whitening = self.recipe.whiten
            covariance = within_class_covariance(twin.net, self.recipe, whitening, self.crops)
            stage.metric = whitening_matrix(covariance, whitening.shrink).float()
        _optimise(stage, self)

    def _stage(self, name: str, net: SpeakerNet | FloatNet, config: StageConfig | None = None) -> Stage:
        recipe = self.recipe
        config = config or getattr(recipe, name)
        loss = AngularMargin(recipe.network.embedding, self.crops.classes, config.margin, config.scale)
        return Stage(name, config, net, loss, seed=recipe.seed)


def _optimise(stage: Stage, run: Run) -> None:
    recipe, crops, log = run.recipe, run.crops, run.log
    checkpoint = run.out / f"{stage.name}.ckpt"
    if checkpoint.exists():
        stage.load(checkpoint)
        settle_shifts(stage.net)
    _forget_after(log, stage.name, stage.step)
    stage.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
    wall, cpu, losses = time.monotonic(), time.process_time(), []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # One thread prepares the next batch (augmentation, teacher) while the step runs.
    with Progress(*columns) as progress, ThreadPoolExecutor(1) as ahead:
        following = ahead.submit(_batch, stage, recipe, crops, stage.step)
        task = progress.add_task(stage.name, total=stage.config.steps, completed=stage.step)
        while stage.step < stage.config.steps:
            batch = following.result()
            following = ahead.submit(_batch, stage, recipe, crops, stage.step + 1)
            losses.append(_train_step(stage, batch))
            stage.step += 1
            progress.advance(task)
            if stage.step % stage.config.evaluate_every == 0 or stage.step == stage.config.steps:
                stage.wall_s += time.monotonic() - wall
                stage.cpu_s += time.process_time() - cpu
                settle_shifts(stage.net)
                eer = run.heldout.eer(stage.net)
                wall, cpu = time.monotonic(), time.process_time()
                row = {
                    "stage": stage.name,
                    "step": stage.step,
                    "loss": round(float(np.mean(losses)), 4),
                    "heldout_eer": round(eer["clean"], 4),
                    "heldout_noisy_eer": round(eer["noisy"], 4),
                    "wall_s": round(stage.wall_s, 1),
                    "cpu_s": round(stage.cpu_s, 1),
                }
                with log.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
                progress.console.print(json.dumps(row))
                losses = []
                stage.save(checkpoint)


def settle_shifts(net: nn.Module) -> None:
    """Round the shifts before the signs to what training in bfloat16 computed with, in place.

    Training drives many of them next to a value of the stream, where their last bits decide a sign: without this,
    float32 decides one shift in eight otherwise than the network was trained.
    """
    if bfloat16_is_fast():
        for unit in net.modules():
            if isinstance(unit, BinaryUnit):
                unit.shift.data = unit.shift.data.bfloat16().float()


@dataclass(frozen=True)
class _Batch:
    """Features ``[N, 1, T, F]``, classes ``[N]`` and the teacher's embeddings ``[N, E]``, whitened by the metric."""

    x: Tensor
    classes: Tensor
    target: Tensor | None


def _batch(stage: Stage, recipe: Recipe, crops: Crops, step: int) -> _Batch:
    """The batch that belongs to this seed and step, whoever asks for it and when."""
    mels, classes = crops.batch(np.random.default_rng([stage.seed, step]), stage.config.batch, stage.config.crop_frames)
    generator = torch.Generator().manual_seed(stage.seed * 1_000_003 + step)
    x = as_features(augment(torch.from_numpy(mels), recipe.augment, generator), recipe.features)[:, None]
    x = x.contiguous(memory_format=torch.channels_last)
    target = None
    if stage.teacher is not None:
        with torch.no_grad(), _autocast():
            target = stage.teacher(x).float()
        if stage.metric is not None:
            target = target @ stage.metric
    return _Batch(x, torch.from_numpy(classes), target)


def _train_step(stage: Stage, batch: _Batch) -> float:
    stage.net.train()
    for unit in stage.net.body:
        if isinstance(unit, BinaryUnit) and isinstance(unit.conv, FastConv):
            unit.conv.real = stage.step < stage.config.real_weights
    for group in stage.optimiser.param_groups:
        group["lr"] = stage.rate()
    with _autocast():
        embeddings = stage.net(batch.x).float()
    loss: Tensor = stage.loss(embeddings, batch.classes)
    if batch.target is not None:
        if stage.metric is not None:
            embeddings = embeddings @ stage.metric
        loss = loss + stage.config.distil * embedding_distance(embeddings, batch.target)
    if not torch.isfinite(loss):
        raise FloatingPointError(f"{stage.name}: the loss is not finite at step {stage.step}")
    stage.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    stage.optimiser.step()
    return loss.item()


def _autocast() -> torch.autocast:
    """bfloat16 where the CPU multiplies it natively: +-1 is exact in it, elsewhere it would only be slower."""
    return torch.autocast("cpu", torch.bfloat16, enabled=bfloat16_is_fast())


def bfloat16_is_fast() -> bool:
    """Whether this CPU has instructions for it; decides what training computes in."""
    return bool(torch.cpu._is_avx512_bf16_supported())


def _forget_after(log: Path, stage: str, step: int) -> None:
    """Drop log rows that a resumed run will write again."""
    if log.exists():
        rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        kept = [row for row in rows if row["stage"] != stage or row["step"] <= step]
        log.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
