// Pooling with windows side by side.
//
// Dataflow: each slot finds its cell; a matrix says which slots share a cell; the first slot of a cell leads it and
// takes the sum or the maximum over the slots of the cell; the others become empty. No slot waits for another.
// P slots in each of ceil(N/P) steps.
//   cost   for each slot OH + OW comparisons with a constant and two sums of them; P*N comparisons of cells (half of them with P = N); P*C
//          sums or maxima of N masked values
//   depth  a comparison with a constant, trees of log2(OH) and log2(OW) additions, a comparison of cells, a tree of log2(N) additions or comparisons

#ifndef SPARSEHLS_SPARSE_POOLING2D_H_
#define SPARSEHLS_SPARSE_POOLING2D_H_

#include "handover.h"

namespace sparsehls {

// The 1-based cell of each slot; (0, 0) if the slot is empty or in a partial window at the edge, which is dropped.
template <class CONFIG, class H, class G>
inline void pooling_cells(const H hash[CONFIG::slots * 2], G cells[CONFIG::slots * 2]) {
#pragma HLS INLINE
    for (int slot = 0; slot < CONFIG::slots; ++slot) {
#pragma HLS UNROLL
        // How many cells begin before it: comparisons with constants instead of a division.
        G begun_rows[CONFIG::out_height], begun_columns[CONFIG::out_width];
#pragma HLS ARRAY_PARTITION variable=begun_rows complete
#pragma HLS ARRAY_PARTITION variable=begun_columns complete
        for (int r = 0; r < CONFIG::out_height; ++r) {
#pragma HLS UNROLL
            begun_rows[r] = hash[slot * 2] > r * CONFIG::pool_height;
        }
        for (int c = 0; c < CONFIG::out_width; ++c) {
#pragma HLS UNROLL
            begun_columns[c] = hash[slot * 2 + 1] > c * CONFIG::pool_width;
        }
        const G row = Tree<CONFIG::out_height>::sum(begun_rows), column = Tree<CONFIG::out_width>::sum(begun_columns);
        const bool whole = hash[slot * 2] <= CONFIG::out_height * CONFIG::pool_height &&
                           hash[slot * 2 + 1] <= CONFIG::out_width * CONFIG::pool_width;
        cells[slot * 2] = whole ? row : G(0);
        cells[slot * 2 + 1] = whole ? column : G(0);
    }
}

// Which slots are in the cell of this row and column, if it is one.
template <class CONFIG, class G>
inline void same_cell(const G cells[CONFIG::slots * 2], const G& row, const G& column, ap_uint<1> same[CONFIG::slots]) {
#pragma HLS INLINE
    for (int q = 0; q < CONFIG::slots; ++q) {
#pragma HLS UNROLL
        const ap_uint<1> in_row = row == cells[q * 2], in_column = column == cells[q * 2 + 1];
        same[q] = in_row & in_column;
    }
}

// Whether slot p is the first of its cell.
template <class CONFIG>
inline bool leads_cell(const ap_uint<1> same[CONFIG::slots], int p) {
#pragma HLS INLINE
    ap_uint<1> earlier[CONFIG::slots];
#pragma HLS ARRAY_PARTITION variable=earlier complete
    for (int q = 0; q < CONFIG::slots; ++q) {
#pragma HLS UNROLL
        earlier[q] = q < p ? same[q] : ap_uint<1>(0);
    }
    return Tree<CONFIG::slots>::any(earlier) == 0;
}

// The mean's sum, or the maximum, over the slots in the cell of p, for all channels.
struct PoolingAverage {
    template <class CONFIG, class X, class Y>
    static void pool(const X feat[CONFIG::slots * CONFIG::channels], const ap_uint<1> same[CONFIG::slots],
                     Y out[CONFIG::channels]) {
#pragma HLS INLINE
        typedef typename CONFIG::accumulator_t accumulator_t;
        accumulator_t terms[CONFIG::slots * CONFIG::channels];
#pragma HLS ARRAY_PARTITION variable=terms complete
        for (int i = 0; i < CONFIG::slots * CONFIG::channels; ++i) {
#pragma HLS UNROLL
            terms[i] = 0;
        }
        for (int q = 0; q < CONFIG::slots; ++q) {
#pragma HLS UNROLL
            if (same[q] == 0) continue;
            for (int c = 0; c < CONFIG::channels; ++c) {
#pragma HLS UNROLL
                terms[q * CONFIG::channels + c] = mantissa(feat[q * CONFIG::channels + c]);
            }
        }
        Tree<CONFIG::slots>::template sum<CONFIG::channels>(terms);
        for (int c = 0; c < CONFIG::channels; ++c) {
#pragma HLS UNROLL
            out[c] = from_mantissa<Y>(terms[c]);
        }
    }
};

struct PoolingMax {
    template <class CONFIG, class X, class Y>
    static void pool(const X feat[CONFIG::slots * CONFIG::channels], const ap_uint<1> same[CONFIG::slots],
                     Y out[CONFIG::channels]) {
#pragma HLS INLINE
        X values[CONFIG::slots * CONFIG::channels];
        typename CONFIG::count_t present[CONFIG::slots];
#pragma HLS ARRAY_PARTITION variable=values complete
#pragma HLS ARRAY_PARTITION variable=present complete
        for (int q = 0; q < CONFIG::slots; ++q) {
#pragma HLS UNROLL
            for (int c = 0; c < CONFIG::channels; ++c) {
#pragma HLS UNROLL
                values[q * CONFIG::channels + c] = from_mantissa<X>(ap_int<64>((long long)CONFIG::least));
            }
            present[q] = same[q];
            if (same[q] == 0) continue;
            for (int c = 0; c < CONFIG::channels; ++c) {
#pragma HLS UNROLL
                values[q * CONFIG::channels + c] = feat[q * CONFIG::channels + c];
            }
        }
        Tree<CONFIG::slots>::template largest<CONFIG::channels>(values);
        // Pixels of the window that are not there count as zero.
        const bool partly = Tree<CONFIG::slots>::sum(present) < CONFIG::pool_height * CONFIG::pool_width;
        for (int c = 0; c < CONFIG::channels; ++c) {
#pragma HLS UNROLL
            out[c] = partly && values[c] < 0 ? Y(0) : Y(values[c]);
        }
    }
};

// CONFIG: mode, PoolingAverage or PoolingMax; slots, channels, pool_height, pool_width, out_height, out_width;
// pixels_per_cycle; for a mean accumulator_t, the mantissa of a sum; for a maximum
// count_t, which holds slots, and least, the least mantissa of an X. The division of a mean by the window's size is in the
// binary point of Y and, if the size is no power of two, in the quantizer that follows. out and out_hash are shares; the
// first step finds the cells of all slots.
template <class CONFIG, class X, class H, class G, int STEPS, class Y>
void sparse_pooling2d(int step, const X feat[CONFIG::slots * CONFIG::channels], const H hash[CONFIG::slots * 2],
                      G (&cells)[STEPS][CONFIG::pixels_per_cycle * 2], Y out[CONFIG::pixels_per_cycle * CONFIG::channels],
                      G out_hash[CONFIG::pixels_per_cycle * 2]) {
#pragma HLS INLINE
    G all[CONFIG::slots * 2];
#pragma HLS ARRAY_PARTITION variable=all complete
    if (step == 0) {
        pooling_cells<CONFIG>(hash, all);
        pour<CONFIG::slots * 2>(all, cells);
    } else {
        flatten<CONFIG::slots * 2>(cells, all);
    }
    for (int i = 0; i < CONFIG::pixels_per_cycle; ++i) {
#pragma HLS UNROLL
        const G row = cells[step][i * 2], column = cells[step][i * 2 + 1];
        ap_uint<1> same[CONFIG::slots];
        Y pooled[CONFIG::channels];
#pragma HLS ARRAY_PARTITION variable=same complete
#pragma HLS ARRAY_PARTITION variable=pooled complete
        same_cell<CONFIG>(all, row, column, same);  // outside of the condition, so that the mirror image of a pair can share it
        bool leads = false;
        if (row != 0) {
            leads = leads_cell<CONFIG>(same, step * CONFIG::pixels_per_cycle + i);
            if (leads) CONFIG::mode::template pool<CONFIG>(feat, same, pooled);
        }
        out_hash[i * 2] = leads ? row : G(0);
        out_hash[i * 2 + 1] = leads ? column : G(0);
        for (int c = 0; c < CONFIG::channels; ++c) {
#pragma HLS UNROLL
            out[i * CONFIG::channels + c] = leads ? pooled[c] : Y(0);
        }
    }
}

}  // namespace sparsehls

#endif
