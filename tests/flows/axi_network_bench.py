"""cocotb tests of a whole top, shell and network; `test_axi_shell.py` builds it and names the case.

HWSV_AXI_PATTERNS: where the first test leaves, for the cycle simulator, when the shell offers lengths and features to
the core and takes its words (a bit a cycle), and the counters of every packet.
"""

import json
import os
from pathlib import Path

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from hwsv.host import axi_registers
from hwsv.host.axi_registers import Status
from hwsv.simulator.tables import LENGTH_SOURCE, SINK, SOURCE
from tests.flows.axi_host import Host

OFFERS = {SOURCE: "feature_valid", LENGTH_SOURCE: "length_valid", SINK: "result_ready"}


async def record(dut, patterns: dict[str, list[int]]) -> None:
    signals = {name: getattr(dut, wire) for name, wire in OFFERS.items()}
    while True:
        await RisingEdge(dut.aclk)
        for name, signal in signals.items():
            patterns[name].append(int(signal.value))


@cocotb.test(timeout_time=3, timeout_unit="ms")
@cocotb.parametrize(stalled=[False, True])
async def embeddings_and_cycles(dut, stalled: bool) -> None:
    host = Host(dut)
    if stalled:
        host.stall(4, 0.8, 0.95, 0.98)  # a beat holds four features
    await host.power_up()
    patterns: dict[str, list[int]] = {name: [] for name in OFFERS}
    recording = cocotb.start_soon(record(dut, patterns))
    results = await host.run(host.utterances)
    recording.cancel()
    assert (await host.read("TOTAL"), await host.read("LATENCY")) == (results[-1].total, results[-1].latency)
    counters = [[result.total, result.latency] for result in results]
    path = Path(os.environ["HWSV_AXI_PATTERNS"]) / f"stalled-{stalled}.json"
    path.write_text(json.dumps({"patterns": patterns, "counters": counters}))


@cocotb.test(timeout_time=3, timeout_unit="ms")
async def one_by_one(dut) -> None:
    """A driver's way: one utterance, then the next. The counters are the same every time."""
    host = Host(dut)
    await host.power_up()
    values = [await host.read_word(4 * i) for i in range(axi_registers.WORDS)]
    assert axi_registers.read_info(lambda address: values[address // 4]) == host.info
    counters = []
    for u in [*host.utterances, host.utterances[0]]:
        (result,) = await host.run([u])
        counters.append([result.total, result.latency])
        assert await host.read("STATUS") == Status.DONE
    assert counters[-1] == counters[0]
    (Path(os.environ["HWSV_AXI_PATTERNS"]) / "alone.json").write_text(json.dumps(counters[:-1]))


@cocotb.test(timeout_time=3, timeout_unit="ms")
async def a_short_packet_and_a_reset(dut) -> None:
    host = Host(dut)
    await host.power_up()
    u = host.utterances[0]
    host.send_raw(axi_registers.packet(u.features[:-1], u.frames, 1))
    await host.expect_error(axi_registers.ErrorCode.SHORT)
    await host.expect_silence()
    await host.reset()
    host.send(u)
    await ClockCycles(dut.aclk, 40)
    await host.write("CONTROL", axi_registers.Control.RESET)
    await host.source.wait()
    await host.run(host.utterances)
