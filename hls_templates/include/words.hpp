// Words, elements and read-only memories: the one place where the bit order of hwsv meets C++.
//
// A word holds its elements side by side, lane 0 in the least significant bits; a bipolar element is one bit (1 is +1),
// integers are two's complement. A padding mark, where a stream has one, is the bit above the last lane.
//
// For synthesis and for the strict C simulation a word is an ap_uint and every integer an ap_int of the declared width.
// HWSV_CSIM_FAST, set by hwsv's fast C simulation only, puts native integers and hardware popcount in their place.
#pragma once

#include <cstdint>

#include <hls_stream.h>

#ifdef HWSV_CSIM_FAST
#include "native_words.hpp"
#else

#include <ap_int.h>

namespace hwsv {

/// A word of a stream or memory.
template <int BITS>
using word_t = ap_uint<BITS>;

/// A signed integer of BITS bits.
template <int BITS>
using integer = ap_int<BITS>;

/// Bits [low, low + BITS) of a word.
template <int BITS, int WIDTH>
word_t<BITS> slice(const word_t<WIDTH>& word, int low) {
#pragma HLS INLINE
  return word.range(low + BITS - 1, low);
}

/// Puts `part` into bits [low, low + BITS) of a word.
template <int BITS, int WIDTH>
void place(word_t<WIDTH>& word, int low, const word_t<BITS>& part) {
#pragma HLS INLINE
  word.range(low + BITS - 1, low) = part;
}

/// The number of ones in a word.
template <int WIDTH>
integer<32> popcount(const word_t<WIDTH>& word) {
#pragma HLS INLINE
  integer<32> count = 0;
  for (int i = 0; i < WIDTH; ++i) {
#pragma HLS UNROLL
    count += word[i];
  }
  return count;
}

/// The bits of a word as a two's complement or as an unsigned integer.
template <int BITS>
integer<BITS> to_signed(const word_t<BITS>& code) {
#pragma HLS INLINE
  return integer<BITS>(code);
}
template <int BITS>
integer<BITS + 1> to_unsigned(const word_t<BITS>& code) {
#pragma HLS INLINE
  return integer<BITS + 1>(code);
}

/// The low bits of an integer.
template <int BITS, int WIDTH>
word_t<BITS> to_word(const integer<WIDTH>& value) {
#pragma HLS INLINE
  return word_t<BITS>(value);
}

/// Row `at` of a read-only memory, which is emitted as 64-bit limbs, the least significant first.
template <int BITS, int ROWS, int LIMBS>
word_t<BITS> row_of(const uint64_t (&memory)[ROWS][LIMBS], int at) {
#pragma HLS INLINE
  ap_uint<64 * LIMBS> word = 0;
  for (int i = 0; i < LIMBS; ++i) {
#pragma HLS UNROLL
    word.range(64 * i + 63, 64 * i) = memory[at][i];
  }
  return word_t<BITS>(word);
}

/// The limbs of a word, for files.
template <int BITS>
void to_limbs(const word_t<BITS>& word, uint64_t* limbs) {
  for (int i = 0; i < (BITS + 63) / 64; ++i) limbs[i] = ap_uint<64>(word >> (64 * i)).to_uint64();
}

}  // namespace hwsv

#endif  // HWSV_CSIM_FAST

namespace hwsv {

/// The number of frames of an utterance.
using length_t = word_t<16>;

/// Element types: `value` is what the arithmetic sees, `decode` and `encode` go from and to the bits of a lane.
struct Bipolar {
  static constexpr int bits = 1;
  static constexpr int lowest = -1;
  using value = integer<2>;
  static value decode(const word_t<1>& code) { return 2 * to_unsigned(code) - 1; }
  template <typename Integer>
  static word_t<1> encode(const Integer& number) {
    return word_t<1>(number > 0 ? 1 : 0);
  }
};

template <int BITS>
struct Int {
  static constexpr int bits = BITS;
  static constexpr int64_t lowest = -(int64_t(1) << (BITS - 1));
  using value = integer<BITS>;
  static value decode(const word_t<BITS>& code) { return to_signed(code); }
  static word_t<BITS> encode(const value& number) { return to_word<BITS>(number); }
};

template <int BITS>
struct UInt {
  static constexpr int bits = BITS;
  static constexpr int lowest = 0;
  using value = integer<BITS + 1>;
  static value decode(const word_t<BITS>& code) { return to_unsigned(code); }
  static word_t<BITS> encode(const value& number) { return to_word<BITS>(number); }
};

/// Element `lane` of a word.
template <typename Type, int WIDTH>
typename Type::value lane_of(const word_t<WIDTH>& word, int lane) {
#pragma HLS INLINE
  return Type::decode(slice<Type::bits>(word, lane * Type::bits));
}

/// Sets element `lane` of a word.
template <typename Type, int WIDTH, typename Integer>
void set_lane(word_t<WIDTH>& word, int lane, const Integer& number) {
#pragma HLS INLINE
  place(word, lane * Type::bits, Type::encode(number));
}

/// `value` within [low, high].
template <typename Integer>
Integer clip(const Integer& value, const Integer& low, const Integer& high) {
#pragma HLS INLINE
  return value < low ? low : value > high ? high : value;
}

/// The same low bits in a word of another width.
template <int BITS, int WIDTH>
word_t<BITS> widen(const word_t<WIDTH>& word) {
#pragma HLS INLINE
  word_t<BITS> result = 0;
  place(result, 0, slice<(WIDTH < BITS ? WIDTH : BITS)>(word, 0));
  return result;
}

/// The next value of a counter that runs from 0 to limit - 1.
inline int next(int counter, int limit) {
#pragma HLS INLINE
  return counter == limit - 1 ? 0 : counter + 1;
}

}  // namespace hwsv
