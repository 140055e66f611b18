// Add: two integer streams, each times a small constant, with saturation.
#pragma once

#include "words.hpp"

namespace hwsv {

/// out = clip(mult0 * a + mult1 * b, low, high)
template <typename C>
void add(hls::stream<length_t>& length, hls::stream<word_t<C::out_bits>>& out, hls::stream<word_t<C::in0_bits>>& a,
         hls::stream<word_t<C::in1_bits>>& b) {
  using Sum = typename C::sum_type::value;
  const int words = length.read().to_int() * C::in0_frame_words;
  for (int n = 0; n < words; ++n) {
#pragma HLS PIPELINE II=1 style=flp
    const word_t<C::in0_bits> word0 = a.read();
    const word_t<C::in1_bits> word1 = b.read();
    word_t<C::out_bits> result = 0;
    for (int lane = 0; lane < C::in0_lanes; ++lane) {
#pragma HLS UNROLL
      const Sum sum = C::mult0 * lane_of<typename C::in0_type>(word0, lane) +
                      C::mult1 * lane_of<typename C::in1_type>(word1, lane);
      set_lane<typename C::out_type>(result, lane, clip(sum, Sum(C::low), Sum(C::high)));
    }
    out.write(result);
  }
}

}  // namespace hwsv
