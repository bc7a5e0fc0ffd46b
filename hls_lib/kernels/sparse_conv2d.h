// 'same' convolution restricted to active pixels, pairwise.
//
// Dataflow: for each pair of slots the difference of their coordinates selects a kernel tap; each output sums the
// products of its pairs. The hash passes unchanged, and an empty slot stays zero.
//
// Cost: N*N coordinate differences and range checks; N*N*C*F multiplications of a feature with a weight that is looked
// up in the KH*KW taps; N*F sums of N*C products, which the tool balances into trees of depth log2(N*C).

#ifndef SPARSEHLS_SPARSE_CONV2D_H_
#define SPARSEHLS_SPARSE_CONV2D_H_

#include "common.h"

namespace sparsehls {

// CONFIG: slots, channels, filters, kernel_height, kernel_width; difference_t, which holds a coordinate difference plus
// the padding; weight_t; accumulator_t, the mantissa of a sum. Y has the sum's binary point.
// weights[KH][KW][C][F] are mantissas.
template <class CONFIG, class X, class H, class Y, class G, class W>
void sparse_conv2d(const X feat[CONFIG::slots * CONFIG::channels], const H hash[CONFIG::slots * 2],
                   Y out[CONFIG::slots * CONFIG::filters], G out_hash[CONFIG::slots * 2],
                   const W weights[CONFIG::kernel_height * CONFIG::kernel_width * CONFIG::channels * CONFIG::filters]) {
#pragma HLS PIPELINE II=1
    typedef typename CONFIG::difference_t difference_t;
    const int pad_top = (CONFIG::kernel_height - 1) / 2;
    const int pad_left = (CONFIG::kernel_width - 1) / 2;
    for (int p = 0; p < CONFIG::slots; ++p) {
#pragma HLS UNROLL
        typename CONFIG::accumulator_t sums[CONFIG::filters];
#pragma HLS ARRAY_PARTITION variable=sums complete
        for (int f = 0; f < CONFIG::filters; ++f) {
#pragma HLS UNROLL
            sums[f] = 0;
        }
        for (int q = 0; q < CONFIG::slots; ++q) {
#pragma HLS UNROLL
            const difference_t row = difference_t(hash[q * 2]) - difference_t(hash[p * 2]) + pad_top;
            const difference_t column = difference_t(hash[q * 2 + 1]) - difference_t(hash[p * 2 + 1]) + pad_left;
            const bool both = hash[p * 2] != 0 && hash[q * 2] != 0;
            const bool inside = row >= 0 && row < CONFIG::kernel_height && column >= 0 && column < CONFIG::kernel_width;
            if (both && inside) {
                const int tap = int(row) * CONFIG::kernel_width + int(column);
                for (int c = 0; c < CONFIG::channels; ++c) {
#pragma HLS UNROLL
                    for (int f = 0; f < CONFIG::filters; ++f) {
#pragma HLS UNROLL
                        const typename CONFIG::weight_t weight = weights[(tap * CONFIG::channels + c) * CONFIG::filters + f];
                        sums[f] += weight * mantissa(feat[q * CONFIG::channels + c]);
                    }
                }
            }
        }
        for (int f = 0; f < CONFIG::filters; ++f) {
#pragma HLS UNROLL
            out[p * CONFIG::filters + f] = from_mantissa<Y>(sums[f]);
        }
    }
    copy_hash<CONFIG::slots>(hash, out_hash);
}

// Adds a bias per channel where the value is not exactly zero.
//
// CONFIG: slots, channels; shift, the bits that the bias is finer than X; accumulator_t. biases[C] are mantissas with
// Y's binary point. Cost: one comparison with zero and one addition of a constant for each value.
template <class CONFIG, class X, class H, class Y, class G, class B>
void sparse_bias(const X feat[CONFIG::slots * CONFIG::channels], const H hash[CONFIG::slots * 2],
                 Y out[CONFIG::slots * CONFIG::channels], G out_hash[CONFIG::slots * 2],
                 const B biases[CONFIG::channels]) {
#pragma HLS PIPELINE II=1
    for (int i = 0; i < CONFIG::slots * CONFIG::channels; ++i) {
#pragma HLS UNROLL
        const typename CONFIG::accumulator_t wide = mantissa(feat[i]);
        const typename CONFIG::accumulator_t bias = biases[i % CONFIG::channels];
        const typename CONFIG::accumulator_t sum = (wide << CONFIG::shift) + bias;
        out[i] = feat[i] != 0 ? from_mantissa<Y>(sum) : Y(0);
    }
    copy_hash<CONFIG::slots>(hash, out_hash);
}

}  // namespace sparsehls

#endif
