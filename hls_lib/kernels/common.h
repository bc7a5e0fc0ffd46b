// Shared by all kernels: values as integers.
//
// A kernel gets and gives ap_fixed / ap_ufixed values. Where it sums or indexes it works on their mantissas, the
// integers that are left when the binary point is ignored. Where the binary point of a result lies is fixed by its
// type, so taking a mantissa and making a value from one is wiring and costs nothing.
//
// A sparse tensor is two arrays: feat[N * C], the features of up to N active pixels, and hash[N * 2], their 1-based
// (row, column). Row 0 marks an empty slot. Whether a slot is active is in its hash, never in its features.

#ifndef SPARSEHLS_COMMON_H_
#define SPARSEHLS_COMMON_H_

#include "ap_fixed.h"
#include "ap_int.h"

namespace sparsehls {

template <int W, int I, ap_q_mode Q, ap_o_mode O, int N>
inline ap_int<W> mantissa(const ap_fixed<W, I, Q, O, N>& x) {
#pragma HLS INLINE
    ap_int<W> m;
    m.range(W - 1, 0) = x.range(W - 1, 0);
    return m;
}

template <int W, int I, ap_q_mode Q, ap_o_mode O, int N>
inline ap_uint<W> mantissa(const ap_ufixed<W, I, Q, O, N>& x) {
#pragma HLS INLINE
    ap_uint<W> m;
    m.range(W - 1, 0) = x.range(W - 1, 0);
    return m;
}

// The value of type T with mantissa m; m must be in T's range.
template <class T, class M>
inline T from_mantissa(const M& m) {
#pragma HLS INLINE
    const ap_int<T::width> bits = m;
    T x;
    x.range(T::width - 1, 0) = bits.range(T::width - 1, 0);
    return x;
}

// Hands a hash on. Each kernel reads the hash of the one before it and writes its own, so that in a dataflow region every
// array has one writer and one reader; it is wiring.
template <int SLOTS, class H, class G>
inline void copy_hash(const H hash[SLOTS * 2], G out_hash[SLOTS * 2]) {
#pragma HLS INLINE
    for (int i = 0; i < SLOTS * 2; ++i) {
#pragma HLS UNROLL
        out_hash[i] = hash[i];
    }
}

// counts[i] = bits[0] + ... + bits[i - 1], for i = 0 ... N: additions in ceil(log2(N)) levels.
template <int N, class C, class B>
inline void prefix_counts(const B bits[N], C counts[N + 1]) {
#pragma HLS INLINE
    counts[0] = 0;
    for (int i = 0; i < N; ++i) {
#pragma HLS UNROLL
        counts[i + 1] = bits[i];
    }
    for (int reach = 1; reach < N; reach *= 2) {
#pragma HLS UNROLL
        // From the top down, so that each level reads what the level before wrote.
        for (int i = N; i > reach; --i) {
#pragma HLS UNROLL
            counts[i] = counts[i] + counts[i - reach];
        }
    }
}

}  // namespace sparsehls

#endif
