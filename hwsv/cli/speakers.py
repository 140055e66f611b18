"""Commands on speakers: enroll, check, speakers, calibrate."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from hwsv.cli.app import app
from hwsv.cli.board import LEVEL, Port, computing
from hwsv.cli.design import DesignFolder
from hwsv.cli.output import Json, check_writable, print_json, print_table, progress
from hwsv.errors import InputError

Name = Annotated[str, typer.Argument(help="The speaker's name: letters, digits, - _ .")]
Level = Annotated[str, typer.Option(help="Level of the chain that computes.")]
StoreFolder = Annotated[
    Path | None, typer.Option("--store", metavar="FOLDER", help="Private folder of the speakers (user data folder).")
]


@app.command()
def enroll(
    name: Name,
    wav: Annotated[list[Path], typer.Argument(metavar="WAV...", help="Recordings of the speaker, better several.")],
    folder: Annotated[Path, typer.Option("--design", metavar="DIR", help="Design folder that computes.")],
    level: Level = LEVEL,
    port: Port = None,
    store: StoreFolder = None,
    replace: Annotated[bool, typer.Option("--replace", help="Enrol again, forget the earlier enrolment.")] = False,
    as_json: Json = False,
) -> None:
    """Enrol a speaker: keep the mean embedding of recordings, privately, and no audio."""
    from hwsv.design import Design
    from hwsv.embed import cosine_matrix
    from hwsv.host.speakers import Speaker, Store, checked_name, now
    from hwsv.host.voice import Identity, mean_voice, voices

    name = checked_name(name)
    level, options = computing(level, port)
    speakers = Store(store)
    speakers.check_free(name, replace)
    design = Design.open(folder)
    identity = Identity.of(design)
    with progress() as report:
        rows = voices(design, wav, level, report, options)
    speaker = Speaker(
        name=name,
        date=now(),
        recordings=len(wav),
        level=level,
        folder=str(folder.absolute()),
        made_by=identity,
        embedding=mean_voice(rows).tolist(),
    )
    path = speakers.save(speaker, replace)
    lowest = float(cosine_matrix(rows).min())
    if as_json:
        facts = speaker.model_dump(mode="json", include={"name", "date", "recordings", "level", "made_by"})
        return print_json(facts | {"file": str(path), "lowest_cosine": lowest})
    alike = f" recordings, the least alike with cosine {lowest:+.3f}" if len(wav) > 1 else " recording"
    print(f"enrolled {name} from {len(wav)}{alike}: {path}")


@app.command()
def check(
    name: Name,
    wav: Annotated[Path, typer.Argument(metavar="WAV", help="A recording that claims to be the speaker.")],
    folder: Annotated[
        Path | None, typer.Option("--design", metavar="DIR", help="Design folder (the one that enrolled).")
    ] = None,
    threshold: Annotated[float | None, typer.Option(help="Lowest accepted score (the calibrated one).")] = None,
    level: Level = LEVEL,
    port: Port = None,
    store: StoreFolder = None,
    as_json: Json = False,
) -> None:
    """Decide a claim: exit code 0 accepted, 1 rejected."""
    from hwsv.design import Design
    from hwsv.host import calibration
    from hwsv.host.speakers import Store
    from hwsv.host.voice import Identity, voices

    if threshold is not None and not -1 <= threshold <= 1:
        raise InputError(f"--threshold is a cosine between -1 and 1, not {threshold:g}")
    level, options = computing(level, port)
    speaker = Store(store).load(name)
    design = Design.open(folder or speaker.folder)
    speaker.check_made_by(Identity.of(design))
    limit = calibration.load(design).threshold if threshold is None else threshold
    with progress() as report:
        score = speaker.score(voices(design, [wav], level, report, options)[0])
    accepted = score >= limit
    if as_json:
        print_json(
            {
                "speaker": speaker.name,
                "score": score,
                "threshold": limit,
                "calibrated": threshold is None,
                "accepted": accepted,
                "decision": "accept" if accepted else "reject",
                "level": level,
            }
        )
    else:
        word = "accepted" if accepted else "rejected"
        print(f"{word}: {wav} as {speaker.name}, score {score:+.3f}, threshold {limit:+.3f}")
    raise typer.Exit(0 if accepted else 1)


@app.command()
def speakers(
    store: StoreFolder = None,
    remove: Annotated[str | None, typer.Option(metavar="NAME", help="Forget this speaker.")] = None,
    as_json: Json = False,
) -> None:
    """List the enrolled speakers, or forget one."""
    from hwsv.host.speakers import Store

    kept = Store(store)
    if remove is not None:
        kept.remove(remove)
    if remove is not None and not as_json:
        return print(f"removed {remove}")
    found = kept.all()
    if as_json:
        rows = [s.model_dump(mode="json", exclude={"embedding", "format"}) for s in found]
        return print_json({"store": str(kept.folder), "speakers": rows})
    shown = [(s.name, s.recordings, s.date, s.folder, s.made_by.design[:12]) for s in found]
    print_table(
        f"{len(found)} speaker{'s' * (len(found) != 1)} in {kept.folder}",
        ["name", ">recordings", "date", "design", "hash"],
        shown,
    )


@app.command()
def calibrate(
    folder: DesignFolder,
    root: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder that the list's paths are under.")],
    utt2spk: Annotated[
        Path | None, typer.Option(metavar="F", help="List 'utterance speaker' of speakers not trained on.")
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="Instead: the held-out speakers of a recipe; --root is its data folder.")
    ] = None,
    recordings: Annotated[int, typer.Option(metavar="N", help="Recordings of an enrolment.")] = 3,
    far: Annotated[float | None, typer.Option(help="Wanted rate of false accepts; else the equal error rate.")] = None,
    level: Level = "emulator",
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FILE", help="Write here (DIR/calibration.json).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Find the threshold of 'hwsv check' on speakers that the network was not trained on."""
    from hwsv.design import Design
    from hwsv.host import calibration
    from hwsv.host.trials import read_utt2spk

    design = Design.open(folder)
    out = out or folder / calibration.CALIBRATION
    check_writable(out)
    if (utt2spk is None) == (recipe is None):
        raise InputError("give one of --utt2spk and --recipe")
    if utt2spk is not None:
        rows, source = read_utt2spk(utt2spk), f"all speakers of {utt2spk.name}"
    else:
        rows, root, source = _heldout(str(recipe), root)
    with progress() as report:
        found = calibration.calibrate(design, root, rows, source, recordings, far, level, report)
    calibration.save(found, out)
    if as_json:
        return print_json(found.model_dump(mode="json"))
    low, high = found.eer_ci95
    table = [
        ("threshold", Text(f"{found.threshold:+.4f}", "bold")),
        ("false accepts", f"{100 * found.false_accepts:.2f} % of {found.nontargets:,}"),
        ("false rejects", f"{100 * found.false_rejects:.2f} % of {found.targets:,}"),
        ("equal error rate", f"{100 * found.eer:.2f} % ({100 * low:.2f} - {100 * high:.2f})"),
        ("speakers", f"{found.source}: {found.speakers}, {found.utterances} utterances, {recordings} a model"),
    ]
    print_table(f"{design.manifest.name}: {out}", ["", ">figure"], table)


def _heldout(recipe: str, root: Path) -> tuple[dict[str, str], Path, str]:
    """(utterance -> speaker, audio folder, description) of the held-out speakers of a recipe."""
    try:
        from training.data import read_rows, split_heldout
        from training.recipe import load_recipe
    except ImportError as error:
        raise InputError(f"--recipe needs the repository's training package: {error}") from error
    read = load_recipe(recipe)
    data = read.data
    _, rows = split_heldout(read_rows(root / data.heldout_from), data.heldout_speakers, read.seed)
    source = f"{data.heldout_speakers} held-out speakers of {Path(data.heldout_from).name} (recipe {read.name})"
    return dict(rows), root / data.audio, source
