// Pool: the maximum or the sum over the taps of each window.
#pragma once

#include "words.hpp"

namespace hwsv {

/// Windows of `taps` taps, each `out_words` words of channels. Marked taps add 0 to a sum and never win a maximum.
template <typename C>
void pool(hls::stream<length_t>& length, hls::stream<word_t<C::in_bits>>& in, hls::stream<word_t<C::out_bits>>& out) {
  using Value = typename C::out_type::value;
  const Value start = C::maximum ? Value(C::out_type::lowest) : Value(0);
  // registers: a word is combined again out_words beats later, which may be the very next beat
  Value results[C::out_words][C::in_lanes];
#pragma HLS ARRAY_PARTITION variable=results type=complete dim=0

  const int pixels = length.read().to_int() * C::in_freq;
  for (int pixel = 0; pixel < pixels; ++pixel) {
    for (int tap = 0; tap < C::taps; ++tap) {
      for (int fold = 0; fold < C::out_words; ++fold) {
#pragma HLS PIPELINE II=1 style=flp
        const word_t<C::in_bits> word = in.read();
        const bool counts = !(C::in_marks && word[C::in_bits - 1]);
        word_t<C::out_bits> result = 0;
        for (int lane = 0; lane < C::in_lanes; ++lane) {
#pragma HLS UNROLL
          const Value before = tap == 0 ? start : results[fold][lane];
          const Value x = lane_of<typename C::in_type>(word, lane);
          const Value with = C::maximum ? (x > before ? x : before) : Value(before + x);
          results[fold][lane] = counts ? with : before;
          set_lane<typename C::out_type>(result, lane, results[fold][lane]);
        }
        if (tap == C::taps - 1) out.write(result);
      }
    }
  }
}

}  // namespace hwsv
