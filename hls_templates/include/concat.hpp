// Concat: the channels of several streams one after the other, pixel by pixel.
#pragma once

#include "words.hpp"

namespace hwsv {

/// Reads the stream that word `at` of a pixel comes from; the first of `ins` is port `PORT` and holds in_words(PORT).
template <typename C, int PORT, typename In>
word_t<C::out_bits> read_word(int at, In& in) {
#pragma HLS INLINE
  return in.read();
}
template <typename C, int PORT, typename In, typename... Ins>
word_t<C::out_bits> read_word(int at, In& in, Ins&... ins) {
#pragma HLS INLINE
  if (at < C::in_words(PORT)) return in.read();
  return read_word<C, PORT + 1>(at - C::in_words(PORT), ins...);
}

template <typename C, typename... Ins>
void concat(hls::stream<length_t>& length, hls::stream<word_t<C::out_bits>>& out, Ins&... ins) {
  const int words = length.read().to_int() * C::out_frame_words;
  int at = 0;
  for (int n = 0; n < words; ++n) {
#pragma HLS PIPELINE II=1 style=flp
    out.write(read_word<C, 0>(at, ins...));
    at = next(at, C::out_words);
  }
}

}  // namespace hwsv
