// Ports that are one wide word: the first value is in its lowest bits, and the next one follows without a gap.

#ifndef SPARSEHLS_PACKED_H_
#define SPARSEHLS_PACKED_H_

#include "handover.h"

namespace sparsehls {

template <int N, class T, int BITS>
inline void unpack(const ap_uint<BITS>& word, T values[N]) {
#pragma HLS INLINE
    for (int at = 0; at < N; ++at) {
#pragma HLS UNROLL
        const ap_uint<T::width> bits = word.range((at + 1) * T::width - 1, at * T::width).to_uint64();
        values[at] = from_mantissa<T>(bits);
    }
}

template <int N, class T, int BITS>
inline void pack(const T values[N], ap_uint<BITS>& word) {
#pragma HLS INLINE
    for (int at = 0; at < N; ++at) {
#pragma HLS UNROLL
        word.range((at + 1) * T::width - 1, at * T::width) = ap_uint<T::width>(mantissa(values[at]));
    }
}

// All values of T from one word.
template <class T, int COUNT, int BITS, class ARRAY>
inline void read_word(const ap_uint<BITS>& from, ARRAY& to) {
#pragma HLS INLINE
    T all[COUNT];
#pragma HLS ARRAY_PARTITION variable=all complete
    unpack<COUNT>(from, all);
    pour<COUNT>(all, to);
}

template <class T, int COUNT, class ARRAY, int BITS>
inline void write_word(const ARRAY& from, ap_uint<BITS>& to) {
#pragma HLS INLINE
    T all[COUNT];
#pragma HLS ARRAY_PARTITION variable=all complete
    flatten<COUNT>(from, all);
    ap_uint<BITS> word = 0;
    pack<COUNT>(all, word);
    to = word;
}

// A row of an image from a word of its own.
template <int BITS, class T, int N>
inline void read_row(const ap_uint<BITS> from[], int row, T (&to)[N]) {
#pragma HLS INLINE
    const ap_uint<BITS> word = from[row];
    unpack<N>(word, to);
}

}  // namespace sparsehls

#endif
