"""Audio and feature files: what is refused, and what looks strange and is accepted."""

import io
import json
import pickle
import struct

import numpy as np
import pytest
import soundfile

from tests.hard_inputs.conftest import MELS

RATE = 16000
NOISE = (np.random.default_rng(0).normal(size=RATE) * 0.1).astype(np.float32)


def wav(samples: np.ndarray, rate: int = RATE, subtype: str = "PCM_16", kind: str = "WAV") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, subtype=subtype, format=kind)
    return file.getvalue()


def header(rate: int = RATE, channels: int = 1, claim: int | None = None, bits: int = 16, data: bytes = b"") -> bytes:
    """A RIFF file whose numbers need not be true."""
    block = channels * bits // 8
    form = struct.pack("<HHIIHH", 1, channels & 0xFFFF, rate, rate * block & 0xFFFFFFFF, block & 0xFFFF, bits)
    size = len(data) if claim is None else claim
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", min(len(body), 2**32 - 1)) + body


NAN = np.where(NOISE > 0.2, np.nan, NOISE)
BAD_AUDIO = {
    "empty": b"",
    "no_samples": wav(NOISE[:0]),
    "one_sample": wav(NOISE[:1]),
    "shorter_than_a_frame": wav(NOISE[:399]),
    "silent": wav(0 * NOISE),
    "nan": wav(NAN, subtype="FLOAT"),
    "infinite": wav(np.where(NOISE > 0.2, np.inf, NOISE), subtype="FLOAT"),
    "text": b"hello\n" * 1000,
    "truncated_header": wav(NOISE)[:30],
    "truncated_flac": wav(NOISE, kind="FLAC")[:60],
    "zeros": bytes(10_000),
    "no_channels": header(channels=0, data=bytes(1000)),
    "no_rate": header(rate=0, data=NOISE.astype("<i2").tobytes()),
    "one_hertz": header(rate=1, data=bytes(2 * RATE)),
    "ninety_minutes": wav(np.ones(90 * 60 * 1000, np.int16), rate=1000, subtype="PCM_U8"),
}


@pytest.mark.parametrize("kind", BAD_AUDIO)
def test_audio_that_is_refused(refused, design, tmp_path, kind):
    path = tmp_path / f"{kind}.wav"
    path.write_bytes(BAD_AUDIO[kind])
    assert path.name in refused("embed", design, path, "-o", tmp_path / "out.npz")


def embedding(accepted, design, path) -> dict:
    return json.loads(accepted("embed", design, path, "--json"))["utterances"][0]


def frames_of(seconds: float) -> int:
    return int(seconds * 100) - 2


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000, 96000])
def test_another_rate_is_resampled(accepted, design, tmp_path, rate):
    path = tmp_path / "a.wav"
    path.write_bytes(wav(np.interp(np.arange(rate) / rate, np.arange(RATE) / RATE, NOISE), rate))
    assert abs(embedding(accepted, design, path)["frames"] - frames_of(1)) <= 1


def test_stereo_is_mixed(accepted, design, tmp_path):
    mono, stereo = tmp_path / "mono.wav", tmp_path / "stereo.wav"
    mono.write_bytes(wav(NOISE, subtype="FLOAT"))
    stereo.write_bytes(wav(np.stack([NOISE / 2, NOISE * 1.5], axis=1), subtype="FLOAT"))
    a, b = (embedding(accepted, design, path) for path in (mono, stereo))
    assert a["embedding"] == b["embedding"]


@pytest.mark.parametrize("kind, subtype", [("FLAC", "PCM_24"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("WAV", "ULAW")])
def test_other_formats(accepted, design, tmp_path, kind, subtype):
    path = tmp_path / "a"
    path.write_bytes(wav(NOISE, subtype=subtype, kind=kind))
    assert abs(embedding(accepted, design, path)["frames"] - frames_of(1)) <= 1


def test_clipped_and_loud_audio(accepted, design, tmp_path):
    path = tmp_path / "loud.wav"
    path.write_bytes(wav(NOISE * 1e6, subtype="FLOAT"))
    assert embedding(accepted, design, path)["frames"] == frames_of(1)


@pytest.mark.parametrize("claim", [2**31, 2**32 - 1])
def test_a_claim_of_gigabytes_reads_what_is_there(accepted, design, tmp_path, claim):
    """A recorder that was switched off writes such headers: the samples that are there count."""
    path = tmp_path / "claim.wav"
    path.write_bytes(header(claim=claim, data=(NOISE * 20000).astype("<i2").tobytes()))
    assert embedding(accepted, design, path)["frames"] == frames_of(1)


def test_an_hour_is_accepted_and_cropped(accepted, design, tmp_path):
    path = tmp_path / "hour.wav"
    samples = np.tile((NOISE[:1000] * 300).astype(np.int8), 8 * 3600)[: 8000 * 3600]
    path.write_bytes(header(rate=8000, bits=8, data=(samples.astype(np.int16) + 128).astype(np.uint8).tobytes()))
    longest = json.loads((design / "design.json").read_text())["input"]["frames_max"]
    assert embedding(accepted, design, path)["frames"] == longest


def npy(array: object) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def npy_claim(shape: str, descr: str = "|i1", data: bytes = bytes(100)) -> bytes:
    """A .npy file whose header says what it wants."""
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + data


class Bomb:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return (exec, ("import pathlib; pathlib.Path('pwned').touch()",))


def zipped(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


GOOD = np.random.default_rng(0).integers(-128, 128, (60, MELS)).astype(np.int8)
BAD_FEATURES = {
    "empty": b"",
    "text": b"1 2 3\n4 5 6\n",
    "magic_only": b"\x93NUMPY",
    "truncated_header": npy(GOOD)[:40],
    "truncated_data": npy(GOOD)[:-100],
    "pickle": pickle.dumps(Bomb()),
    "object_array": npy(np.array([Bomb(), 1], dtype=object)),
    "float": npy(GOOD.astype(np.float32)),
    "bool": npy(GOOD > 0),
    "complex": npy(GOOD.astype(complex)),
    "text_array": npy(np.array([["a", "b"]])),
    "record": npy(np.zeros(3, dtype=[("a", "i1"), ("b", "i4")])),
    "dates": npy(GOOD.astype("datetime64[s]")),
    "scalar": npy(np.int8(3)),
    "vector": npy(GOOD[0]),
    "cube": npy(GOOD.reshape(4, 15, 4, 2)),
    "transposed": npy(GOOD.T),
    "no_frames": npy(GOOD[:0]),
    "out_of_range": npy(GOOD.astype(np.int32) * 2),
    "far_out_of_range": npy(np.full((60, MELS), 2**63, np.uint64)),
    "several": zipped(a=GOOD, b=GOOD),
    "claims_2_gb": npy_claim(f"({2**28}, {MELS})"),
    "claims_8_tb": npy_claim(f"({2**40}, {MELS})"),
    "claims_more_than_memory": npy_claim(f"({2**60}, {MELS})"),
    "negative_shape": npy_claim(f"(-5, {MELS})"),
    "shape_is_code": npy_claim("__import__('os').getpid()"),
    "endless_header": npy_claim("(" * 100),
    "unknown_type": npy_claim(f"(10, {MELS})", "|q9"),
}


@pytest.mark.parametrize("kind", BAD_FEATURES)
def test_features_that_are_refused(refused, design, tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"{kind}.npy"
    path.write_bytes(BAD_FEATURES[kind])
    assert path.name in refused("simulate", design, "--features", path)
    assert path.name in refused("verify", design, "--levels", "golden,emulator", "--features", path)
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int64, np.dtype(">i4"), np.int32])
def test_features_of_any_integer_type(accepted, design, tmp_path, dtype):
    np.save(tmp_path / "f.npy", np.asfortranarray(GOOD.astype(dtype)))
    found = json.loads(accepted("simulate", design, "--features", tmp_path / "f.npy", "--json"))
    assert len(found["embeddings"][0]) == 5
