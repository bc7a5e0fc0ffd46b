// Shared by all kernels: values as integers.
//
// A kernel gets and gives ap_fixed / ap_ufixed values. Where it sums or indexes it works on their mantissas, the
// integers that are left when the binary point is ignored. Where the binary point of a result lies is fixed by its
// type, so taking a mantissa and making a value from one is wiring and costs nothing.
//
// A sparse tensor is two arrays: feat[N * C], the features of up to N active pixels, and hash[N * 2], their 1-based
// (row, column). Row 0 marks an empty slot. Whether a slot is active is in its hash, never in its features. A kernel that
// leaves the hash as it is only reads it, if at all.
//
// A kernel is what happens in one step. Those that can divide their work get told which step or turn it is; CONFIG says
// how much is done in a step (pixels_per_cycle, filters_per_cycle, channels_per_cycle). The loop over the steps is in the
// process around it (handover.h), which has one for each layer and gives it its PIPELINE pragma; kernels are inlined there.
// A share is what of an array belongs to a step; with one step that is all of it. Costs are stated as formulas in N slots,
// C channels, F filters, K kernel rows and columns, H x W pixels and bits, P of a kind at a time.

#ifndef SPARSEHLS_COMMON_H_
#define SPARSEHLS_COMMON_H_

#include "ap_fixed.h"
#include "ap_int.h"

namespace sparsehls {

template <int W, int I, ap_q_mode Q, ap_o_mode O, int N>
inline ap_int<W> mantissa(const ap_fixed<W, I, Q, O, N>& x) {
#pragma HLS INLINE
    return ap_int<W>(x.range(W - 1, 0));
}

template <int W, int I, ap_q_mode Q, ap_o_mode O, int N>
inline ap_uint<W> mantissa(const ap_ufixed<W, I, Q, O, N>& x) {
#pragma HLS INLINE
    return ap_uint<W>(x.range(W - 1, 0));
}

// The value of type T with mantissa m; m must be in T's range.
template <class T, class M>
inline T from_mantissa(const M& m) {
#pragma HLS INLINE
    T x;
    x.range(T::width - 1, 0) = ap_uint<T::width>(m);
    return x;
}

// Trees over N values, in ceil(log2(N)) levels: each level folds the upper half onto the lower. They overwrite `values`.
// The recursion gives every loop constant bounds. With LANES there are as many trees side by side: N groups of LANES
// neighbours, of which the first group is left with the results. One loop over all lanes is what a compiler for the
// host makes vectors of.
template <int N>
struct Tree {
    static const int half = (N + 1) / 2;

    template <int LANES = 1, class T>
    static T sum(T values[]) {
#pragma HLS INLINE
        for (int i = 0; i < N / 2 * LANES; ++i) {
#pragma HLS UNROLL
            values[i] += values[i + half * LANES];
        }
        return Tree<half>::template sum<LANES>(values);
    }

    // Bitwise OR. Of values that are all zero but one, it is that one: a choice without priority.
    template <int LANES = 1, class T>
    static T any(T values[]) {
#pragma HLS INLINE
        for (int i = 0; i < N / 2 * LANES; ++i) {
#pragma HLS UNROLL
            values[i] |= values[i + half * LANES];
        }
        return Tree<half>::template any<LANES>(values);
    }

    template <int LANES = 1, class T>
    static T largest(T values[]) {
#pragma HLS INLINE
        for (int i = 0; i < N / 2 * LANES; ++i) {
#pragma HLS UNROLL
            values[i] = values[i + half * LANES] > values[i] ? values[i + half * LANES] : values[i];
        }
        return Tree<half>::template largest<LANES>(values);
    }
};

template <>
struct Tree<1> {
    template <int LANES = 1, class T>
    static T sum(T values[]) {
#pragma HLS INLINE
        return values[0];
    }
    template <int LANES = 1, class T>
    static T any(T values[]) {
#pragma HLS INLINE
        return values[0];
    }
    template <int LANES = 1, class T>
    static T largest(T values[]) {
#pragma HLS INLINE
        return values[0];
    }
};

// counts[i] becomes counts[0] + ... + counts[i]: ceil(log2(N)) levels, level by level with twice the reach.
template <int N, int REACH = 1, bool DONE = (REACH >= N)>
struct Prefix {
    template <class C>
    static void sums(C counts[N]) {
#pragma HLS INLINE
        C before[N];  // what the level before wrote
#pragma HLS ARRAY_PARTITION variable=before complete
        for (int i = 0; i < N; ++i) {
#pragma HLS UNROLL
            before[i] = counts[i];
        }
        for (int i = REACH; i < N; ++i) {
#pragma HLS UNROLL
            counts[i] = before[i] + before[i - REACH];
        }
        Prefix<N, REACH * 2>::sums(counts);
    }
};

template <int N, int REACH>
struct Prefix<N, REACH, true> {
    template <class C>
    static void sums(C[N]) {
#pragma HLS INLINE
    }
};

}  // namespace sparsehls

#endif
