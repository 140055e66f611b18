// Matrix-vector unit: XNOR-popcount for bipolar operands, multiply-accumulate for all others.
#pragma once

#include "words.hpp"

namespace hwsv {

/// sum of x * w over the lanes of one beat, `Acc` wide.
template <typename In, typename Weight, typename Acc, int SIMD>
struct dot_product {
  static Acc of(const word_t<In::bits * SIMD>& x, const word_t<Weight::bits * SIMD>& w) {
#pragma HLS INLINE
    Acc sum = 0;
    for (int lane = 0; lane < SIMD; ++lane) {
#pragma HLS UNROLL
      sum += lane_of<In>(x, lane) * lane_of<Weight>(w, lane);
    }
    return sum;
  }
};

/// Bipolar operands: equal bits count +1, unequal ones -1.
template <typename Acc, int SIMD>
struct dot_product<Bipolar, Bipolar, Acc, SIMD> {
  static Acc of(const word_t<SIMD>& x, const word_t<SIMD>& w) {
#pragma HLS INLINE
    return Acc(SIMD - 2 * popcount(word_t<SIMD>(x ^ w)));
  }
};

/// One product a pixel, or with `C::flatten` one an utterance. Beats run over neuron folds, then synapse folds; the
/// input words of a product are popped in neuron fold 0, kept, and replayed. A marked word adds 0.
/// weights[neuron fold * synapse_folds + synapse fold]: PE rows of SIMD weights side by side.
template <typename C, int ROWS, int LIMBS>
void mvtu(hls::stream<length_t>& length, const uint64_t (&weights)[ROWS][LIMBS], hls::stream<word_t<C::in_bits>>& in,
          hls::stream<word_t<C::out_bits>>& out) {
#pragma HLS ARRAY_RESHAPE variable=weights type=complete dim=2
  using In = typename C::in_type;
  using Weight = typename C::weights_type;
  using Acc = typename C::out_type::value;
  word_t<C::in_bits> kept[C::synapse_folds];
  Acc sums[C::pe];
#pragma HLS ARRAY_PARTITION variable=sums type=complete dim=1

  const int frames = length.read().to_int();
  const int products = C::flatten ? 1 : frames * C::in_freq;
  for (int product = 0; product < products; ++product) {
    for (int neuron = 0; neuron < C::neuron_folds; ++neuron) {
      for (int synapse = 0; synapse < C::synapse_folds; ++synapse) {
#pragma HLS PIPELINE II=1 style=flp
        word_t<C::in_bits> word;
        if (neuron == 0) {
          word = in.read();
          kept[synapse] = word;
        } else {
          word = kept[synapse];
        }
        const bool counts = !(C::in_marks && word[C::in_bits - 1]);
        const word_t<C::simd * In::bits> x = slice<C::simd * In::bits>(word, 0);
        const word_t<C::weights_bits> beat = row_of<C::weights_bits>(weights, neuron * C::synapse_folds + synapse);
        word_t<C::out_bits> result = 0;
        for (int pe = 0; pe < C::pe; ++pe) {
#pragma HLS UNROLL
          const Acc before = synapse == 0 ? Acc(0) : sums[pe];
          const word_t<C::simd * Weight::bits> w =
              slice<C::simd * Weight::bits>(beat, pe * C::simd * Weight::bits);
          sums[pe] = counts ? Acc(before + dot_product<In, Weight, Acc, C::simd>::of(x, w)) : before;
          set_lane<typename C::out_type>(result, pe, sums[pe]);
        }
        if (synapse == C::synapse_folds - 1) out.write(result);
      }
    }
  }
}

}  // namespace hwsv
