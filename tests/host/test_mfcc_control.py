"""The control: Kaldi's MFCCs, and that it tells the two invented voices of the demo apart."""

import numpy as np
import pytest

from hwsv.errors import InputError
from hwsv.host.mfcc_control import control_embeddings, mfcc
from hwsv.resources import data_folder


def test_shape_and_gain():
    audio = np.random.default_rng(0).normal(size=16000).astype(np.float32) * 0.1
    frames = mfcc(audio)
    assert frames.shape == (98, 20)
    louder = mfcc(2 * audio)
    # a gain moves c0 only: by sqrt(40) * ln(4) of an orthonormal transform, liftered by 1
    np.testing.assert_allclose(louder[:, 1:], frames[:, 1:], atol=1e-2)
    np.testing.assert_allclose(louder[:, 0] - frames[:, 0], np.sqrt(40) * np.log(4), rtol=1e-4)


def test_same_voice_is_closer():
    low, high, low_again = control_embeddings(sorted(data_folder("demo_audio").glob("*.wav")))
    assert np.linalg.norm(low - low_again) < np.linalg.norm(low - high)
    assert np.linalg.norm(low - low_again) < np.linalg.norm(low_again - high)


def test_broken_audio_is_named(tmp_path):
    (tmp_path / "x.wav").write_text("no audio")
    with pytest.raises(InputError, match=r"x\.wav"):
        list(control_embeddings([tmp_path / "x.wav"]))
