// What the stand-in streams share: a FIFO's state, the end of a run that failed, the trace of words.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#ifndef HWSV_CSIM_FAST
#include <ap_int.h>
#endif

namespace hls {
namespace csim {

/// What is known of a stream without its type. `depth`: the words that it can hold.
struct fifo {
  std::string name;
  size_t count = 0;
  size_t depth = SIZE_MAX;
};

[[noreturn, gnu::noinline]] inline void fail(const char* what, const std::string& about) {
  std::fprintf(stderr, "hwsv-csim-error: %s: %s\n", what, about.c_str());
  std::fflush(nullptr);
  std::_Exit(3);
}

inline const char* trace_folder() {
  static const char* const folder = std::getenv("HWSV_CSIM_TRACE");
  return folder;
}

/// Appends words, as 64-bit limbs with the least significant first, to FOLDER/STREAM.bin.
inline void append_trace(const std::string& stream, const std::vector<uint64_t>& limbs) {
  const std::string path = std::string(trace_folder()) + "/" + stream + ".bin";
  FILE* file = std::fopen(path.c_str(), "ab");
  const bool good = file && std::fwrite(limbs.data(), 8, limbs.size(), file) == limbs.size();
  if (!good || std::fclose(file)) fail("cannot write trace of stream", stream);
}

#ifdef HWSV_CSIM_FAST
template <typename Word>
void append_limbs(const Word& word, std::vector<uint64_t>& out) {
  out.insert(out.end(), word.limb, word.limb + word.limbs);
}
#else
template <int WIDTH>
void append_limbs(const ap_uint<WIDTH>& word, std::vector<uint64_t>& out) {
  for (int i = 0; i < (WIDTH + 63) / 64; ++i) out.push_back(ap_uint<64>(word >> (64 * i)).to_uint64());
}
#endif

}  // namespace csim
}  // namespace hls
