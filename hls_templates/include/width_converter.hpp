// Width converter: narrow words to wide ones, or wide to narrow; one lane count divides the other.
#pragma once

#include "words.hpp"

namespace hwsv {

template <typename C>
void width_converter(hls::stream<length_t>& length, hls::stream<word_t<C::in_bits>>& in,
                     hls::stream<word_t<C::out_bits>>& out) {
  constexpr bool widening = C::in_bits < C::out_bits;
  constexpr int narrow = widening ? C::in_bits : C::out_bits;
  constexpr int wide = widening ? C::out_bits : C::in_bits;
  constexpr int parts = wide / narrow;
  word_t<wide> word = 0;

  const int frames = length.read().to_int();
  const int beats = frames * (widening ? C::in_frame_words : C::out_frame_words);
  int part = 0;
  for (int n = 0; n < beats; ++n) {
#pragma HLS PIPELINE II=1 style=flp
    if (widening) {
      place(word, part * narrow, slice<narrow>(in.read(), 0));
      if (part == parts - 1) out.write(widen<C::out_bits>(word));
    } else {
      if (part == 0) word = widen<wide>(in.read());
      out.write(widen<C::out_bits>(slice<narrow>(word, part * narrow)));
    }
    part = next(part, parts);
  }
}

}  // namespace hwsv
