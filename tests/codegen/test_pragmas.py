"""The pragma checker, on one good file and on everything that can be wrong with it."""

import pytest

from hwsv.boards import load_board
from hwsv.codegen import hls
from hwsv.codegen.pragmas import PragmaError, check, problems
from hwsv.resources import data_folder
from hwsv.wiring import wire
from tests.graphs import resnet

GOOD = """\
#pragma once
// #pragma HLS in a comment is none
template <typename C>
void scale(hls::stream<word_t<C::in_bits>>& in, const uint64_t (&table)[4][1], hls::stream<int>& out) {
#pragma HLS ARRAY_RESHAPE variable=table type=complete dim=2
  Acc kept[C::folds];
#pragma HLS ARRAY_PARTITION variable=kept type=cyclic factor=C::banks dim=1
#pragma HLS BIND_STORAGE variable=kept type=ram_s2p
#pragma HLS DEPENDENCE variable=kept type=inter direction=RAW distance=3 dependent=true
  for (int n = 0; n < 4; ++n) {
#pragma HLS PIPELINE II=1 style=flp
    for (int i = 0; i < 4; ++i) {
#pragma HLS UNROLL
      kept[i] = in.read();
    }
  }
}

void toy(
    hls::stream<hwsv::word_t<8>>& features,
    hls::stream<hwsv::word_t<8>>& embedding) {
#pragma HLS INTERFACE mode=axis port=features
#pragma HLS INTERFACE mode=axis port=embedding
#pragma HLS INTERFACE mode=ap_ctrl_none port=return
#pragma HLS DATAFLOW
  hls::stream<hwsv::word_t<8>> middle("middle");
#pragma HLS STREAM variable=middle depth=16
  scale<config>(features, table, middle);
  scale<config>(middle, table, embedding);
}
"""


def test_a_good_file_has_no_problem():
    assert list(problems(GOOD, "toy")) == []


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("HLS PIPELINE", "HLS PIPLINE", "unknown directive"),
        ("#pragma HLS UNROLL", "#pragma hls UNROLL", "unknown directive"),
        ("#pragma HLS UNROLL", "# pragma HLS UNROLL", "unknown directive"),
        ("#pragma once", "#pragma GCC optimize", "unknown directive"),
        ("II=1 style=flp", "II=1", "missing option 'style'"),
        ("II=1 style=flp", "style=flp", "missing option 'II'"),
        ("II=1 ", "II=0 ", "unknown value '0' of 'II'"),
        ("style=flp", "style=fast", "unknown value 'fast'"),
        ("II=1 ", "II=1 II=2 ", "an option twice"),
        ("II=1 ", "II=1 rewind ", "unknown option 'rewind'"),
        ("#pragma HLS UNROLL", "#pragma HLS UNROLL factor=2", "unknown option 'factor'"),
        ("variable=middle depth=16", "variable=middle", "missing option 'depth'"),
        ("depth=16", "depth=0", "unknown value '0' of 'depth'"),
        ("depth=16", "depth=-3", "unknown value '-3' of 'depth'"),
        ("type=cyclic", "type=whole", "unknown value 'whole'"),
        ("type=ram_s2p", "type=ram", "unknown value 'ram'"),
        ("variable=kept type=ram_s2p", "variable=sums type=ram_s2p", "variable 'sums' is not declared"),
        ("variable=table", "variable=features", "variable 'features' is not declared"),  # of another function
        ("variable=middle ", "variable=midle ", "variable 'midle' is not declared"),
        ("variable=middle ", "variable=midle ", "stream 'middle' has no depth"),
        ("#pragma HLS STREAM variable=middle depth=16\n", "", "stream 'middle' has no depth"),
        ("port=features", "port=feature", "port 'feature' is not declared"),
        ("port=features", "port=feature", "'features' of top 'toy' has no axis interface"),
        ("mode=axis port=features", "mode=m_axi port=features", "unknown value 'm_axi'"),
        ("#pragma HLS INTERFACE mode=axis port=embedding\n", "", "'embedding' of top 'toy' has no axis interface"),
        ("#pragma HLS INTERFACE mode=ap_ctrl_none port=return\n", "", "not free-running"),
        ("void toy(", "void other(", "no top 'toy'"),
        ("      kept[i] = in.read();\n", "      kept[i] = in.read();\n#pragma HLS UNROLL\n", "not at the beginning"),
        (
            "  hls::stream<hwsv::word_t<8>> middle",
            "  middle.read();\n#pragma HLS INLINE\n  middle",
            "not at the beginning",
        ),
    ],
)
def test_each_mistake_is_seen(before, after, expected):
    assert before in GOOD
    found = list(problems(GOOD.replace(before, after, 1), "toy"))
    assert any(expected in problem for problem in found), found


def test_a_use_is_no_declaration():
    uses = "  return kept[0];\n  a = a > kept[1];\n  g(a, kept);\n"
    text = f"void f(int a) {{\n{uses}#pragma HLS BIND_STORAGE variable=kept type=fifo\n}}\n"
    assert any("not declared" in problem for problem in problems(text))


@pytest.mark.parametrize("name", [path.name for path in (data_folder("hls_templates") / "include").iterdir()])
def test_our_templates_are_clean(name):
    assert list(problems((data_folder("hls_templates") / "include" / name).read_text())) == []


def test_every_generation_is_checked(tmp_path, monkeypatch):
    """A mistake in a template ends the generation, and is no one's bad input."""
    graph = wire(resnet(freq=4, width=2, blocks=(1,), outputs=2))
    model = hls.generate(graph, "toy", tmp_path, load_board("pynq-z2"))
    tops = {"toy.cpp": "toy", "units/fc_mvtu.cpp": "fc_mvtu_top"}
    check(tmp_path, tops)
    for file, before, after in (
        ("toy.cpp", "mode=axis port=length", "mode=axis port=lengths"),
        ("units/fc_mvtu.cpp", "#pragma HLS INTERFACE mode=ap_ctrl_none port=return\n", ""),
        ("include/mvtu.hpp", "variable=sums", "variable=sum"),
    ):
        text = (tmp_path / file).read_text()
        assert before in text
        (tmp_path / file).write_text(text.replace(before, after))
        with pytest.raises(PragmaError, match=file):
            check(tmp_path, tops)
        (tmp_path / file).write_text(text)
    write = hls._write

    def careless(path, template, values):
        write(path, template, values)
        path.write_text(path.read_text().replace(" depth=", " dept="))

    monkeypatch.setattr(hls, "_write", careless)
    with pytest.raises(PragmaError, match=f"{model.name}.cpp: .*'dept'"):
        hls.generate(graph, "toy", tmp_path, load_board("pynq-z2"))
