// Fork: copies every word to several consumers.
#pragma once

#include "words.hpp"

namespace hwsv {

template <typename Word, typename Out>
void write_all(const Word& word, Out& out) {
#pragma HLS INLINE
  out.write(word);
}
template <typename Word, typename Out, typename... Outs>
void write_all(const Word& word, Out& out, Outs&... outs) {
#pragma HLS INLINE
  out.write(word);
  write_all(word, outs...);
}

/// Every stream of `outs` repeats `in`.
template <typename C, typename... Outs>
void fork(hls::stream<length_t>& length, hls::stream<word_t<C::in_bits>>& in, Outs&... outs) {
  const int words = length.read().to_int() * C::in_frame_words;
  for (int n = 0; n < words; ++n) {
#pragma HLS PIPELINE II=1 style=flp
    const word_t<C::in_bits> word = in.read();
    write_all(word, outs...);
  }
}

}  // namespace hwsv
