"""The private store: names, permissions, atomic files, damage."""

import json
import os
import stat
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsv.errors import InputError
from hwsv.host import speakers
from hwsv.host.speakers import Speaker, Store, checked_name
from hwsv.host.voice import Identity

IDENTITY = Identity(design="d" * 64, model="m" * 64, features="f" * 64)


def speaker(name, seed=0, **changes):
    vector = np.random.default_rng(seed).normal(size=6)
    facts = {
        "name": name,
        "date": speakers.now(),
        "recordings": 3,
        "level": "emulator",
        "folder": "/nowhere",
        "made_by": IDENTITY,
        "embedding": (vector / np.linalg.norm(vector)).tolist(),
    }
    return Speaker(**(facts | changes))


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "data" / "speakers")


def test_a_speaker_comes_back_to_the_last_bit(store):
    anna = speaker("anna")
    store.save(anna)
    assert Store(store.folder).load("anna") == anna
    assert anna.score(np.array(anna.embedding)) == pytest.approx(1)
    assert anna.score(-np.array(anna.embedding)) == pytest.approx(-1)


@pytest.mark.skipif(os.name != "posix", reason="permission bits")
def test_only_the_owner_can_read(store):
    previous = os.umask(0)
    try:
        path = store.save(speaker("anna"))
    finally:
        os.umask(previous)
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    store.folder.chmod(0o750)
    with pytest.raises(InputError, match="chmod 700"):
        Store(store.folder)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_unreadable_folder_and_file(store):
    path = store.save(speaker("anna"))
    path.chmod(0)
    with pytest.raises(InputError, match="cannot be read"):
        store.load("anna")
    store.folder.chmod(0)
    with pytest.raises(InputError, match="cannot be read"):
        Store(store.folder)
    store.folder.chmod(0o700)


def test_a_file_is_no_store(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="not a folder"):
        Store(tmp_path / "file")


@pytest.mark.parametrize("name", ["anna", "Anna-2", "so0003", "o.b_c", "José", "Łukasz", "王小明", "आरती", "محمد", "7"])
def test_names(name):
    assert checked_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/b", "a\\b", "-x", ".hidden", "a b", "a\nb", "a\0b", "a\x1b[2J", "x" * 65, "a:b",
     "\ud800", "\u0301x", "a\u202eb", "a*"],
)  # fmt: skip
def test_names_refused(name):
    with pytest.raises(InputError, match="cannot be a speaker's name"):
        checked_name(name)


@given(st.lists(st.text(min_size=1, max_size=8), min_size=2, max_size=6))
def test_names_never_leave_the_folder_and_never_collide(tmp_path_factory, texts):
    store = Store(tmp_path_factory.getbasetemp() / "never_made")
    paths = {}
    for text in texts:
        try:
            paths[checked_name(text)] = store.path(text)
        except InputError:
            continue
    assert all(path.parent == store.folder and path.name.isascii() for path in paths.values())
    assert len({path.name.lower() for path in paths.values()}) == len(paths)


def test_two_spellings_of_one_name_are_one_speaker_and_cases_are_two(store):
    store.save(speaker(checked_name("José")))
    with pytest.raises(InputError, match="already enrolled"):
        store.check_free(unicodedata.normalize("NFD", "José"), replace=False)
    store.save(speaker("josé"))
    assert [s.name for s in store.all()] == ["José", "josé"]


def test_replacing_must_be_asked_for(store):
    store.save(speaker("anna", seed=1))
    with pytest.raises(InputError, match="--replace"):
        store.save(speaker("anna", seed=2))
    assert store.load("anna") == speaker("anna", seed=1, date=store.load("anna").date)
    store.save(speaker("anna", seed=2), replace=True)
    assert store.load("anna").embedding == speaker("anna", seed=2).embedding


def test_unknown_speaker_lists_those_enrolled(store):
    with pytest.raises(InputError, match="enrolled: nobody"):
        store.load("anna")
    store.save(speaker("bert"))
    store.save(speaker("anna"))
    for action in (store.load, store.remove):
        with pytest.raises(InputError, match=r"carla is not enrolled in .*; enrolled: anna, bert"):
            action("carla")
    assert not (store.folder / "carla").exists()


def test_remove(store):
    store.save(speaker("anna"))
    store.save(speaker("bert"))
    store.remove("anna")
    assert [s.name for s in store.all()] == ["bert"]


def damage(text, kind):
    content = json.loads(text)
    match kind:
        case "truncated":
            return text[: len(text) // 2]
        case "binary":
            return "\0\x01\x02"
        case "not unit length":
            content["embedding"][0] += 0.1
        case "not finite":
            content["embedding"][0] = float("nan")
        case "empty":
            content["embedding"] = []
        case "unknown field":
            content["audio"] = "x"
        case "another name":
            content["name"] = "bert"
        case "hostile name":
            content["name"] = "../../anna"
        case "format":
            content["format"] = 2
        case "nested":
            return "[" * 100_000
    return json.dumps(content)


@pytest.mark.parametrize(
    "kind",
    ["truncated", "binary", "not unit length", "not finite", "empty", "unknown field", "another name", "hostile name",
     "format", "nested"],
)  # fmt: skip
def test_damaged_files(store, kind):
    path = store.save(speaker("anna"))
    path.write_text(damage(path.read_text(), kind))
    with pytest.raises(InputError, match="not a speaker's file, or damaged") as error:
        store.load("anna")
    assert str(path) in str(error.value)
    store.save(speaker("anna"), replace=True)
    assert store.load("anna").name == "anna"


def test_a_failed_write_leaves_the_old_file(store, monkeypatch):
    store.save(speaker("anna", seed=1))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(speakers.os, "fsync", full)
    with pytest.raises(InputError, match="No space left"):
        store.save(speaker("anna", seed=2), replace=True)
    with pytest.raises(InputError, match="No space left"):
        store.save(speaker("bert"))
    assert [path.name for path in store.folder.iterdir()] == [store.path("anna").name]
    assert store.load("anna").embedding == speaker("anna", seed=1).embedding


@pytest.mark.parametrize("what, word", [("design", "design"), ("model", "model"), ("features", "feature settings")])
def test_only_the_design_that_enrolled_is_compared(what, word):
    anna = speaker("anna")
    anna.check_made_by(IDENTITY)
    with pytest.raises(InputError, match=f"another {word}"):
        anna.check_made_by(IDENTITY.model_copy(update={what: "0" * 64}))


def test_default_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert speakers.default_folder() == tmp_path / "hwsv" / "speakers"
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for value in ("", "relative"):
        monkeypatch.setenv("XDG_DATA_HOME", value)
        assert speakers.default_folder() == tmp_path / "home" / ".local" / "share" / "hwsv" / "speakers"
