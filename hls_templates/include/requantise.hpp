// Requantise: a per-channel fixed-point multiply-add of one or two pieces, then saturation.
#pragma once

#include "words.hpp"

namespace hwsv {

/// out = step * clip((x * mult[c][p] + bias[c][p]) >> shift, low, high) + offset, >> rounding down; piece p is 1 where
/// there are two and x >= split[c]. mult, bias [fold]: `pieces` values a lane; split [fold]: one a lane, not used with
/// one piece. One lane serves all where the channels share their parameters.
template <typename C, int ROWS, int MULT_LIMBS, int BIAS_LIMBS, int SPLIT_ROWS, int SPLIT_LIMBS>
void requantise(hls::stream<length_t>& length, const uint64_t (&mult)[ROWS][MULT_LIMBS],
                const uint64_t (&bias)[ROWS][BIAS_LIMBS], const uint64_t (&split)[SPLIT_ROWS][SPLIT_LIMBS],
                hls::stream<word_t<C::in_bits>>& in, hls::stream<word_t<C::out_bits>>& out) {
#pragma HLS ARRAY_RESHAPE variable=mult type=complete dim=2
#pragma HLS ARRAY_RESHAPE variable=bias type=complete dim=2
#pragma HLS ARRAY_RESHAPE variable=split type=complete dim=2
  using Sum = typename C::sum_type::value;
  const int words = length.read().to_int() * C::in_frame_words;
  int fold = 0;
  for (int n = 0; n < words; ++n) {
#pragma HLS PIPELINE II=1 style=flp
    const word_t<C::in_bits> word = in.read();
    const word_t<C::mult_bits> mults = row_of<C::mult_bits>(mult, fold);
    const word_t<C::bias_bits> biases = row_of<C::bias_bits>(bias, fold);
    const word_t<C::split_bits> splits = row_of<C::split_bits>(split, C::pieces == 2 ? fold : 0);
    word_t<C::out_bits> result = 0;
    for (int lane = 0; lane < C::in_lanes; ++lane) {
#pragma HLS UNROLL
      const typename C::in_type::value x = lane_of<typename C::in_type>(word, lane);
      const int row = C::shared ? 0 : lane;
      const bool upper = C::pieces == 2 && x >= lane_of<typename C::split_type>(splits, row);
      const int piece = row * C::pieces + (upper ? 1 : 0);
      const Sum sum = x * lane_of<typename C::mult_type>(mults, piece) + lane_of<typename C::bias_type>(biases, piece);
      const Sum clipped = clip(Sum(sum >> C::shift), Sum(C::low), Sum(C::high));
      set_lane<typename C::out_type>(result, lane, integer<64>(C::step * clipped + C::offset));
    }
    out.write(result);
    fold = next(fold, ROWS);
  }
}

}  // namespace hwsv
