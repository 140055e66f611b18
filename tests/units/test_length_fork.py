from random import Random

import numpy as np
import pytest
from hypothesis import given

from hwsv.errors import InputError
from hwsv.units.length_fork import LengthFork
from hwsv.units.sliding_window import SlidingWindow
from tests.units import catalogue
from tests.units.strategies import RANDOMS, few


@few
@given(r=RANDOMS)
def test_golden_is_out_frames_of_the_windows_on_the_way(r: Random):
    unit = catalogue.length_fork(r)
    (x,) = catalogue.inputs(r, unit, 1)
    for stages, result in zip(unit.stages(), unit.golden(x), strict=True):
        frames = int(x[0, 0, 0])
        for kernel, stride, padding in stages:
            pads = (padding - padding // 2, 0, padding // 2, 0)
            frames = SlidingWindow(4, 1, "INT8", (kernel, 1), (stride, 1), pads).out_frames(frames)
        assert result.tolist() == [[[frames]]]


def test_one_word_an_utterance_on_every_port():
    unit = LengthFork((3, 2, 2), (0, 1))
    assert [s.word_bits for s in (*unit.inputs(), *unit.outputs())] == [16, 16, 16]
    full, halved = unit.golden(np.array([[[65535]]]))
    assert (full.item(), halved.item()) == (65535, 32768)


def test_illegal_parameters():
    with pytest.raises(InputError, match="three numbers a window"):
        LengthFork((3, 1), (1,))
