"""What choices are made by: EERs of a trained network on its held-out speakers, and what would change them.

    python -m training.heldout nano --root DATA --cache runs/first/cache --shrink 3 --snorm

prints cosine, whitening folded into the last layer (each ``--shrink``), and adaptive s-norm by training utterances;
``--fit LIST`` also the EER on a list's training speakers, which shows how much of what is learnt is learnt by heart.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwsv.errors import HwsvError
from hwsv.host.audio import load_audio
from hwsv.host.features import log_mel_int8
from training.data import Crops, read_rows, split_heldout
from training.evaluate import Heldout, embed, training_eer
from training.export import load_checkpoint
from training.recipe import Recipe, WhitenConfig
from training.whiten import whiten

_COHORT_PER_SPEAKER = 20


def cohort(recipe: Recipe, root: Path) -> list[Path]:
    """Audio of up to 20 utterances of every training speaker, none of them held out."""
    paths: dict[str, list[Path]] = {}
    for name in recipe.data.train:
        rows = read_rows(root / name)
        if name == recipe.data.heldout_from:
            rows, _ = split_heldout(rows, recipe.data.heldout_speakers, recipe.seed)
        for utterance, speaker in rows:
            paths.setdefault(speaker, []).append(root / recipe.data.audio / utterance)
    return [path for found in paths.values() for path in found[:_COHORT_PER_SPEAKER]]


def main(
    checkpoint: Annotated[str, typer.Argument(help="A shipped checkpoint's name, or a file.")],
    root: Annotated[Path, typer.Option(metavar="DATA", help="Folder with lists and audio.")],
    cache: Annotated[Path, typer.Option(metavar="DIR", help="Log-mels of the training lists are kept here.")],
    shrink: Annotated[list[float] | None, typer.Option(help="Shrinkage of the whitening; repeatable.")] = None,
    snorm: Annotated[bool, typer.Option("--snorm", help="Also adaptive s-norm.")] = False,
    fit: Annotated[list[str] | None, typer.Option(metavar="LIST", help="Also this list's training speakers.")] = None,
    twin: Annotated[str | None, typer.Option(metavar="CHECKPOINT", help="Also 1 - cosine to its embeddings.")] = None,
    same_phrase: Annotated[bool, typer.Option("--same-phrase", help="--fit: pairs that say the same only.")] = False,
) -> None:
    """EER in percent on the held-out speakers, clean and noisy."""
    try:
        net, recipe = load_checkpoint(checkpoint)
        heldout = Heldout(recipe, root)
        _show("cosine", heldout.eer(net))
        if twin:
            distance = heldout.distance(net, load_checkpoint(twin)[0])
            typer.echo("1 - cosine to the twin: " + ", ".join(f"{kind} {v:.4f}" for kind, v in distance.items()))
        for name in fit or ():
            _show(f"training speakers of {name}", {"clean": training_eer(net, recipe, root, name, same_phrase)})
        if snorm:
            spec = recipe.features
            features = [log_mel_int8(load_audio(path, spec.sample_rate), spec) for path in cohort(recipe, root)]
            _show("s-norm", heldout.eer(net, embed(net, features, spec.scale)))
        crops = Crops(recipe, root, cache) if shrink else None
        for value in shrink or ():
            assert crops is not None
            whitened, _ = load_checkpoint(checkpoint)
            whiten(whitened, recipe, WhitenConfig(shrink=value), crops)
            _show(f"whitened, shrink {value:g}", heldout.eer(whitened))
    except HwsvError as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from error


def _show(name: str, eer: dict[str, float]) -> None:
    typer.echo(f"{name}: " + ", ".join(f"{kind} {100 * value:.2f}" for kind, value in eer.items()))


if __name__ == "__main__":
    typer.run(main)
