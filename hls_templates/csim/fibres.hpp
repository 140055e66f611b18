// The bounded C simulation: every process of a dataflow region is a fibre that runs until a stream stops it, and goes
// from one utterance to the next without waiting for the others, as free-running hardware does.
//
// When no fibre can go on, those that stand between two utterances are done; any other means a deadlock, reported as
// one line a process, "hwsv-csim-blocked: PROCESS STREAM empty|full DEPTH busy|idle" (depth 0: unbounded), and exit code 3.
#pragma once

#include <sys/mman.h>
#include <ucontext.h>

#include <functional>
#include <memory>

#include "fifo.hpp"

namespace hls {
namespace csim {

/// Virtual memory of a fibre's stack: pages that are never touched cost nothing.
constexpr size_t stack_bytes = size_t(8) << 20;

struct fibre {
  fibre(const char* name, std::function<void()> utterance) : name(name), utterance(std::move(utterance)) {
    stack = mmap(nullptr, stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stack == MAP_FAILED || mprotect(stack, 4096, PROT_NONE)) fail("no memory for the stack of process", name);
  }
  ~fibre() { munmap(stack, stack_bytes); }
  bool ready() const { return !waits_for || waits_for->count != seen; }

  const char* name;
  std::function<void()> utterance;  ///< the work of one utterance
  void* stack;
  ucontext_t context;
  const fifo* waits_for = nullptr;
  size_t seen = 0;    ///< words in `waits_for` when it began to wait
  bool idle = true;   ///< has read and written nothing since its last utterance
};

struct fibres {
  std::vector<std::unique_ptr<fibre>> all;
  ucontext_t scheduler;
};

inline fibres& region() {
  static fibres* const only = new fibres;
  return *only;
}

/// The process that runs now.
inline fibre*& running() {
  static fibre* now = nullptr;
  return now;
}

/// The running process could not read or write `stream`: the others go on until its number of words has changed.
[[gnu::noinline]] inline void wait_for_change(const fifo& stream) {
  fibre* const self = running();
  if (!self) fail("read on empty stream", stream.name);
  self->waits_for = &stream;
  self->seen = stream.count;
  swapcontext(&self->context, &region().scheduler);
}

/// A word was read or written.
inline void note_progress() {
  if (fibre* const self = running()) self->idle = false;
}

/// Adds a process to the region.
[[gnu::noinline]] inline void process(const char* name, std::function<void()> utterance) {
  region().all.emplace_back(new fibre(name, std::move(utterance)));
  fibre& made = *region().all.back();
  getcontext(&made.context);
  made.context.uc_stack.ss_sp = made.stack;
  made.context.uc_stack.ss_size = stack_bytes;
  makecontext(&made.context, [] {
    fibre* const self = running();
    for (;;) {
      self->idle = true;
      self->utterance();
    }
  }, 0);
}

/// Runs all processes of the region, in the order of the data, until none can go on.
inline void run() {
  fibres& here = region();
  for (bool moved = true; moved;) {
    moved = false;
    for (auto& next : here.all) {
      if (!next->ready()) continue;
      moved = true;
      next->waits_for = nullptr;
      running() = next.get();
      swapcontext(&here.scheduler, &next->context);
      running() = nullptr;
    }
  }
  size_t busy = 0;
  for (auto& each : here.all) busy += !each->idle;
  if (busy) {
    for (auto& each : here.all) {
      const fifo& stream = *each->waits_for;
      std::fprintf(stderr, "hwsv-csim-blocked: %s %s %s %zu %s\n", each->name, stream.name.c_str(),
                   stream.count ? "full" : "empty", stream.depth == SIZE_MAX ? 0 : stream.depth, each->idle ? "idle" : "busy");
    }
    fail("deadlock", std::to_string(busy) + " processes wait");
  }
  here.all.clear();
}

}  // namespace csim
}  // namespace hls
