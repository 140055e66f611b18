// Length fork: the generated process distribute_lengths tells every unit how many frames of an utterance reach it.
#pragma once

#include "words.hpp"

namespace hwsv {

/// The frames that leave a window of KERNEL frames at STRIDE, PADDING frames added at both ends together.
template <int KERNEL, int STRIDE, int PADDING>
length_t windowed(const length_t& frames) {
#pragma HLS INLINE
  return length_t((frames.to_int() + PADDING - KERNEL) / STRIDE + 1);
}

}  // namespace hwsv
