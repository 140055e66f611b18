// Stand-in for Vitis' hls_stream.h in hwsv's C simulation. Data left over at the end of a stream's life and reading an
// empty stream are errors that end the run (exit code 3, one line on stderr); with HWSV_CSIM_BOUNDED, processes are
// fibres, a stream holds its declared depth, and a process that cannot go on lets the others run.
//
// With HWSV_CSIM_TRACE=FOLDER in the environment each stream appends its words, in order, to FOLDER/NAME.bin.
#pragma once

#include "fifo.hpp"

#ifdef HWSV_CSIM_BOUNDED
#include "fibres.hpp"
#else
namespace hls {
namespace csim {
[[noreturn, gnu::noinline]] inline void wait_for_change(const fifo& stream) { fail("read on empty stream", stream.name); }
inline void note_progress() {}
}  // namespace csim
}  // namespace hls
#endif

namespace hls {

template <typename T>
class stream : private csim::fifo {
 public:
  explicit stream(const char* name = "unnamed") { fifo::name = name; }
  stream(const stream&) = delete;
  stream& operator=(const stream&) = delete;
  ~stream() {
    if (!empty()) csim::fail("words left over in stream", name);
  }

  T read() {
    while (empty()) csim::wait_for_change(*this);
    const T word = words_[head_++];
    --count;
    if (empty() || (head_ >= 4096 && head_ >= count)) forget();
    csim::note_progress();
    return word;
  }
  void write(const T& word) {
    while (full()) csim::wait_for_change(*this);
    words_.push_back(word);
    ++count;
    csim::note_progress();
  }
  bool empty() const { return count == 0; }
  bool full() const { return count == depth; }
  size_t size() const { return count; }

  /// What the bounded C simulation makes of ``#pragma HLS STREAM``.
  void bound(size_t words) { depth = words; }

 private:
  /// Drops the words that were read, and gives a large buffer back.
  [[gnu::noinline]] void forget() {
    if (csim::trace_folder()) {
      std::vector<uint64_t> limbs;
      for (size_t i = 0; i < head_; ++i) csim::append_limbs(words_[i], limbs);
      csim::append_trace(name, limbs);
    }
    words_.erase(words_.begin(), words_.begin() + head_);
    head_ = 0;
    if (empty() && words_.capacity() > 16384) words_.shrink_to_fit();
  }

  std::vector<T> words_;
  size_t head_ = 0;
};

}  // namespace hls
