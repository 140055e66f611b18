"""cocotb tests of the AXI shell with the mixer (axi_bench.sv); `test_axi_shell.py` builds it and names the case."""

import random

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge, Timer

from hwsv.host import axi_registers
from hwsv.host.axi_registers import MAGIC, REGISTERS, Control, ErrorCode, Status, packet
from tests.flows.axi_host import Host


async def start(dut, seed: int | None = None) -> Host:
    host = Host(dut)
    if seed is not None:
        host.stall(seed, 0, 0.3, 0.8)
    await host.power_up()
    return host


@cocotb.test(timeout_time=3, timeout_unit="ms")
async def registers_after_reset(dut) -> None:
    host = await start(dut)
    values = [await host.read_word(4 * i) for i in range(axi_registers.WORDS + 4)]
    assert axi_registers.read_info(lambda address: values[address // 4]) == host.info
    for register in REGISTERS:
        if register.reset is not None:
            assert values[register.index] == register.reset, register.name
    known = {register.index + i for register in REGISTERS for i in range(register.words)}
    assert not any(value for i, value in enumerate(values) if i not in known)
    assert await host.read_word(2**axi_registers.ADDRESS_BITS - 4) == 0


@cocotb.test(timeout_time=3, timeout_unit="ms")
@cocotb.parametrize(seed=range(2))
async def any_access(dut, seed: int) -> None:
    """Reads and writes of any address, alignment and number of bytes, many at once, channels stalled at random: the
    registers that can be written are memory, nothing else changes."""
    host = await start(dut, seed)
    r = random.Random(seed)
    values = [await host.read_word(4 * i) for i in range(axi_registers.WORDS)]
    memory = bytearray(b"".join(value.to_bytes(4, "little") for value in values) + bytes(64))
    writable = {reg.offset + i for reg in REGISTERS if reg.access == "rw" for i in range(4)}
    control = axi_registers.offset("CONTROL")
    for _ in range(40):
        spots = [axi_registers.offset(name) for name in ("SCRATCH", "TIMEOUT")]
        at = r.choice([r.choice(spots) + r.randrange(4), r.randrange(len(memory) - 16)])
        content = r.randbytes(r.randint(1, 12))
        if at <= control < at + len(content):
            continue
        for i, byte in enumerate(content, at):
            if i in writable:
                memory[i] = byte
        written = host.lite.init_write(at, content)
        if r.random() < 0.5:  # else it is under way while others are
            await written.wait()
            where, count = r.randrange(len(memory) - 16), r.randint(1, 16)
            await host.lite.wait()
            answer = await host.lite.read(where, count)
            assert answer.data == memory[where : where + count]
    await host.lite.wait()
    found = [await host.read_word(4 * i) for i in range(len(memory) // 4)]
    assert b"".join(value.to_bytes(4, "little") for value in found) == memory


@cocotb.test(timeout_time=3, timeout_unit="ms")
@cocotb.parametrize(first=["address", "data"])
async def address_and_data_apart(dut, first: str) -> None:
    host = await start(dut)
    channels = {"address": host.lite.write_if.aw_channel, "data": host.lite.write_if.w_channel}
    late = channels["data" if first == "address" else "address"]
    for value in (0x12345678, 0xFFFFFFFF):
        late.pause = True
        done = host.lite.init_write(axi_registers.offset("SCRATCH"), value.to_bytes(4, "little"))
        await ClockCycles(dut.aclk, 20)
        assert not done.is_set() and await host.read("SCRATCH") != value
        late.pause = False
        await done.wait()
        assert await host.read("SCRATCH") == value


@cocotb.test(timeout_time=3, timeout_unit="ms")
async def control_wants_its_bit_and_its_byte(dut) -> None:
    """Neither another bit nor a write without the strobe of the bit is a RESET."""
    host = await start(dut)
    host.send_raw(bytes(8))
    await host.expect_error(ErrorCode.BAD_HEADER)
    await host.lite.write(axi_registers.offset("CONTROL") + 1, b"\xff\xff\xff")
    await host.write("CONTROL", 0xFFFFFFFF & ~int(Control.RESET))
    assert await host.read("STATUS") & Status.FAILED
    await host.reset()
    assert await host.read("ERROR") == 0 and await host.read("STATUS") == 0


@cocotb.test(timeout_time=3, timeout_unit="ms")
@cocotb.parametrize(seed=[None, 1, 2])
async def utterances_of_any_lengths(dut, seed: int | None) -> None:
    host = await start(dut, seed)
    r = random.Random(seed)
    utterances = r.choices(host.utterances, k=12)
    await host.run(utterances)
    assert await host.read("UTTERANCES") == await host.read("RESULTS") == len(utterances)
    assert await host.read("STATUS") == Status.DONE
    assert await host.read("HEADER") == utterances[-1].frames | host.tag << 16
    assert await host.read("FED") == utterances[-1].frames * host.info.frame_words
    await host.expect_silence()


@cocotb.test(timeout_time=3, timeout_unit="ms")
async def many_in_flight(dut) -> None:
    """Short utterances wait in the core's FIFOs: no more of them than the shell keeps in mind."""
    host = await start(dut)
    shortest = min(host.utterances, key=lambda u: u.frames)
    host.sink.pause = True
    tags = [host.send(shortest) for _ in range(30)]
    await ClockCycles(dut.aclk, 3000)
    begun = await host.read("UTTERANCES")
    assert 16 <= begun < 30 and await host.read("RESULTS") == 0
    assert await host.read("STATUS") & (Status.BLOCKED | Status.SENDING | Status.BUSY)
    host.sink.pause = False
    for tag in tags:
        await host.expect(shortest, tag)
    assert await host.read("RESULTS") == 30


def wrong_packet(r: random.Random, host: Host, code: ErrorCode) -> tuple[bytes, list[int] | None]:
    """Content (and TKEEP where it is not plain) of a packet that earns `code`."""
    u = r.choice(host.utterances)
    good = packet(u.features, u.frames, 7)
    keep = [1] * (len(good) + -len(good) % 4)
    match code:
        case ErrorCode.BAD_HEADER:
            damaged = (MAGIC ^ 1 << r.randrange(32)).to_bytes(4, "little") + good[4:]
            return r.choice([(damaged, None), (good[: r.choice([3, 4, 6, 8])], None)])
        case ErrorCode.BAD_FRAMES:
            frames = r.choice([0, host.info.frames_min - 1, host.info.frames_max + 1, 65535])
            return packet(u.features, frames, 7), None
        case ErrorCode.SHORT:
            return good[: r.choice([len(good) - 1, len(good) - 4, r.randint(9, len(good) - 1)])], None
        case ErrorCode.LONG:
            return good + bytes(r.choice([1, 3, 4, 40])), None
    missing = r.randrange(8, len(keep) - 4)  # a byte is missing in the middle
    keep[missing] = 0
    return good + bytes(len(keep) - len(good)), keep


@cocotb.test(timeout_time=3, timeout_unit="ms")
@cocotb.parametrize(
    code=[ErrorCode.BAD_HEADER, ErrorCode.BAD_FRAMES, ErrorCode.SHORT, ErrorCode.LONG, ErrorCode.BAD_KEEP],
    stalled=[False, True],
)
async def wrong_packets(dut, code: ErrorCode, stalled: bool) -> None:
    """Between good utterances: what has left is right, nothing else leaves, and after RESET all is well."""
    host = await start(dut, 3 if stalled else None)
    r = random.Random(code)
    for _ in range(4):
        before = r.choices(host.utterances, k=r.randrange(3))
        tags = [host.send(u) for u in before]
        host.send_raw(*wrong_packet(r, host, code))
        for u in r.choices(host.utterances, k=r.randrange(3)):
            host.send(u)
        await host.expect_error(code)
        await ClockCycles(dut.aclk, 300)
        for u, tag in zip(before, tags, strict=True):
            if not host.sink.empty():
                await host.expect(u, tag)
        await host.expect_silence()
        await host.reset()
        assert await host.read("STATUS") == 0 and await host.read("UTTERANCES") == 0
        await host.run(r.choices(host.utterances, k=2))


@cocotb.test(timeout_time=3, timeout_unit="ms")
@cocotb.parametrize(seed=range(2), how=["rest follows", "dma reset", "aresetn"])
async def reset_in_the_middle(dut, seed: int, how: str) -> None:
    """At any cycle; the next utterances are computed as if nothing had been before."""
    host = await start(dut, seed)
    r = random.Random(seed)
    for _ in range(10):
        for u in r.choices(host.utterances[2:], k=2):
            host.send(u)
        await ClockCycles(dut.aclk, r.randint(1, r.choice([60, 600])))
        if how == "aresetn":
            host.source.clear()
            await host.power_up()
            assert await host.read("UTTERANCES") == 0
        elif how == "dma reset":
            await host.cut()
            await host.reset()
        else:  # what is left of a packet is skipped; the packet behind it is whole, and so is its embedding
            await host.write("CONTROL", Control.RESET)
            await host.source.wait()
            while await host.read("STATUS") & (Status.BUSY | Status.SENDING):
                pass
        host.sink.clear()
        await host.run(r.choices(host.utterances, k=2))


@cocotb.test(timeout_time=3, timeout_unit="ms")
async def reset_while_sending(dut) -> None:
    """A packet that has begun is sent to its end, but is no result of the next run."""
    host = await start(dut)
    u, other = host.utterances[:2]
    tag = host.send(u)
    host.sink.pause = True
    while not await host.read("STATUS") & Status.BLOCKED:
        pass
    await host.write("CONTROL", Control.RESET)
    await ClockCycles(dut.aclk, 50)
    assert await host.read("STATUS") == Status.SENDING | Status.BLOCKED
    next_tag = host.send(other)
    await ClockCycles(dut.aclk, 2000)
    host.sink.pause = False
    await host.expect(u, tag)
    await host.expect(other, next_tag)
    assert await host.read("RESULTS") == 1


@cocotb.test(timeout_time=3, timeout_unit="ms")
async def reset_with_an_embedding_behind(dut) -> None:
    """Only the packet that is on the bus outlives RESET, not the one that waits behind its last beats."""
    host = await start(dut)
    u, other = host.utterances[:2]
    tag = host.send(u)
    host.send(other)
    taken = 0
    while taken < 4:  # of 6 beats
        await RisingEdge(dut.aclk)
        taken += int(dut.m_axis_tvalid.value) & int(dut.m_axis_tready.value)
    host.sink.pause = True
    await ClockCycles(dut.aclk, 1000)
    await host.write("CONTROL", Control.RESET)
    host.sink.pause = False
    await host.expect(u, tag)
    await host.expect_silence()
    assert await host.read("RESULTS") == 0
    await host.run(host.utterances)


@cocotb.test(timeout_time=3, timeout_unit="ms")
async def input_stops(dut) -> None:
    host = await start(dut)
    await host.write("TIMEOUT", 500)
    await host.run(host.utterances[:1])
    await ClockCycles(dut.aclk, 1000)  # nothing to do is no time-out
    assert await host.read("STATUS") == Status.DONE
    host.send(host.utterances[0])
    await ClockCycles(dut.aclk, 8)
    host.source.pause = True
    await ClockCycles(dut.aclk, 450)
    status = Status(await host.read("STATUS"))
    assert status == Status.BUSY | Status.INSIDE | Status.STARVED
    await ClockCycles(dut.aclk, 100)
    host.source.pause = False
    await host.expect_error(ErrorCode.INPUT_TIMEOUT)
    await host.reset()
    await host.run(host.utterances)


@cocotb.test(timeout_time=3, timeout_unit="ms")
async def core_stops(dut) -> None:
    host = await start(dut)
    await host.write("TIMEOUT", 500)
    for wait in (20, 300):
        host.send(host.utterances[-1])
        await ClockCycles(dut.aclk, wait)
        dut.freeze.value = 1
        await host.expect_error(ErrorCode.CORE_TIMEOUT)
        dut.freeze.value = 0
        await host.reset()
        await host.run(host.utterances)


@cocotb.test(timeout_time=3, timeout_unit="ms")
async def output_stops(dut) -> None:
    """The embedding stays on offer, and is right."""
    host = await start(dut)
    await host.write("TIMEOUT", 500)
    host.sink.pause = True
    tags = [host.send(u) for u in host.utterances[:3]]
    await host.expect_error(ErrorCode.OUTPUT_TIMEOUT)
    host.sink.pause = False
    await host.expect(host.utterances[0], tags[0])
    await host.expect_silence()
    assert await host.read("RESULTS") == 1
    await host.reset()
    await host.run(host.utterances)


@cocotb.test(timeout_time=3, timeout_unit="ms")
async def no_timeout(dut) -> None:
    """TIMEOUT 0 waits for ever."""
    host = await start(dut)
    await host.write("TIMEOUT", 0)
    host.sink.pause = True
    tag = host.send(host.utterances[0])
    await ClockCycles(dut.aclk, 12000)
    host.sink.pause = False
    await host.expect(host.utterances[0], tag)


@cocotb.test(timeout_time=3, timeout_unit="ms")
async def a_stray_word(dut) -> None:
    host = await start(dut)
    await host.run(host.utterances[:1])
    dut.stray.value = 1
    await ClockCycles(dut.aclk, 1)
    dut.stray.value = 0
    await host.expect_error(ErrorCode.STRAY)
    await host.reset()
    await host.run(host.utterances)


@cocotb.test(timeout_time=3, timeout_unit="ms")
async def no_combinational_paths(dut) -> None:
    """Whatever an input does between two clock edges, no output moves."""
    host = await start(dut, 5)
    r = random.Random(5)
    lite = [f"s_axi_{c}" for c in ("awvalid", "wvalid", "bready", "arvalid", "rready", "awaddr", "wdata", "araddr")]
    inputs = [getattr(dut, name) for name in [*lite, "s_axis_tvalid", "s_axis_tdata", "s_axis_tlast", "m_axis_tready"]]
    lite = [f"s_axi_{c}" for c in ("awready", "wready", "bvalid", "arready", "rvalid", "rdata")]
    streams = ["s_axis_tready", "m_axis_tvalid", "m_axis_tdata", "m_axis_tlast"]
    outputs = [getattr(dut, name) for name in [*lite, *streams]]
    running = cocotb.start_soon(host.run(host.utterances * 2))
    for cycle in range(600):
        await FallingEdge(dut.aclk)
        was = [int(pin.value) for pin in inputs]
        before = [int(pin.value) for pin in outputs]
        for pin in inputs:
            pin.value = r.getrandbits(len(pin))
        await Timer(1, "ns")
        assert [int(pin.value) for pin in outputs] == before, f"cycle {cycle}"
        for pin, value in zip(inputs, was, strict=True):
            pin.value = value
        if cycle % 20 == 0:
            host.lite.init_read(0, 4)
    await running
