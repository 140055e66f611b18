"""Clocks of boards without a processor."""

import json

import pytest

from hwsv.errors import InputError
from hwsv.flows.vivado.mmcm import mmcm
from hwsv.flows.vivado.project import write_projects
from tests.flows.vivado.projects import compiled, needs_tcl, run


@needs_tcl
def test_an_mmcm_makes_another_clock(tmp_path):
    design = compiled(tmp_path / "design", "arty-a7-35t", clock_mhz=62.5)
    (project,) = write_projects(design)
    vivado, _ = run(project.folder)
    assert vivado.project.clocks == {"clk_pin": 10, "clk": 16}
    assert json.loads(project.summary.read_text())["period_ns"] == 16


def test_mmcm_dividers_are_exact():
    for clock in (25, 50, 62.5, 66.6666666666666667, 80, 125, 133.3333333333333333, 150, 200):
        made = mmcm(100, clock)
        assert 600 <= 100 * made.multiply <= 1200 and made.divide * 8 == int(made.divide * 8)
        assert 100 * made.multiply / made.divide == pytest.approx(clock, rel=1e-9)
    assert mmcm(100, 100) is None
    with pytest.raises(InputError, match=r"cannot make 99\.9999 MHz"):
        mmcm(100, 99.9999)
