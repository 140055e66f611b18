"""Trial lists: what is read, and that every malformed line is named."""

import numpy as np
import pytest

from hwsv.errors import InputError
from hwsv.host.trials import read_trials, read_utt2spk, read_utterances, speaker_numbers


def write(tmp_path, text, name="list.trials"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_reads(tmp_path):
    trials = read_trials(write(tmp_path, "1 a/1.wav a/2.wav\n0 a/1.wav b/1.wav\r\n0 b/1.wav  a/2.wav\n\n"))
    assert trials.name == "list"
    assert trials.utterances == ["a/1.wav", "a/2.wav", "b/1.wav"]
    assert trials.labels.tolist() == [True, False, False]
    assert trials.left.tolist() == [0, 0, 2] and trials.right.tolist() == [1, 2, 1]
    assert [trials.line_of(u) for u in trials.utterances] == [1, 1, 2]


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "empty"),
        ("\n \n", "empty"),
        ("1 a b\n2 a c\n", r"list.trials:2: expected '1\|0 enrol test', not '2 a c'"),
        ("1 a b\n\n0 a c\n", "list.trials:2: expected"),
        ("1 a b\n0 a\n", "list.trials:2: expected"),
        ("1 a b c\n", "list.trials:1: expected"),
        ("1 a b\n1 a c\n", "no non-target"),
        ("0 a b\n", "no target"),
        (b"\xff\xfe\x00\x01", "not UTF-8"),
        ("x" * 5000, r"not 'x+\.\.\.'"),
    ],
)
def test_refuses(tmp_path, text, message):
    with pytest.raises(InputError, match=message) as caught:
        read_trials(write(tmp_path, text))
    assert len(str(caught.value)) < 300 and "\n" not in str(caught.value)


def test_refuses_missing_file_and_folder(tmp_path):
    for path in (tmp_path / "none.trials", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            read_trials(path)


def test_utt2spk(tmp_path):
    path = write(tmp_path, "a/1.wav s1\nb/1.wav s2\n", "utt2spk")
    assert read_utt2spk(path) == {"a/1.wav": "s1", "b/1.wav": "s2"}
    assert read_utterances(path) == ["a/1.wav", "b/1.wav"]
    with pytest.raises(InputError, match="utt2spk:2: expected"):
        read_utt2spk(write(tmp_path, "a s1\nb s2 s3\n", "utt2spk"))


def speakers(tmp_path, text, utt2spk=None):
    trials = read_trials(write(tmp_path, text))
    numbers = speaker_numbers(trials, utt2spk)
    assert numbers.max() + 1 == len(np.unique(numbers))
    return dict(zip(trials.utterances, numbers.tolist(), strict=True))


def test_speakers_by_folder(tmp_path):
    """A text-dependent list has no target trial between different words; the folder joins them."""
    found = speakers(tmp_path, "1 s1/go_1 s1/go_2\n1 s1/up_1 s1/up_2\n0 s1/go_1 s2/go_1\n")
    assert found["s1/go_1"] == found["s1/up_2"] != found["s2/go_1"]


def test_speakers_by_target_trials(tmp_path):
    """VoxCeleb's folders are videos: target trials join those of a speaker."""
    found = speakers(tmp_path, "1 id1/v1/1 id1/v2/1\n1 id1/v2/1 id1/v3/1\n0 id1/v1/1 id2/v9/1\n0 id1/v3/2 id2/v9/2\n")
    assert found["id1/v1/1"] == found["id1/v3/1"] == found["id1/v3/2"]
    assert found["id2/v9/1"] == found["id2/v9/2"] != found["id1/v1/1"]


def test_folders_that_are_no_speakers_are_ignored(tmp_path):
    found = speakers(tmp_path, "1 all/a1 all/a2\n0 all/a1 all/b1\n0 all/a2 all/c1\n")
    assert len(set(found.values())) == 3


def test_speakers_given(tmp_path):
    text = "1 x/1 x/2\n0 x/1 y/1\n"
    found = speakers(tmp_path, text, {"x/1": "p", "x/2": "p", "y/1": "q"})
    assert found["x/1"] == found["x/2"] != found["y/1"]
    with pytest.raises(InputError, match=r"list.trials:2: y/1 has no speaker"):
        speakers(tmp_path, text, {"x/1": "p", "x/2": "p"})
