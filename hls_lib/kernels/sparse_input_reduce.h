// From a dense image to its first N active pixels.
//
// Dataflow: active bits -> running counts, first by row, then within the row -> each slot picks the pixel whose rank it
// is. No slot waits for another. Depth grows with log2(H) + log2(W).
//
// Cost: H*W comparisons with a constant, H popcounts of W bits, one prefix sum over H rows; for each slot H comparisons,
// an H-to-1 multiplexer of a row (W pixels and their active bits), a prefix sum over W bits and a W-to-1 multiplexer.

#ifndef SPARSEHLS_SPARSE_INPUT_REDUCE_H_
#define SPARSEHLS_SPARSE_INPUT_REDUCE_H_

#include "common.h"

namespace sparsehls {

// CONFIG: height, width, channels, slots; count_t, which holds height * width; is_active(first channel).
template <class CONFIG, class X, class Y, class H>
void sparse_input_reduce(const X image[CONFIG::height * CONFIG::width * CONFIG::channels],
                         Y feat[CONFIG::slots * CONFIG::channels], H hash[CONFIG::slots * 2]) {
#pragma HLS PIPELINE II=1
    typedef typename CONFIG::count_t count_t;
    ap_uint<1> active[CONFIG::height * CONFIG::width];
    count_t in_row[CONFIG::height];
    count_t before[CONFIG::height + 1];
#pragma HLS ARRAY_PARTITION variable=active complete
#pragma HLS ARRAY_PARTITION variable=in_row complete
#pragma HLS ARRAY_PARTITION variable=before complete

    for (int row = 0; row < CONFIG::height; ++row) {
#pragma HLS UNROLL
        count_t count = 0;
        for (int column = 0; column < CONFIG::width; ++column) {
#pragma HLS UNROLL
            const int at = row * CONFIG::width + column;
            const bool is_active = CONFIG::is_active(image[at * CONFIG::channels]);
            active[at] = is_active;
            count += ap_uint<1>(is_active);
        }
        in_row[row] = count;
    }
    prefix_counts<CONFIG::height>(in_row, before);

    for (int slot = 0; slot < CONFIG::slots; ++slot) {
#pragma HLS UNROLL
        // The row with the pixel of this rank; 0 stands in if there is none.
        ap_uint<1> found = 0;
        int row = 0;
        count_t rank = 0;
        for (int r = 0; r < CONFIG::height; ++r) {
#pragma HLS UNROLL
            if (before[r] <= slot && slot < before[r + 1]) {
                found = 1;
                row = r;
                rank = count_t(slot) - before[r];
            }
        }
        // The pixel's column, from the counts within its row.
        ap_uint<1> line[CONFIG::width];
        count_t line_before[CONFIG::width + 1];
#pragma HLS ARRAY_PARTITION variable=line complete
#pragma HLS ARRAY_PARTITION variable=line_before complete
        for (int c = 0; c < CONFIG::width; ++c) {
#pragma HLS UNROLL
            line[c] = active[row * CONFIG::width + c];
        }
        prefix_counts<CONFIG::width>(line, line_before);
        int column = 0;
        for (int c = 0; c < CONFIG::width; ++c) {
#pragma HLS UNROLL
            if (line[c] != 0 && line_before[c] == rank) column = c;
        }
        hash[slot * 2] = found != 0 ? H(row + 1) : H(0);
        hash[slot * 2 + 1] = found != 0 ? H(column + 1) : H(0);
        for (int channel = 0; channel < CONFIG::channels; ++channel) {
#pragma HLS UNROLL
            const X pixel = image[(row * CONFIG::width + column) * CONFIG::channels + channel];
            feat[slot * CONFIG::channels + channel] = found != 0 ? Y(pixel) : Y(0);
        }
    }
}

}  // namespace sparsehls

#endif
