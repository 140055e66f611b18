// Mean + deviation pooling: sums, sums of squares, and counts of integer inequalities; no division, no root.
#pragma once

#include "words.hpp"

namespace hwsv {

/// How many of the ascending thresholds t satisfy scaled >= t * unit.
template <typename Type, typename Wide, int ROWS, int LIMBS>
int count_reached(const uint64_t (&thresholds)[ROWS][LIMBS], const Wide& scaled, const Wide& unit) {
#pragma HLS INLINE
  int count = 0;
  for (int level = 0; level < ROWS; ++level) {
#pragma HLS PIPELINE II=1 style=flp
    const Wide threshold = Type::decode(row_of<Type::bits>(thresholds, level));
    if (scaled >= Wide(threshold * unit)) ++count;
  }
  return count;
}

/// One output frame an utterance: over N pooled positions S1 = sum x, S2 = sum x^2, V = N * S2 - S1^2; the mean is
/// mean_offset + #{i : mean_mult * S1 >= mean[i] * N}, the deviation #{i : dev_mult * V >= dev[i] * N^2}.
/// Output order: frequency, then the means of all channels, then the deviations.
template <typename C, int MEAN_ROWS, int MEAN_LIMBS, int DEV_ROWS, int DEV_LIMBS>
void stats_pool(hls::stream<length_t>& length, const uint64_t (&mean)[MEAN_ROWS][MEAN_LIMBS],
                const uint64_t (&dev)[DEV_ROWS][DEV_LIMBS], hls::stream<word_t<C::in_bits>>& in,
                hls::stream<word_t<C::out_bits>>& out) {
  using Sum = integer<C::sum_bits>;
  using Square = integer<C::square_bits>;
  using Wide = integer<C::wide_bits>;
  constexpr int sums = C::out_freq * C::in_words;  // words of S1 and S2
  Sum s1[sums][C::in_lanes];
  Square s2[sums][C::in_lanes];
  // a sum is added to again `sums` beats later, so few of them are registers (C::banks)
#pragma HLS ARRAY_PARTITION variable=s1 type=complete dim=2
#pragma HLS ARRAY_PARTITION variable=s2 type=complete dim=2
#pragma HLS ARRAY_PARTITION variable=s1 type=cyclic factor=C::banks dim=1
#pragma HLS ARRAY_PARTITION variable=s2 type=cyclic factor=C::banks dim=1
#pragma HLS DEPENDENCE variable=s1 type=inter direction=RAW distance=sums dependent=true
#pragma HLS DEPENDENCE variable=s2 type=inter direction=RAW distance=sums dependent=true

  const int frames = length.read().to_int();
  const int words = frames * C::in_frame_words;
  int at = 0;
  bool first = true;
  for (int n = 0; n < words; ++n) {
#pragma HLS PIPELINE II=1 style=flp
    const word_t<C::in_bits> word = in.read();
    for (int lane = 0; lane < C::in_lanes; ++lane) {
#pragma HLS UNROLL
      const Square x = lane_of<typename C::in_type>(word, lane);
      s1[at][lane] = (first ? Sum(0) : s1[at][lane]) + Sum(x);
      s2[at][lane] = (first ? Square(0) : s2[at][lane]) + Square(x * x);
    }
    at = next(at, sums);
    if (at == 0) first = false;
  }

  const Wide count = frames * (C::in_freq / C::out_freq);
  for (int freq = 0; freq < C::out_freq; ++freq) {
    for (int deviation = 0; deviation < 2; ++deviation) {
      for (int channel = 0; channel < C::channels; ++channel) {
        const int row = freq * C::in_words + channel / C::in_lanes;
        const Wide sum = s1[row][channel % C::in_lanes];
        const Wide squares = s2[row][channel % C::in_lanes];
        integer<32> value;
        if (deviation == 0) {
          value = C::mean_offset + count_reached<typename C::mean_type>(mean, Wide(C::mean_mult * sum), count);
        } else {
          const Wide spread = count * squares - sum * sum;
          value = count_reached<typename C::dev_type>(dev, Wide(C::dev_mult * spread), Wide(count * count));
        }
        word_t<C::out_bits> result = 0;
        set_lane<typename C::out_type>(result, 0, value);
        out.write(result);
      }
    }
  }
}

}  // namespace hwsv
