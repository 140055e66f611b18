// Lookup: any per-channel function of a small integer, as a ROM.
#pragma once

#include "words.hpp"

namespace hwsv {

/// out = table[c][x - first]. table[fold * entries + entry]: the entries of all lanes side by side, or of one lane where
/// all channels share a table. Every lane reads an address of its own.
template <typename C, int ROWS, int LIMBS>
void lookup(hls::stream<length_t>& length, const uint64_t (&table)[ROWS][LIMBS], hls::stream<word_t<C::in_bits>>& in,
            hls::stream<word_t<C::out_bits>>& out) {
#pragma HLS ARRAY_RESHAPE variable=table type=complete dim=2
#pragma HLS BIND_STORAGE variable=table type=rom_np
  const int words = length.read().to_int() * C::in_frame_words;
  int fold = 0;
  for (int n = 0; n < words; ++n) {
#pragma HLS PIPELINE II=1 style=flp
    const word_t<C::in_bits> word = in.read();
    word_t<C::out_bits> result = 0;
    for (int lane = 0; lane < C::in_lanes; ++lane) {
#pragma HLS UNROLL
      const integer<32> entry = lane_of<typename C::in_type>(word, lane) - C::first;
      const word_t<C::table_bits> row = row_of<C::table_bits>(table, fold * C::entries + int(entry));
      set_lane<typename C::out_type>(result, lane, lane_of<typename C::table_type>(row, C::shared ? 0 : lane));
    }
    out.write(result);
    fold = next(fold, ROWS / C::entries);
  }
}

}  // namespace hwsv
