import pytest
import yaml

from hwsv.boards import board_names, load_board
from hwsv.errors import InputError

GOOD = {
    "name": "mine", "description": "a board", "device": "D-1", "package": "P", "flow": "nextpnr", "clock_mhz": 25,
    "resources": {
        "lut": 1000, "lut_inputs": 4, "ff": 1000, "dsp": 0,
        "bram_blocks": 10, "bram_block_kbit": 18, "bram_port_bits": 36,
    },
    "sources": ["a data sheet"],
}  # fmt: skip


@pytest.mark.parametrize("name", board_names())
def test_shipped_boards_load(name):
    board = load_board(name)
    assert board.name == name, "the file is called as the board"
    assert board.clock_hz == board.clock_mhz * 1e6
    assert board.resources.bram_kbit == board.resources.bram_blocks * board.resources.bram_block_kbit


def test_the_boards_of_the_readme_are_there():
    assert {
        "ulx3s-25f", "ulx3s-85f", "tang-nano-20k", "tang-primer-25k", "pynq-z1", "pynq-z2", "ultra96-v2", "zcu104",
        "kv260", "arty-a7-35t", "arty-a7-100t",
    } <= set(board_names())  # fmt: skip


@pytest.mark.parametrize("name", board_names())
def test_shipped_boards_say_what_flows_need(name):
    board = load_board(name)
    assert board.family and board.programmer and len(board.sources) >= 2
    assert any(source.startswith("pins: ") for source in board.sources)
    if board.flow == "nextpnr":
        assert board.pins.clock and board.pins.uart_rx and board.pins.uart_tx and board.oscillator_mhz


def test_a_board_is_one_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(GOOD))
    assert load_board(str(path)).device == "D-1"


@pytest.mark.parametrize(
    "change, message",
    [
        ({"clock_mhz": 0}, "clock_mhz: .*greater than 0"),
        ({"clock_mhz": "fast"}, "clock_mhz: "),
        ({"clock_mhz": float("nan")}, "clock_mhz: "),
        ({"flow": "quartus"}, "flow: .*'nextpnr' or 'vivado'"),
        ({"device": "x; rm -rf"}, "device: "),
        ({"name": "../x"}, "name: "),
        ({"colour": "red"}, "colour: Extra inputs"),
        ({"resources": {"lut": -1}}, r"resources\.lut: "),
        ({"resources": GOOD["resources"] | {"bram_port_bits": 37}}, r"resources\.bram_port_bits: .*9, 18, 36 or 72"),
        ({"sources": []}, "sources: "),
        ({"family": "ice40"}, "family: "),
        ({"oscillator_mhz": -25}, "oscillator_mhz: "),
        ({"baud": 10}, "baud: "),
        ({"pins": {"clock": "G2; x"}}, r"pins\.clock: "),
        ({"pins": {"clock": "G2", "leds": ["B2", "G2"]}}, "pins: .*pin G2 is used twice"),
        ({"pins": {"io_standard": "LVDS"}}, r"pins\.io_standard: "),
        ({"programmer": {"tool": "hammer"}}, r"programmer\.tool: "),
    ],
)
def test_bad_values_name_the_field(change, message, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(GOOD | change))
    with pytest.raises(InputError, match=f"board file .*mine.yaml: {message}") as caught:
        load_board(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[1, 2]", b"just text", b"{name: [", b"\xff\xfe\x00", b"!!python/object/apply:os.system ['true']",
        b"name: 2020-13-45", b"[" * 1000, b"a: *b", b"\x00",
    ],
)  # fmt: skip
def test_malformed_files_give_one_line(content, tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"board file .*bad\.yaml: ") as caught:
        load_board(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["nosuch", "", "../board_configs/none", "nosuch.yaml", "a\0b"])
def test_an_unknown_board_lists_those_there_are(name):
    with pytest.raises(InputError, match=r"is not known; boards: .*ulx3s-25f"):
        load_board(name)
