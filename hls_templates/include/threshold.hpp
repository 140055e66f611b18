// Thresholds: a monotone per-channel function of an integer, as a count of comparisons.
#pragma once

#include "words.hpp"

namespace hwsv {

/// out = base + step * #{l : x >= thresholds[c][l]}; a channel that falls counts x < thresholds[c][l] instead.
/// thresholds[fold]: `levels` ascending values a lane (one lane where all channels share them); falling[fold]: a bit a
/// lane, not used where no channel falls.
template <typename C, int ROWS, int LIMBS, int FALLING_ROWS, int FALLING_LIMBS>
void threshold(hls::stream<length_t>& length, const uint64_t (&thresholds)[ROWS][LIMBS],
               const uint64_t (&falling)[FALLING_ROWS][FALLING_LIMBS], hls::stream<word_t<C::in_bits>>& in,
               hls::stream<word_t<C::out_bits>>& out) {
#pragma HLS ARRAY_RESHAPE variable=thresholds type=complete dim=2
#pragma HLS ARRAY_RESHAPE variable=falling type=complete dim=2
  const int words = length.read().to_int() * C::in_frame_words;
  int fold = 0;
  for (int n = 0; n < words; ++n) {
#pragma HLS PIPELINE II=1 style=flp
    const word_t<C::in_bits> word = in.read();
    const word_t<C::thresholds_bits> levels = row_of<C::thresholds_bits>(thresholds, fold);
    const word_t<C::falling_bits> falls = row_of<C::falling_bits>(falling, C::any_falling ? fold : 0);
    word_t<C::out_bits> result = 0;
    for (int lane = 0; lane < C::in_lanes; ++lane) {
#pragma HLS UNROLL
      const typename C::in_type::value x = lane_of<typename C::in_type>(word, lane);
      const int table = C::shared ? 0 : lane;
      integer<24> count = 0;
      for (int level = 0; level < C::levels; ++level) {
#pragma HLS UNROLL
        if (x >= lane_of<typename C::thresholds_type>(levels, table * C::levels + level)) count += 1;
      }
      if (C::any_falling && falls[table]) count = C::levels - count;
      set_lane<typename C::out_type>(result, lane, integer<32>(C::base + C::step * count));
    }
    out.write(result);
    fold = next(fold, ROWS);
  }
}

}  // namespace hwsv
