// The AXI top (module of axi_top.v.j2) with a processor's side on stdin and stdout; numbers are 32 bits, little-endian.
//   r address             read a register: its value
//   w address value       write one
//   s count bytes         hand `count` bytes, one packet, to s_axis
//   c cycles armed        run; m_axis is taken if `armed`: bytes not yet sent, size of a whole packet or 0, its bytes
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>

#include "Vtop.h"
#include "verilated.h"

struct Beat {
  uint32_t data;
  uint8_t keep, last;
};
static Vtop top;
static std::deque<Beat> to_send;
static std::string packet;
static bool whole = false, armed = false;

static uint32_t number() {
  uint32_t value;
  if (std::fread(&value, 4, 1, stdin) != 1) std::exit(1);
  return value;
}

static void answer(uint32_t value) { std::fwrite(&value, 4, 1, stdout); }

static void cycle() {
  top.s_axis_tvalid = !to_send.empty();
  if (!to_send.empty()) top.s_axis_tdata = to_send[0].data, top.s_axis_tkeep = to_send[0].keep, top.s_axis_tlast = to_send[0].last;
  top.m_axis_tready = armed && !whole;
  top.aclk = 0, top.eval();
  const bool sent = top.s_axis_tvalid && top.s_axis_tready, taken = top.m_axis_tvalid && top.m_axis_tready;
  if (taken) {
    for (int i = 0; i < 4; i++)
      if (top.m_axis_tkeep >> i & 1) packet += char(top.m_axis_tdata >> 8 * i);
    whole = top.m_axis_tlast;
  }
  top.aclk = 1, top.eval();
  if (sent) to_send.pop_front();
}

static uint32_t read(uint32_t address) {
  top.s_axi_araddr = address, top.s_axi_arvalid = 1, top.s_axi_rready = 1;
  for (;;) {
    top.aclk = 0, top.eval();
    const bool asked = top.s_axi_arvalid && top.s_axi_arready, done = top.s_axi_rvalid;
    const uint32_t value = top.s_axi_rdata;
    cycle();
    if (asked) top.s_axi_arvalid = 0;
    if (done) return top.s_axi_rready = 0, value;
  }
}

static void write(uint32_t address, uint32_t value) {
  top.s_axi_awaddr = address, top.s_axi_wdata = value, top.s_axi_wstrb = 15;
  top.s_axi_awvalid = top.s_axi_wvalid = top.s_axi_bready = 1;
  for (bool done = false; !done;) {
    top.aclk = 0, top.eval();
    const bool a = top.s_axi_awvalid && top.s_axi_awready, w = top.s_axi_wvalid && top.s_axi_wready;
    done = top.s_axi_bvalid;
    cycle();
    if (a) top.s_axi_awvalid = 0;
    if (w) top.s_axi_wvalid = 0;
  }
  top.s_axi_bready = 0;
}

static void send(uint32_t count) {
  while (count) {
    Beat beat{0, 0, 0};
    for (int i = 0; i < 4 && count; i++, count--) beat.data |= uint32_t(std::getchar()) << 8 * i, beat.keep |= 1 << i;
    beat.last = count == 0;
    to_send.push_back(beat);
  }
}

int main() {
  top.aresetn = 0;
  for (int i = 0; i < 20; i++) cycle();
  top.aresetn = 1;
  for (int action; (action = std::getchar()) != EOF; std::fflush(stdout)) {
    const uint32_t first = number();
    if (action == 'r') answer(read(first));
    if (action == 'w') write(first, number());
    if (action == 's') send(first);
    if (action != 'c') continue;
    armed = number();
    for (uint32_t i = 0; i < first && !whole; i++) cycle();
    answer(uint32_t(4 * to_send.size()));
    answer(whole ? uint32_t(packet.size()) : 0);
    if (whole) std::fwrite(packet.data(), 1, packet.size(), stdout), packet.clear(), whole = false;
  }
}
