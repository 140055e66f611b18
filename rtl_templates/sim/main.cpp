// bench INPUT FOLDER: play the input file, write what was recorded into the folder (see harness.hpp).
#include "ports.hpp"

static Harness* harness = nullptr;

extern "C" int hwsv_probe_open(const char* path, int limbs) { return harness->open(path, limbs); }
extern "C" void hwsv_probe_push(int channel) { harness->push(channel); }
extern "C" void hwsv_probe_limb(int channel, unsigned long long limb) { harness->limb(channel, limb); }
extern "C" void hwsv_probe_pop(int channel) { harness->pop(channel); }

int main(int argc, char** argv) {
    if (argc != 3) return (std::cerr << "usage: bench INPUT FOLDER\n", 2);
    VerilatedContext context;
    context.randReset(2);  // registers and memories start with random content: what needs a reset must have one
    context.randSeed(1);
    Harness bench(argv[1]);
    harness = &bench;
    Vbench top(&context);
    connect(bench, top);
    bench.run(top, 4);
    bench.write(argv[2]);
}
