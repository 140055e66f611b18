"""Enrolment and claims of test speakers: ``python -m benchmarks.speakers build/nano --corpus FOLDER``.

Ten test speakers are enrolled with three recordings each; then 100 true claims (ten other recordings of each) and 100
false claims (ten recordings of ten other test speakers, against each) are decided at the design's calibrated threshold.
The second table does the same with every model and every claim that the test list allows.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from hwsv.cli.output import print_table, progress
from hwsv.design import Design
from hwsv.host import calibration
from hwsv.host.speakers import Speaker, Store, now
from hwsv.host.trials import read_utt2spk
from hwsv.host.voice import Float, Identity, mean_voice, voices

SPEAKERS = 10
CLAIMS = 10
"""True claims and false claims a speaker."""


def main() -> None:
    """Print false rejects and false accepts; draw the scores if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("design", type=Path, help="design folder with a calibration.json")
    parser.add_argument("--corpus", type=Path, required=True, help="folder with audio/ and lists/")
    parser.add_argument("--list", default="so762_test.utt2spk", help="test speakers, under lists/")
    parser.add_argument("--level", default="emulator")
    parser.add_argument("--picture", type=Path, metavar="F.png", help="histogram of all scores")
    options = parser.parse_args()
    design = Design.open(options.design)
    found = calibration.load(design)
    listed = read_utt2spk(options.corpus / "lists" / options.list)
    with progress() as report:
        rows = voices(design, [options.corpus / "audio" / u for u in listed], options.level, report)
    names, speakers = np.unique(list(listed.values()), return_inverse=True)
    true, false = _claims(design, found, rows, speakers, names)
    every, labels, _, _ = calibration.enrolment_trials(rows, speakers, found.recordings)
    print(
        f"design {design.manifest.name} ({design.manifest.hash[:12]}), threshold {found.threshold:+.4f} "
        f"from {found.source}: {100 * found.false_rejects:.2f} % false rejects, "
        f"{100 * found.false_accepts:.2f} % false accepts there"
    )
    table = []
    for label, own, others in (
        (f"{SPEAKERS} enrolled, {found.recordings} recordings each", true, false),
        (f"all {len(names)} enrolled, every claim", every[labels], every[~labels]),
    ):
        rejects, accepts = own < found.threshold, others >= found.threshold
        table.append((label, _rate(rejects), _rate(accepts), _spread(own), _spread(others)))
    columns = ["", ">false rejects", ">false accepts", ">true scores", ">false scores"]
    print_table("Claims on test speakers (scores: median, 5 % - 95 %)", columns, table)
    if options.picture:
        _draw(every[labels], every[~labels], found.threshold, options.picture)


def _claims(
    design: Design, found: calibration.Calibration, rows: Float, speakers: np.ndarray, names: np.ndarray
) -> tuple[Float, Float]:
    """(scores of the true claims, of the false claims), through a real store of enrolled speakers."""
    identity = Identity.of(design)
    enrolled = np.linspace(0, len(names) - 1, SPEAKERS).astype(int)
    true, false = [], []
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "speakers")
        for number in enrolled:
            mine = np.flatnonzero(speakers == number)
            model = mean_voice(rows[mine[: found.recordings]])
            store.save(
                Speaker(
                    name=str(names[number]),
                    date=now(),
                    recordings=found.recordings,
                    level=found.level,
                    folder=str(design.folder),
                    made_by=identity,
                    embedding=model.tolist(),
                )
            )
        for number in enrolled:
            speaker = store.load(str(names[number]))
            speaker.check_made_by(identity)
            rng = np.random.default_rng([1, number])
            own = np.flatnonzero(speakers == number)[found.recordings :]
            impostors = rng.choice(np.delete(np.arange(len(names)), number), CLAIMS, replace=False)
            others = [rng.choice(np.flatnonzero(speakers == impostor)) for impostor in impostors]
            true += [speaker.score(rows[i]) for i in rng.choice(own, CLAIMS, replace=False)]
            false += [speaker.score(rows[i]) for i in others]
    return np.array(true), np.array(false)


def _rate(wrong: np.ndarray) -> str:
    return f"{wrong.sum():,} of {len(wrong):,} ({100 * wrong.mean():.1f} %)"


def _spread(scores: Float) -> str:
    low, middle, high = np.quantile(scores, [0.05, 0.5, 0.95])
    return f"{middle:+.2f} ({low:+.2f} - {high:+.2f})"


def _draw(true: Float, false: Float, threshold: float, path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    for scores, label in ((true, "true claims"), (false, "false claims")):
        axes.hist(scores, bins=np.linspace(-1, 1, 101), density=True, alpha=0.6, label=f"{label} ({len(scores):,})")
    axes.axvline(threshold, color="0.2", linewidth=1, label=f"threshold {threshold:+.3f}")
    axes.set(xlabel="cosine with the enrolled mean", ylabel="density")
    axes.legend()
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
