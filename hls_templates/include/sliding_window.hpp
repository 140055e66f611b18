// Sliding window: pixels in, windows out (order: position y, x, then tap ky, kx, then channel fold), padding included.
#pragma once

#include "words.hpp"

namespace hwsv {

/// A released pixel becomes free this many beats later, so that a pipelined read never races the write that reuses its
/// place; `C::buffer_pixels` has room for it.
constexpr int window_release_beats = 4;

/// Each beat writes at most one word into a ring of `C::buffer_pixels` pixels and emits at most one word of a window.
/// A missing pixel is waited for; other input is taken only when it is there, so that a bypass that has run full can
/// never starve a window whose pixels have all arrived.
template <typename C>
void sliding_window(hls::stream<length_t>& length, hls::stream<word_t<C::in_bits>>& in,
                    hls::stream<word_t<C::out_bits>>& out) {
  constexpr int ring = C::buffer_pixels;
  constexpr int folds = C::in_words;
  word_t<C::in_bits> lines[ring * folds];
#pragma HLS BIND_STORAGE variable=lines type=ram_s2p
#pragma HLS DEPENDENCE variable=lines type=inter direction=WAR dependent=false

  word_t<C::out_bits> padding = 0;
  if (C::out_marks) {
    place(padding, C::in_bits, word_t<1>(1));
  } else {
    for (int lane = 0; lane < C::in_lanes; ++lane) {
#pragma HLS UNROLL
      set_lane<typename C::in_type>(padding, lane, C::pad_value);
    }
  }

  const int frames = length.read().to_int();
  const int pixels = frames * C::in_freq;
  const int rows = (frames + C::pad_t + C::pad_end_t - C::kernel_t) / C::stride_t + 1;

  // writer
  int written = 0, write_slot = 0, write_fold = 0;
  // reader: output position (y, x); the input pixel (top, left) under its first tap, and that pixel's place in the ring
  int y = 0, x = 0, ky = 0, kx = 0, fold = 0;
  int top = -C::pad_t, left = -C::pad_f;
  int row_slot = C::first_slot, slot = C::first_slot;
  int released[window_release_beats] = {};
#pragma HLS ARRAY_PARTITION variable=released type=complete dim=1

  while (y < rows || written < pixels) {
#pragma HLS PIPELINE II=1 style=flp
    const bool reading = y < rows;
    const int row = top + ky, col = left + kx;
    const bool inside = row >= 0 && row < frames && col >= 0 && col < C::in_freq;
    const bool missing = !reading || (inside && row * C::in_freq + col >= written);
    const bool room = written - released[window_release_beats - 1] < ring;

    int free_pixels = released[0];
    for (int i = window_release_beats - 1; i > 0; --i) {
#pragma HLS UNROLL
      released[i] = released[i - 1];
    }

    if (written < pixels && room && (missing || !in.empty())) {
      lines[write_slot * folds + write_fold] = in.read();
      write_fold = next(write_fold, folds);
      if (write_fold == 0) {
        write_slot = next(write_slot, ring);
        ++written;
      }
    }

    if (!missing) {
      const int ahead = slot + ky * C::in_freq + kx;
      const int place_in_ring = ahead >= ring ? ahead - ring : ahead;
      out.write(inside ? widen<C::out_bits>(lines[place_in_ring * folds + fold]) : padding);
      fold = next(fold, folds);
      if (fold == 0) kx = next(kx, C::kernel_f);
      if (fold == 0 && kx == 0) ky = next(ky, C::kernel_t);
      if (fold == 0 && kx == 0 && ky == 0) {
        x = next(x, C::out_freq);
        if (x == 0) {
          ++y;
          top += C::stride_t;
          left = -C::pad_f;
          row_slot += C::row_step;
          if (row_slot >= ring) row_slot -= ring;
          slot = row_slot;
        } else {
          left += C::stride_f;
          slot += C::col_step;
          if (slot >= ring) slot -= ring;
        }
        // a window that begins above the frame frees nothing: the rows that it sees are seen again
        const int first = top * C::in_freq + (left < 0 ? 0 : left);
        free_pixels = y == rows ? pixels : first < 0 ? 0 : first;
      }
    }
    released[0] = free_pixels;
  }
}

}  // namespace hwsv
