// Plays a script on the UART of Vbench: records of [u32 count][u8 action], then `count` bytes for action 0.
//   0: send the bytes    1: hold the line low for `count` cycles (a break)    2: idle for `count` cycles
//   4: talk to the second shell
//   3: wait until nothing has been received for `count` cycles, then print what came since the last one, in hex
#include <cstdint>
#include <cstdio>
#include <vector>

#include "Vbench.h"
#include "verilated.h"

constexpr int divisor = 4;
static Vbench dut;
static uint64_t last_activity = 0, now = 0;
static std::vector<uint8_t> received;

static void receive() {
  static int timer = 0, bits = 0;
  static uint8_t byte = 0;
  if (!dut.tx) last_activity = now;
  if (bits == 0) {
    if (!dut.tx) bits = 9, timer = divisor + divisor / 2;
  } else if (--timer == 0) {
    timer = divisor;
    if (--bits == 0) received.push_back(byte);
    else byte = uint8_t(byte >> 1 | dut.tx << 7);
  }
}

static void cycles(uint64_t count, int rx) {
  dut.rx = rx;
  for (uint64_t i = 0; i < count; i++, now++) {
    dut.clk = 0, dut.eval();
    dut.clk = 1, dut.eval();
    receive();
  }
}

int main(int, char** argv) {
  std::FILE* script = std::fopen(argv[1], "rb");
  dut.rst = 1, cycles(20, 1), dut.rst = 0;
  uint32_t count;
  while (std::fread(&count, 4, 1, script) == 1) {
    const int action = std::fgetc(script);
    if (action == 0)
      for (uint32_t i = 0; i < count; i++) {
        const int byte = std::fgetc(script);
        cycles(divisor, 0);
        for (int bit = 0; bit < 8; bit++) cycles(divisor, byte >> bit & 1);
        cycles(divisor, 1);
      }
    else if (action == 1) cycles(count, 0), cycles(12 * divisor, 1);
    else if (action == 2) cycles(count, 1);
    else if (action == 4) dut.wide = 1;
    else {
      last_activity = now;
      while (now - last_activity < count) cycles(1, 1);
      for (uint8_t byte : received) std::printf("%02x", byte);
      std::printf("\n"), received.clear();
    }
  }
}
