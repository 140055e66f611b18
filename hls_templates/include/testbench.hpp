// Test bench helpers: streams to and from files. A word is little-endian 64-bit limbs, utterances follow one another.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "words.hpp"

namespace hwsv {

/// All 64-bit numbers of a file; `found` tells whether there is one.
inline std::vector<uint64_t> read_file(const std::string& path, bool& found) {
  std::vector<uint64_t> limbs;
  FILE* file = std::fopen(path.c_str(), "rb");
  found = file != nullptr;
  if (!file) return limbs;
  uint64_t buffer[1024];
  size_t count;
  while ((count = std::fread(buffer, sizeof(uint64_t), 1024, file)) > 0) limbs.insert(limbs.end(), buffer, buffer + count);
  std::fclose(file);
  return limbs;
}

/// Fills a stream from FOLDER/NAME.bin and returns the number of words.
template <int BITS>
size_t load(const std::string& folder, const std::string& name, hls::stream<word_t<BITS>>& stream) {
  bool found = false;
  const std::vector<uint64_t> limbs = read_file(folder + "/" + name + ".bin", found);
  if (!found) std::printf("%s/%s.bin: no such file\n", folder.c_str(), name.c_str());
  constexpr size_t step = (BITS + 63) / 64;
  for (size_t i = 0; i + step <= limbs.size(); i += step) {
    uint64_t word[1][step];
    for (size_t j = 0; j < step; ++j) word[0][j] = limbs[i + j];
    stream.write(row_of<BITS>(word, 0));
  }
  return limbs.size() / step;
}

/// Empties a stream into FOLDER/NAME.out.bin; false if FOLDER/NAME.expected.bin is there and differs.
template <int BITS>
bool store(const std::string& folder, const std::string& name, hls::stream<word_t<BITS>>& stream) {
  constexpr size_t step = (BITS + 63) / 64;
  std::vector<uint64_t> limbs;
  while (!stream.empty()) {
    uint64_t word[step];
    to_limbs(stream.read(), word);
    limbs.insert(limbs.end(), word, word + step);
  }
  FILE* file = std::fopen((folder + "/" + name + ".out.bin").c_str(), "wb");
  if (!file || std::fwrite(limbs.data(), sizeof(uint64_t), limbs.size(), file) != limbs.size() || std::fclose(file)) {
    std::printf("%s: cannot write the output\n", name.c_str());
    return false;
  }
  bool found = false;
  const std::vector<uint64_t> expected = read_file(folder + "/" + name + ".expected.bin", found);
  if (!found) return true;
  size_t differ = expected.size() == limbs.size() ? 0 : 1;
  for (size_t i = 0; i < limbs.size() && i < expected.size(); ++i) differ += limbs[i] != expected[i];
  std::printf("%s: %zu limbs, %zu expected, %zu differ\n", name.c_str(), limbs.size(), expected.size(), differ);
  return differ == 0;
}

}  // namespace hwsv
