"""Commands on voices: embed, evaluate."""

import os
from pathlib import Path
from typing import Annotated

import typer

from hwsv.cli.app import app
from hwsv.cli.board import LEVEL, Port, computing
from hwsv.cli.design import DesignFolder
from hwsv.cli.output import Json, check_writable, print_json, print_table, progress
from hwsv.errors import InputError


@app.command()
def embed(
    folder: DesignFolder,
    wav: Annotated[list[Path], typer.Argument(metavar="WAV...", help="Audio files.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="F.npz", help="Write paths, embeddings, frames, hashes.")
    ] = None,
    level: Annotated[str, typer.Option(help="Level of the chain that computes.")] = LEVEL,
    port: Port = None,
    as_json: Json = False,
) -> None:
    """Integer embeddings of recordings, and their cosines."""
    import numpy as np

    from hwsv import embed as steps
    from hwsv.design import Design
    from hwsv.host.features import features_hash

    check_writable(out)
    level, options = computing(level, port)
    design = Design.open(folder)
    with progress() as report:
        features = steps.audio_features(design, wav, progress=report)
        inputs = [steps.fit(design, array, str(path)) for array, path in zip(features, wav, strict=True)]
        embeddings = steps.embed(design, inputs, level, options, report)
    cosines = steps.cosine_matrix(steps.host_post(design, embeddings))
    frames, hashes = [len(x) for x in inputs], [features_hash(array) for array in features]
    paths = [str(path) for path in wav]
    if out:
        with out.open("wb") as file:
            np.savez(file, paths=paths, embeddings=embeddings, frames=frames, features_sha256=hashes)
    if as_json:
        rows = [
            {"path": p, "frames": n, "features_sha256": h, "embedding": e.tolist()}
            for p, n, h, e in zip(paths, frames, hashes, embeddings, strict=True)
        ]
        return print_json({"level": level, "utterances": rows, "cosines": cosines.tolist()})
    shown = [
        (i, p, n, h[:16], " ".join(map(str, e[:6])) + " …")
        for i, (p, n, h, e) in enumerate(zip(paths, frames, hashes, embeddings, strict=True), 1)
    ]
    title = f"{embeddings.shape[1]} integers each, computed by level {level}"
    print_table(title, ["", "file", ">frames", "features SHA-256", "embedding"], shown)
    if len(wav) > 1:
        columns = ["", *(f">{i}" for i in range(1, len(wav) + 1))]
        print_table("Cosines", columns, [(i, *(f"{c:+.3f}" for c in row)) for i, row in enumerate(cosines, 1)])


@app.command()
def evaluate(
    folder: DesignFolder,
    trials: Annotated[list[Path], typer.Option(metavar="T", help="Trial list '1|0 enrol test'; repeatable.")],
    root: Annotated[Path, typer.Option(metavar="AUDIO", help="Folder that the lists' paths are under.")],
    level: Annotated[str, typer.Option(help="Level of the chain that computes.")] = "emulator",
    float_model: Annotated[
        Path | None, typer.Option("--float", metavar="F.onnx", help="Float twin to stand beside it.")
    ] = None,
    control: Annotated[bool, typer.Option("--control", help="Also the MFCC control.")] = False,
    utt2spk: Annotated[
        list[Path] | None, typer.Option(metavar="F", help="Who speaks (for the interval); repeatable.")
    ] = None,
    cohort: Annotated[
        list[Path] | None,
        typer.Option(metavar="F", help="List of other speakers' utterances: scores s-normalised as well; repeatable."),
    ] = None,
    det: Annotated[Path | None, typer.Option(metavar="F.png", help="Write a DET picture.")] = None,
    cache: Annotated[Path | None, typer.Option(metavar="DIR", help="Keep features here.")] = None,
    as_json: Json = False,
) -> None:
    """Equal error rate and detection cost of what the design computes, on trial lists; kept for 'hwsv report'."""
    from hwsv.design import Design
    from hwsv.evaluate import FLOAT, NORMALISED, Request
    from hwsv.evaluate import evaluate as run
    from hwsv.host.trials import read_trials, read_utt2spk, read_utterances
    from hwsv.report.evaluation import keep
    from hwsv.verify.level import level_class

    design = Design.open(folder)
    level_class(level)
    check_writable(det)
    if det and det.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise InputError(f"{det}: a DET picture is a .png, .pdf or .svg file")
    speakers = {u: s for path in utt2spk for u, s in read_utt2spk(path).items()} if utt2spk else None
    others = [utterance for path in cohort or () for utterance in read_utterances(path)]
    lists = [read_trials(path) for path in trials]
    request = Request(lists, root, level, float_model, control, speakers, cache, others)
    with progress() as report:
        results = run(design, request, report)
    if os.access(folder, os.W_OK):
        keep(design, results, request)
    if det:
        from hwsv.host.det import draw

        draw(results, det)
    differences = {
        name: {kind.strip(", ") or "cosine": found[level + kind].difference(found[FLOAT + kind]) for kind in kinds}
        for name, found in results.items()
        if (kinds := [kind for kind in ("", NORMALISED) if FLOAT + kind in found])
    }
    if as_json:
        every = {name: {system: r.to_json() for system, r in found.items()} for name, found in results.items()}
        beside = {
            name: {kind: {"eer": d, "ci95": [low, high]} for kind, (d, low, high) in found.items()}
            for name, found in differences.items()
        }
        # the figures of the design on the first list, and beside them everything
        return print_json(every[lists[0].name][level] | {"lists": every, "minus_float": beside})
    rows = []
    for name, found in results.items():
        for system, r in found.items():
            low, high = r.eer_ci95
            costs = [f"{cost:.3f}" for cost in r.min_dcf.values()]
            interval = f"{100 * low:.2f} - {100 * high:.2f}"
            rows.append((name, system, f"{100 * r.eer:.2f}", interval, *costs, f"{r.targets:,}", f"{r.nontargets:,}"))
    columns = ["list", "system", ">EER %", ">95 % interval", ">minDCF 0.01", ">minDCF 0.05", ">targets", ">nontargets"]
    print_table(f"{design.manifest.name} ({design.manifest.hash[:12]})", columns, rows)
    if differences:
        shown = [
            (name, kind, f"{100 * d:+.2f}", f"{100 * low:+.2f} - {100 * high:+.2f}")
            for name, found in differences.items()
            for kind, (d, low, high) in found.items()
        ]
        columns = ["list", "scores", ">EER, points", ">95 % interval over speakers"]
        print_table(f"{level} minus {FLOAT}, paired", columns, shown)
