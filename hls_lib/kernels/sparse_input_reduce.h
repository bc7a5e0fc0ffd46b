// From a dense image to its first N active pixels.
//
// sparse_input_reduce: the whole image is there at once; P slots are filled in each of ceil(N/P) steps.
//   flow   active bits -> running counts by row -> each slot picks the row, then in it the pixel, whose rank it is; no
//          slot waits for another
//   cost   H*W comparisons with a constant, H counts of W bits, a prefix sum over H rows; for each of P slots H
//          comparisons, an H-to-1 choice of a row (W pixels of C*bits + 1), a prefix sum over W bits, a W-to-1 choice
//   depth  a comparison, a tree of log2(W) and prefix sums of log2(H) and log2(W) additions, two choices
//
// sparse_input_reduce_rows: a row of the image enters in each of H steps, as a detector delivers it.
//   flow   the row's running counts say the rank of each active pixel; each slot takes the pixel of its rank
//   cost   W comparisons with a constant, a prefix sum over W bits, for each slot W comparisons of a rank, an OR of W
//          gated pixels
//   depth  a comparison, a prefix sum of log2(W) additions, a comparison, an OR of W; the number of slots that are
//          taken goes from row to row, one addition

#ifndef SPARSEHLS_SPARSE_INPUT_REDUCE_H_
#define SPARSEHLS_SPARSE_INPUT_REDUCE_H_

#include "common.h"

namespace sparsehls {

// CONFIG: height, width, channels; pixels_per_cycle; count_t, which holds height * width; rank_t, which holds width;
// row_t and column_t, which hold height and width; is_active(first channel). The image has a dimension for its rows, so
// that a variable row chooses among H values and not among H*W. feat and hash are shares; the first step finds the active
// pixels, and counts those in the rows up to each.
template <class CONFIG, class X, class COUNT, class Y, class H>
void sparse_input_reduce(int step, const X image[CONFIG::height][CONFIG::width * CONFIG::channels],
                         ap_uint<1> active[CONFIG::height][CONFIG::width], COUNT counts[CONFIG::height],
                         Y feat[CONFIG::pixels_per_cycle * CONFIG::channels], H hash[CONFIG::pixels_per_cycle * 2]) {
#pragma HLS INLINE
    typedef typename CONFIG::rank_t rank_t;
    if (step == 0) {
        for (int row = 0; row < CONFIG::height; ++row) {
#pragma HLS UNROLL
            rank_t bits[CONFIG::width];
#pragma HLS ARRAY_PARTITION variable=bits complete
            for (int column = 0; column < CONFIG::width; ++column) {
#pragma HLS UNROLL
                active[row][column] = CONFIG::is_active(image[row][column * CONFIG::channels]);
                bits[column] = active[row][column];
            }
            counts[row] = Tree<CONFIG::width>::sum(bits);
        }
        Prefix<CONFIG::height>::sums(counts);
    }
    for (int i = 0; i < CONFIG::pixels_per_cycle; ++i) {
#pragma HLS UNROLL
        const int slot = step * CONFIG::pixels_per_cycle + i;
        // The row that holds the pixel of this rank is the number of rows that end before it.
        typename CONFIG::row_t before[CONFIG::height];
#pragma HLS ARRAY_PARTITION variable=before complete
        for (int row = 0; row < CONFIG::height; ++row) {
#pragma HLS UNROLL
            before[row] = counts[row] <= slot;
        }
        const bool found = slot < counts[CONFIG::height - 1];
        const int row = found ? int(Tree<CONFIG::height>::sum(before)) : 0;
        const rank_t rank = row == 0 ? COUNT(slot) : COUNT(slot - counts[row == 0 ? 0 : row - 1]);
        // In the row, the pixel with that many active ones up to it.
        rank_t ranks[CONFIG::width];
        typename CONFIG::column_t columns[CONFIG::width];
#pragma HLS ARRAY_PARTITION variable=ranks complete
#pragma HLS ARRAY_PARTITION variable=columns complete
        for (int column = 0; column < CONFIG::width; ++column) {
#pragma HLS UNROLL
            ranks[column] = active[row][column];
        }
        Prefix<CONFIG::width>::sums(ranks);
        for (int column = 0; column < CONFIG::width; ++column) {
#pragma HLS UNROLL
            const bool here = active[row][column] != 0 && ranks[column] == rank + 1;
            columns[column] = here ? column : 0;
        }
        const int column = int(Tree<CONFIG::width>::any(columns));
        hash[i * 2] = found ? H(row + 1) : H(0);
        hash[i * 2 + 1] = found ? H(column + 1) : H(0);
        for (int channel = 0; channel < CONFIG::channels; ++channel) {
#pragma HLS UNROLL
            X line[CONFIG::width];
#pragma HLS ARRAY_PARTITION variable=line complete
            for (int c = 0; c < CONFIG::width; ++c) {
#pragma HLS UNROLL
                line[c] = image[row][c * CONFIG::channels + channel];
            }
            feat[i * CONFIG::channels + channel] = found ? Y(line[column]) : Y(0);
        }
    }
}

// Makes a slot empty.
template <class CONFIG, class Y, class H>
inline void clear_slot(int slot, Y feat[CONFIG::slots * CONFIG::channels], H hash[CONFIG::slots * 2]) {
#pragma HLS INLINE
    hash[slot * 2] = 0;
    hash[slot * 2 + 1] = 0;
    for (int channel = 0; channel < CONFIG::channels; ++channel) {
#pragma HLS UNROLL
        feat[slot * CONFIG::channels + channel] = 0;
    }
}

// CONFIG: as above without pixels_per_cycle and row_t; slots; feature_t, the mantissa of a pixel. taken counts the slots that
// are filled in the rows before, and stops at N. A step fills those of feat[N * C] and hash[N * 2] that its row has pixels
// for.
template <class CONFIG, class X, class TAKEN, class Y, class H>
void sparse_input_reduce_rows(int row, const X line[CONFIG::width * CONFIG::channels], TAKEN& taken,
                              Y feat[CONFIG::slots * CONFIG::channels], H hash[CONFIG::slots * 2]) {
#pragma HLS INLINE
    typedef typename CONFIG::rank_t rank_t;
    typedef typename CONFIG::feature_t feature_t;
    ap_uint<1> active[CONFIG::width];
    rank_t ranks[CONFIG::width];
#pragma HLS ARRAY_PARTITION variable=active complete
#pragma HLS ARRAY_PARTITION variable=ranks complete
    for (int column = 0; column < CONFIG::width; ++column) {
#pragma HLS UNROLL
        active[column] = CONFIG::is_active(line[column * CONFIG::channels]);
        ranks[column] = active[column];
    }
    Prefix<CONFIG::width>::sums(ranks);
    const rank_t total = ranks[CONFIG::width - 1];
    const TAKEN before = row == 0 ? TAKEN(0) : taken;
    for (int slot = 0; slot < CONFIG::slots; ++slot) {
#pragma HLS UNROLL
        const bool found = slot >= before && slot < before + total;
        if (row == 0) {
            clear_slot<CONFIG>(slot, feat, hash);
        }
        if (found) {
            const rank_t rank = slot - before + 1;
            typename CONFIG::column_t columns[CONFIG::width];
            feature_t values[CONFIG::channels][CONFIG::width];
#pragma HLS ARRAY_PARTITION variable=columns complete
#pragma HLS ARRAY_PARTITION variable=values complete dim=0
            for (int column = 0; column < CONFIG::width; ++column) {
#pragma HLS UNROLL
                const bool here = active[column] != 0 && ranks[column] == rank;
                columns[column] = here ? column : 0;
                for (int channel = 0; channel < CONFIG::channels; ++channel) {
#pragma HLS UNROLL
                    const X pixel = line[column * CONFIG::channels + channel];
                    values[channel][column] = here ? feature_t(mantissa(pixel)) : feature_t(0);
                }
            }
            hash[slot * 2] = row + 1;
            hash[slot * 2 + 1] = Tree<CONFIG::width>::any(columns) + 1;
            for (int channel = 0; channel < CONFIG::channels; ++channel) {
#pragma HLS UNROLL
                const X pixel = from_mantissa<X>(Tree<CONFIG::width>::any(values[channel]));
                feat[slot * CONFIG::channels + channel] = pixel;
            }
        }
    }
    const typename CONFIG::count_t after = before + total;
    taken = after < CONFIG::slots ? TAKEN(after) : TAKEN(CONFIG::slots);
}

}  // namespace sparsehls

#endif
