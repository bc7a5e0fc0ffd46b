// Pooling with windows side by side.
//
// Dataflow: each slot finds its cell; a matrix says which slots share a cell; the first slot of a cell leads it and
// takes the sum or the maximum over the slots of the cell; the others become empty. No slot waits for another.
//
// Cost: for each slot one comparison with a constant for each output row and column; N*(N-1)/2 comparisons of cells;
// N*C masked sums (average) or comparisons (maximum) of N values.

#ifndef SPARSEHLS_SPARSE_POOLING2D_H_
#define SPARSEHLS_SPARSE_POOLING2D_H_

#include "common.h"

namespace sparsehls {

// The 1-based cell of each slot; (0, 0) if the slot is empty or in a partial window at the edge, which is dropped.
template <class CONFIG, class H, class G>
inline void pooling_cells(const H hash[CONFIG::slots * 2], G cells[CONFIG::slots * 2]) {
#pragma HLS INLINE
    for (int slot = 0; slot < CONFIG::slots; ++slot) {
#pragma HLS UNROLL
        // Comparisons with the first row of each cell instead of a division.
        G row = 0, column = 0;
        for (int r = 0; r < CONFIG::out_height; ++r) {
#pragma HLS UNROLL
            if (hash[slot * 2] > r * CONFIG::pool_height) row = r + 1;
        }
        for (int c = 0; c < CONFIG::out_width; ++c) {
#pragma HLS UNROLL
            if (hash[slot * 2 + 1] > c * CONFIG::pool_width) column = c + 1;
        }
        const bool whole = hash[slot * 2] <= CONFIG::out_height * CONFIG::pool_height &&
                           hash[slot * 2 + 1] <= CONFIG::out_width * CONFIG::pool_width;
        cells[slot * 2] = whole ? row : G(0);
        cells[slot * 2 + 1] = whole ? column : G(0);
    }
}

template <class CONFIG, class G>
inline bool same_cell(const G cells[CONFIG::slots * 2], int p, int q) {
#pragma HLS INLINE
    return cells[p * 2] == cells[q * 2] && cells[p * 2 + 1] == cells[q * 2 + 1] && cells[p * 2] != 0;
}

// Whether each slot is the first of its cell, and the hash after pooling: a leader's cell, nothing for the others.
template <class CONFIG, class G>
inline void pooling_leaders(const G cells[CONFIG::slots * 2], ap_uint<1> leads[CONFIG::slots], G out_hash[CONFIG::slots * 2]) {
#pragma HLS INLINE
    for (int p = 0; p < CONFIG::slots; ++p) {
#pragma HLS UNROLL
        bool first = cells[p * 2] != 0;
        for (int q = 0; q < p; ++q) {
#pragma HLS UNROLL
            if (same_cell<CONFIG>(cells, p, q)) first = false;
        }
        leads[p] = first;
        out_hash[p * 2] = first ? cells[p * 2] : G(0);
        out_hash[p * 2 + 1] = first ? cells[p * 2 + 1] : G(0);
    }
}

// CONFIG: slots, channels, pool_height, pool_width, out_height, out_width; accumulator_t, the mantissa of a sum. The
// division by the window's size is in the binary point of Y and, if the size is no power of two, in the quantizer that
// follows.
template <class CONFIG, class X, class H, class Y, class G>
void sparse_pooling2d_average(const X feat[CONFIG::slots * CONFIG::channels], const H hash[CONFIG::slots * 2],
                              Y out[CONFIG::slots * CONFIG::channels], G out_hash[CONFIG::slots * 2]) {
#pragma HLS PIPELINE II=1
    G cells[CONFIG::slots * 2];
    ap_uint<1> leads[CONFIG::slots];
#pragma HLS ARRAY_PARTITION variable=cells complete
#pragma HLS ARRAY_PARTITION variable=leads complete
    pooling_cells<CONFIG>(hash, cells);
    pooling_leaders<CONFIG>(cells, leads, out_hash);
    for (int p = 0; p < CONFIG::slots; ++p) {
#pragma HLS UNROLL
        for (int c = 0; c < CONFIG::channels; ++c) {
#pragma HLS UNROLL
            typename CONFIG::accumulator_t sum = 0;
            for (int q = 0; q < CONFIG::slots; ++q) {
#pragma HLS UNROLL
                if (leads[p] != 0 && same_cell<CONFIG>(cells, p, q)) sum += mantissa(feat[q * CONFIG::channels + c]);
            }
            out[p * CONFIG::channels + c] = from_mantissa<Y>(sum);
        }
    }
}

// CONFIG: as above without accumulator_t; count_t, which holds slots.
template <class CONFIG, class X, class H, class Y, class G>
void sparse_pooling2d_max(const X feat[CONFIG::slots * CONFIG::channels], const H hash[CONFIG::slots * 2],
                          Y out[CONFIG::slots * CONFIG::channels], G out_hash[CONFIG::slots * 2]) {
#pragma HLS PIPELINE II=1
    G cells[CONFIG::slots * 2];
    ap_uint<1> leads[CONFIG::slots];
#pragma HLS ARRAY_PARTITION variable=cells complete
#pragma HLS ARRAY_PARTITION variable=leads complete
    pooling_cells<CONFIG>(hash, cells);
    pooling_leaders<CONFIG>(cells, leads, out_hash);
    for (int p = 0; p < CONFIG::slots; ++p) {
#pragma HLS UNROLL
        typename CONFIG::count_t present = 0;
        for (int q = 0; q < CONFIG::slots; ++q) {
#pragma HLS UNROLL
            present += ap_uint<1>(same_cell<CONFIG>(cells, p, q));
        }
        for (int c = 0; c < CONFIG::channels; ++c) {
#pragma HLS UNROLL
            X best = feat[p * CONFIG::channels + c];
            for (int q = 0; q < CONFIG::slots; ++q) {
#pragma HLS UNROLL
                const X other = feat[q * CONFIG::channels + c];
                if (same_cell<CONFIG>(cells, p, q) && other > best) best = other;
            }
            // Pixels of the window that are not there count as zero.
            const bool partly = present < CONFIG::pool_height * CONFIG::pool_width;
            const bool zero = leads[p] == 0 || (partly && best < 0);
            out[p * CONFIG::channels + c] = zero ? Y(0) : Y(best);
        }
    }
}

}  // namespace sparsehls

#endif
