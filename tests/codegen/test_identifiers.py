import pytest

from hwsv.codegen.identifiers import comment, design_identifier, identifier
from hwsv.errors import InputError

HOSTILE = [
    'x"; system("rm -rf /")',
    "*/ int main() {",
    "a\nb",
    "a\r\n#include <x>",
    "a ??/",
    "a\\",
    "${x}",
    "[exec ls]$",
]


@pytest.mark.parametrize("name", [*HOSTILE, "", "_x", "x_", "a__b", "X", "1x", "int", "logic", "table", "a" * 81, "é"])
def test_identifiers_that_are_refused(name: str):
    with pytest.raises(InputError):
        identifier(name)


@pytest.mark.parametrize("name", ["conv3_mvtu", "s0c0_add_out_fork", "x"])
def test_our_identifiers_pass(name: str):
    assert identifier(name) == name


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("nano", "nano"), ("resnet18-c16", "resnet18_c16"), ("3 x", "net_3_x"), ("int", "net_int"),
        ("../../y", "y"), ('x"; system("', "x_system"), ("é", "net"),
    ],
)  # fmt: skip
def test_design_names_become_identifiers(name: str, made: str):
    assert design_identifier(name) == made


@pytest.mark.parametrize("text", HOSTILE)
def test_a_comment_is_one_harmless_line(text: str):
    made = comment(text)
    assert not set(made) & set("\"'\\*?\n\r#$&{}<>`\u2028") and len(comment(text * 50)) <= 90


def test_a_comment_keeps_onnx_names_readable():
    assert comment("/body/body.0/conv/Conv, BatchNorm_1") == "/body/body.0/conv/Conv, BatchNorm_1"
