// Test bench around Verilator's model of `bench`: AXI-Stream sources and sinks that may stall, a record of every
// handshake, and the end of each case, be it that all is done or that nothing moves any more.
//
// Cycle 0 is the first rising edge with `rst` low, as the simulator counts.
//
// Input file, int64 numbers: for each case
//   quiet, last                   it ends after `quiet` cycles without a handshake, or with cycle `last`
//   for each source               words, limbs, period, `period` enabled flags, words * limbs numbers
//   for each sink                 words, limbs, period, `period` enabled flags
// A period of 0 is: always enabled.
//
// Output folder: index.txt and data.bin (int64 numbers, in the order of the index)
//   case NUMBER CYCLES            cycles played until the end of the case
//   sink NUMBER WORDS LIMBS       data: cycle of each word; the words
//   probe PATH PUSHES POPS LIMBS  data: cycle of each push; the words; cycle of each pop
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "verilated.h"

using Numbers = std::vector<int64_t>;

template <class T>
void write_port(T& port, const int64_t* limbs) {
    port = static_cast<T>(limbs[0]);
}
template <std::size_t N>
void write_port(VlWide<N>& port, const int64_t* limbs) {
    for (std::size_t i = 0; i < N; i++) port[i] = static_cast<EData>(static_cast<uint64_t>(limbs[i / 2]) >> (32 * (i % 2)));
}
template <class T>
void read_port(const T& port, Numbers& to, std::size_t) {
    to.push_back(static_cast<int64_t>(port));
}
template <std::size_t N>
void read_port(const VlWide<N>& port, Numbers& to, std::size_t limbs) {
    for (std::size_t i = 0; i < limbs; i++) {
        const uint64_t high = 2 * i + 1 < N ? port[2 * i + 1] : 0;
        to.push_back(static_cast<int64_t>(high << 32 | port[2 * i]));
    }
}

// Reads the input file number by number.
struct Input {
    Numbers numbers;
    std::size_t at = 0;

    explicit Input(const std::string& path) {
        std::ifstream file(path, std::ios::binary | std::ios::ate);
        numbers.resize(static_cast<std::size_t>(file.tellg()) / sizeof(int64_t));
        file.seekg(0).read(reinterpret_cast<char*>(numbers.data()), numbers.size() * sizeof(int64_t));
        if (!file) std::exit((std::cerr << path << ": cannot be read\n", 1));
    }
    int64_t next() { return numbers.at(at++); }
    const int64_t* take(std::size_t n) {
        if (n > numbers.size() - at) std::exit((std::cerr << "the input file is too short\n", 1));
        at += n;
        return numbers.data() + at - n;
    }
};

// One end of a design. `prepare` sets its inputs for the coming edge, `handshake` tells whether a word moves with it.
struct Port {
    int64_t words, limbs, period;
    const int64_t* enabled;
    int64_t moved = 0;

    explicit Port(Input& in) : words(in.next()), limbs(in.next()), period(in.next()), enabled(in.take(period)) {}
    virtual ~Port() = default;
    virtual void prepare(int64_t cycle) = 0;
    virtual bool handshake(int64_t cycle) = 0;
    bool is_enabled(int64_t cycle) const { return !period || enabled[cycle % period]; }
};

template <class Data>
struct Source final : Port {
    Data& data;
    CData &valid, &ready;
    const int64_t* stream;

    Source(Input& in, Data& d, CData& v, CData& r) : Port(in), data(d), valid(v), ready(r), stream(in.take(words * limbs)) {}
    void prepare(int64_t cycle) override {
        valid = moved < words && is_enabled(cycle);
        if (valid) write_port(data, stream + moved * limbs);
    }
    bool handshake(int64_t) override { return valid && ready && ++moved; }
};

struct AnySink : Port {
    Numbers cycles, received, waiting;
    using Port::Port;
};

template <class Data>
struct Sink final : AnySink {
    Data& data;
    CData &valid, &ready;

    Sink(Input& in, Data& d, CData& v, CData& r) : AnySink(in), data(d), valid(v), ready(r) {}
    void prepare(int64_t cycle) override { ready = is_enabled(cycle); }
    bool handshake(int64_t cycle) override {
        if (!waiting.empty()) {  // AXI-Stream: what was offered stays until it is taken
            Numbers now;
            read_port(data, now, limbs);
            if (!valid || now != waiting) std::exit((std::cerr << "a sink's word changed in cycle " << cycle << '\n', 1));
            waiting.clear();
        }
        if (!valid) return false;
        read_port(data, ready ? received : waiting, limbs);
        if (ready) cycles.push_back(cycle), moved++;
        return ready;
    }
};

struct Case {
    int64_t quiet, last, moved_at = 0, cycles = 0;
    bool ended = false;
    std::vector<std::unique_ptr<Port>> ports;
    std::vector<AnySink*> sinks;
};

struct Channel {
    std::string path;
    std::size_t of_case;
    int64_t limbs;
    Numbers pushes, words, pops;
};

class Harness {
  public:
    explicit Harness(const std::string& input) : in(input) {}

    void add_case() {
        cases.emplace_back();
        cases.back().quiet = in.next();
        cases.back().last = in.next();
    }
    template <class Data>
    void add_source(Data& data, CData& valid, CData& ready) {
        cases.back().ports.push_back(std::make_unique<Source<Data>>(in, data, valid, ready));
    }
    template <class Data>
    void add_sink(Data& data, CData& valid, CData& ready) {
        auto sink = std::make_unique<Sink<Data>>(in, data, valid, ready);
        cases.back().sinks.push_back(sink.get());
        cases.back().ports.push_back(std::move(sink));
    }

    // The path is TOP.bench.<case name>.<channel>_fifo.probe, the case name c<number>.
    int open(const char* path, int limbs) {
        const std::string text(path);
        const auto at = text.find("bench.c") + std::strlen("bench.c");
        channels.push_back({text, std::stoul(text.substr(at)), limbs, {}, {}, {}});
        return static_cast<int>(channels.size()) - 1;
    }
    void push(int channel) {
        channels[channel].pushes.push_back(cycle);
        cases[channels[channel].of_case].moved_at = cycle;
    }
    void limb(int channel, uint64_t limb) { channels[channel].words.push_back(static_cast<int64_t>(limb)); }
    void pop(int channel) {
        channels[channel].pops.push_back(cycle);
        cases[channels[channel].of_case].moved_at = cycle;
    }

    // Clock the model until every case has ended. Without probes a case ends with its last output word.
    template <class Top>
    void run(Top& top, int64_t reset_cycles) {
        top.rst = 1;
        for (; reset_cycles > 0; reset_cycles--) tick(top);
        top.rst = 0;
        for (std::size_t running = cases.size(); running; cycle++) {
            for (Case& c : cases)
                for (auto& port : c.ports) port->prepare(cycle);
            top.clk = 0;
            top.eval();
            for (Case& c : cases)
                for (auto& port : c.ports)
                    if (port->handshake(cycle)) c.moved_at = cycle;
            top.clk = 1;
            top.eval();
            for (Case& c : cases)
                if (!c.ended && has_ended(c)) {
                    c.ended = true;
                    c.cycles = cycle + 1;
                    running--;
                }
        }
        top.final();
    }

    void write(const std::string& folder) const {
        std::ofstream index(folder + "/index.txt"), data(folder + "/data.bin", std::ios::binary);
        const auto put = [&](const Numbers& n) { data.write(reinterpret_cast<const char*>(n.data()), n.size() * sizeof(int64_t)); };
        for (std::size_t i = 0; i < cases.size(); i++) {
            index << "case " << i << ' ' << cases[i].cycles << '\n';
            for (const AnySink* sink : cases[i].sinks) {
                index << "sink " << i << ' ' << sink->moved << ' ' << sink->limbs << '\n';
                put(sink->cycles), put(sink->received);
            }
        }
        for (const Channel& c : channels) {
            index << "probe " << c.path << ' ' << c.pushes.size() << ' ' << c.pops.size() << ' ' << c.limbs << '\n';
            put(c.pushes), put(c.words), put(c.pops);
        }
        if (!index.flush() || !data.flush()) std::exit((std::cerr << folder << ": cannot be written\n", 1));
    }

  private:
    Input in;
    std::vector<Case> cases;
    std::vector<Channel> channels;
    int64_t cycle = 0;

    template <class Top>
    static void tick(Top& top) {
        top.clk = 0;
        top.eval();
        top.clk = 1;
        top.eval();
    }
    bool has_ended(const Case& c) const {
        if (cycle >= c.last) return true;
        if (!channels.empty()) return cycle - c.moved_at >= c.quiet;
        for (const AnySink* sink : c.sinks)
            if (sink->moved < sink->words) return false;
        return true;
    }
};
