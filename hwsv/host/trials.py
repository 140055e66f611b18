"""Trial lists in the VoxCeleb format, and who speaks in them."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hwsv.errors import InputError


@dataclass(frozen=True)
class Trials:
    """A list of trials ``1|0 enrol test``.

    labels: bool [n], True for the same speaker. left, right: int64 [n], index into `utterances`. `path`: the file.
    """

    path: Path
    utterances: list[str]
    labels: NDArray[np.bool_]
    left: NDArray[np.int64]
    right: NDArray[np.int64]

    @property
    def name(self) -> str:
        return self.path.stem

    def line_of(self, utterance: str) -> int:
        """Number of the first line that names `utterance`."""
        index = self.utterances.index(utterance)
        return int(np.flatnonzero((self.left == index) | (self.right == index))[0]) + 1


def read_lines(path: Path, what: str) -> list[str]:
    """Lines of a text file; InputError when it is missing, not text or empty."""
    try:
        lines = path.read_text(encoding="utf-8").rstrip().splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a {what}: it is not UTF-8 text") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read as a {what} ({error.strerror})") from error
    if not lines:
        raise InputError(f"{path}: the {what} is empty")
    return lines


def read_trials(path: Path) -> Trials:
    """Read a trial list; the InputError of a malformed line names file and line."""
    index: dict[str, int] = {}
    labels, left, right = [], [], []
    for number, line in enumerate(read_lines(path, "trial list"), 1):
        fields = line.split()
        if len(fields) != 3 or fields[0] not in ("0", "1"):
            raise InputError(f"{path}:{number}: expected '1|0 enrol test', not {_shown(line)}")
        labels.append(fields[0] == "1")
        left.append(index.setdefault(fields[1], len(index)))
        right.append(index.setdefault(fields[2], len(index)))
    if len(set(labels)) < 2:
        kind = "target (1)" if not labels[0] else "non-target (0)"
        raise InputError(f"{path}: the list has no {kind} trials; error rates need both kinds")
    return Trials(path, list(index), np.array(labels), np.array(left, np.int64), np.array(right, np.int64))


def read_utt2spk(path: Path) -> dict[str, str]:
    """utterance -> speaker from a Kaldi list; the InputError of a malformed line names file and line."""
    speakers = {}
    for number, line in enumerate(read_lines(path, "utt2spk list"), 1):
        fields = line.split()
        if len(fields) != 2:
            raise InputError(f"{path}:{number}: expected 'utterance speaker', not {_shown(line)}")
        speakers[fields[0]] = fields[1]
    return speakers


def read_utterances(path: Path) -> list[str]:
    """Utterances of a trial list or of an utt2spk list, in order of appearance."""
    fields = len(read_lines(path, "list")[0].split())
    return read_trials(path).utterances if fields == 3 else list(read_utt2spk(path))


def speaker_numbers(trials: Trials, utt2spk: dict[str, str] | None = None) -> NDArray[np.int64]:
    """Speaker number 0 … S-1 of each utterance of `trials`.

    Without `utt2spk`, utterances have one speaker when a target trial says so or when they lie in one folder; folders
    are ignored in a list with a non-target trial inside a folder. Raises InputError for an utterance without speaker.
    """
    if utt2spk is not None:
        missing = [u for u in trials.utterances if u not in utt2spk]
        if missing:
            line = trials.line_of(missing[0])
            raise InputError(f"{trials.path}:{line}: {missing[0]} has no speaker in the list given")
        return np.unique([utt2spk[u] for u in trials.utterances], return_inverse=True)[1]
    _, folder = np.unique([str(PurePosixPath(u).parent) for u in trials.utterances], return_inverse=True)
    edges = np.stack([trials.left, trials.right])[:, trials.labels]
    if not (folder[trials.left] == folder[trials.right])[~trials.labels].any():
        first = np.unique(folder, return_index=True)[1]
        edges = np.concatenate([edges, [np.arange(len(folder)), first[folder]]], axis=1)
    count = len(trials.utterances)
    graph = coo_array((np.ones(edges.shape[1]), (edges[0], edges[1])), shape=(count, count))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def _shown(line: str) -> str:
    return repr(line if len(line) <= 60 else line[:57] + "...")
