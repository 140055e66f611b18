// Stand-in for Vitis' hls_stream.h in hwsv's C simulation: an unbounded FIFO in which reading an empty stream and
// data left over at the end of a stream's life are errors that end the run (exit code 3, one line on stderr).
//
// With HWSV_CSIM_TRACE=FOLDER in the environment each stream appends its words, in order, to FOLDER/NAME.bin whenever it
// has run empty: processes run one after the other, so that is once an utterance.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <ap_int.h>

namespace hls {

namespace csim {

[[noreturn]] inline void fail(const char* what, const std::string& stream) {
  std::fprintf(stderr, "hwsv-csim-error: %s: %s\n", what, stream.c_str());
  std::fflush(nullptr);
  std::_Exit(3);
}

inline const char* trace_folder() {
  static const char* const folder = std::getenv("HWSV_CSIM_TRACE");
  return folder;
}

/// 64-bit limbs of a word, least significant first.
template <int WIDTH>
void append_limbs(const ap_uint<WIDTH>& word, std::vector<uint64_t>& out) {
  for (int i = 0; i < (WIDTH + 63) / 64; ++i) out.push_back(ap_uint<64>(word >> (64 * i)).to_uint64());
}
template <typename Word>
void append_limbs(const Word& word, std::vector<uint64_t>& out) {
  out.insert(out.end(), word.limb, word.limb + word.limbs);
}

}  // namespace csim

template <typename T>
class stream {
 public:
  explicit stream(const char* name = "unnamed") : name_(name) {}
  stream(const stream&) = delete;
  stream& operator=(const stream&) = delete;
  ~stream() {
    if (!empty()) csim::fail("words left over in stream", name_);
  }

  T read() {
    if (empty()) csim::fail("read on empty stream", name_);
    const T word = words_[head_++];
    if (empty()) forget();
    return word;
  }
  void write(const T& word) { words_.push_back(word); }
  bool empty() const { return head_ == words_.size(); }
  bool full() const { return false; }
  size_t size() const { return words_.size() - head_; }

 private:
  /// All words were read: start again, and give a large buffer back.
  void forget() {
    if (csim::trace_folder()) dump();
    words_.clear();
    head_ = 0;
    if (words_.capacity() > 4096) words_.shrink_to_fit();
  }
  void dump() const {
    std::vector<uint64_t> limbs;
    for (const T& word : words_) csim::append_limbs(word, limbs);
    const std::string path = std::string(csim::trace_folder()) + "/" + name_ + ".bin";
    FILE* file = std::fopen(path.c_str(), "ab");
    const bool good = file && std::fwrite(limbs.data(), 8, limbs.size(), file) == limbs.size();
    if (!good || std::fclose(file)) csim::fail("cannot write trace of stream", name_);
  }

  std::string name_;
  std::vector<T> words_;
  size_t head_ = 0;
};

}  // namespace hls
