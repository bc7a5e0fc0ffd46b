// From active pixels to a dense image, zero elsewhere; and straight on to a dense layer.
//
// sparse_flatten: each slot's position as one number; each element of the image takes the slot at its position. At most
// one slot is there, so an OR over the slots does it, without priority among them. P slots in each of ceil(N/P) steps.
//   cost   N positions (a multiplication with the constant W, an addition), P*H*W comparisons with a constant, H*W*C ORs
//          of P gated values
//   depth  an addition, a comparison, an OR of P
//
// sparse_flatten_dense: flatten, quantizer and dense layer in one, for images much larger than N. Instead of scattering
// the features it looks up the rows of weights that belong to their positions. P slots and FP of F outputs in each of
// ceil(N/P) * F/FP steps.
//   cost   P*C quantizations, P*C*FP table reads of H*W entries and multiplications of two variables, FP sums of P*C
//          products
//   depth  an addition, a table, a quantization, a multiplication, a tree of log2(P*C) additions

#ifndef SPARSEHLS_SPARSE_FLATTEN_H_
#define SPARSEHLS_SPARSE_FLATTEN_H_

#include "common.h"

namespace sparsehls {

// The position of a slot in row-major order, 1-based, so that 0 is an empty slot.
template <class CONFIG, class H>
inline typename CONFIG::position_t position_of(const H hash[CONFIG::slots * 2], int slot) {
#pragma HLS INLINE
    typedef typename CONFIG::position_t position_t;
    const H row = hash[slot * 2];
    const position_t at = (row - 1) * CONFIG::width + hash[slot * 2 + 1];
    return row != 0 ? at : position_t(0);
}

// CONFIG: slots, channels, height, width; pixels_per_cycle; position_t, which holds height * width; value_t, the
// mantissa of a Y. Y holds X and zero.
template <class CONFIG, class X, class H, class Y>
void sparse_flatten(const X feat[CONFIG::slots * CONFIG::channels], const H hash[CONFIG::slots * 2],
                    Y image[CONFIG::height * CONFIG::width * CONFIG::channels]) {
#pragma HLS INLINE
    typedef typename CONFIG::value_t value_t;
    // A local array: what a process writes for the next one it must not read back.
    value_t found[CONFIG::height * CONFIG::width * CONFIG::channels];
#pragma HLS ARRAY_PARTITION variable=found complete
    for (int first = 0; first < CONFIG::slots; first += CONFIG::pixels_per_cycle) {
#pragma HLS PIPELINE II=1 rewind
        typename CONFIG::position_t positions[CONFIG::pixels_per_cycle];
        value_t features[CONFIG::pixels_per_cycle * CONFIG::channels];
#pragma HLS ARRAY_PARTITION variable=positions complete
#pragma HLS ARRAY_PARTITION variable=features complete
        for (int i = 0; i < CONFIG::pixels_per_cycle; ++i) {
#pragma HLS UNROLL
            const int slot = first + i < CONFIG::slots ? first + i : 0;
            positions[i] = first + i < CONFIG::slots ? position_of<CONFIG>(hash, slot) : typename CONFIG::position_t(0);
            for (int c = 0; c < CONFIG::channels; ++c) {
#pragma HLS UNROLL
                features[i * CONFIG::channels + c] = mantissa(Y(feat[slot * CONFIG::channels + c]));
            }
        }
        for (int at = 0; at < CONFIG::height * CONFIG::width; ++at) {
#pragma HLS UNROLL
            const typename CONFIG::position_t position = at + 1;
            value_t values[CONFIG::pixels_per_cycle * CONFIG::channels];
#pragma HLS ARRAY_PARTITION variable=values complete
            for (int i = 0; i < CONFIG::pixels_per_cycle; ++i) {
#pragma HLS UNROLL
                const value_t here = -int(positions[i] == position);  // all ones, or zero
                for (int c = 0; c < CONFIG::channels; ++c) {
#pragma HLS UNROLL
                    values[i * CONFIG::channels + c] = features[i * CONFIG::channels + c] & here;
                }
            }
            Tree<CONFIG::pixels_per_cycle>::template any<CONFIG::channels>(values);
            for (int c = 0; c < CONFIG::channels; ++c) {
#pragma HLS UNROLL
                const int element = at * CONFIG::channels + c;
                found[element] = first == 0 ? values[c] : value_t(found[element] | values[c]);
                if (first + CONFIG::pixels_per_cycle >= CONFIG::slots) image[element] = from_mantissa<Y>(found[element]);
            }
        }
    }
}

// Stands for a quantizer where there is none.
template <class T>
struct Unquantized {
    static int format(int) { return 0; }
    static T quantize(int, const T& x) { return x; }
};

// CONFIG: as above without value_t; element_t, which holds H*W*C - 1; filters; filters_per_cycle, which divides filters; quantizer_t, with quantize and
// format(element), whose result is a quantized_t; weight_t; accumulator_t; shift, the bits that a bias is finer than the
// products. weights[H*W][C*F] and biases[F] are mantissas, those of the biases with Y's binary point.
template <class CONFIG, class X, class H, class Y, class W, class B>
void sparse_flatten_dense(const X feat[CONFIG::slots * CONFIG::channels], const H hash[CONFIG::slots * 2],
                          Y y[CONFIG::filters],
                          const W weights[CONFIG::height * CONFIG::width][CONFIG::channels * CONFIG::filters],
                          const B biases[CONFIG::filters]) {
#pragma HLS INLINE
#pragma HLS ARRAY_PARTITION variable=weights complete dim=0
    typedef typename CONFIG::accumulator_t accumulator_t;
    const int count = CONFIG::pixels_per_cycle * CONFIG::channels;
    accumulator_t sums[CONFIG::filters];
#pragma HLS ARRAY_PARTITION variable=sums complete
    for (int first = 0; first < CONFIG::slots; first += CONFIG::pixels_per_cycle) {
        for (int filter = 0; filter < CONFIG::filters; filter += CONFIG::filters_per_cycle) {
#pragma HLS PIPELINE II=1 rewind
            accumulator_t products[count * CONFIG::filters_per_cycle];
#pragma HLS ARRAY_PARTITION variable=products complete
            for (int i = 0; i < CONFIG::pixels_per_cycle; ++i) {
#pragma HLS UNROLL
                const int slot = first + i < CONFIG::slots ? first + i : 0;
                const typename CONFIG::position_t position = position_of<CONFIG>(hash, slot);
                const bool active = first + i < CONFIG::slots && position != 0;
                const typename CONFIG::position_t pixel = active ? int(position - 1) : 0;
                for (int c = 0; c < CONFIG::channels; ++c) {
#pragma HLS UNROLL
                    const typename CONFIG::element_t element = int(pixel) * CONFIG::channels + c;
                    const typename CONFIG::quantized_t x = CONFIG::quantizer_t::quantize(
                        CONFIG::quantizer_t::format(int(element)), feat[slot * CONFIG::channels + c]);
                    const int at = (i * CONFIG::channels + c) * CONFIG::filters_per_cycle;
                    for (int f = 0; f < CONFIG::filters_per_cycle; ++f) {
#pragma HLS UNROLL
                        products[at + f] = 0;
                    }
                    if (!active) continue;
                    for (int f = 0; f < CONFIG::filters_per_cycle; ++f) {
#pragma HLS UNROLL
                        const typename CONFIG::weight_t weight = weights[int(pixel)][c * CONFIG::filters + filter + f];
                        products[at + f] = weight * mantissa(x);
                    }
                }
            }
            Tree<count>::template sum<CONFIG::filters_per_cycle>(products);
            for (int f = 0; f < CONFIG::filters_per_cycle; ++f) {
#pragma HLS UNROLL
                sums[filter + f] = first == 0 ? products[f] : accumulator_t(sums[filter + f] + products[f]);
                const accumulator_t shifted = sums[filter + f] << CONFIG::shift;
                // Once, when the sum is complete: a port with ap_vld tells of every write.
                if (first + CONFIG::pixels_per_cycle >= CONFIG::slots) {
                    y[filter + f] = from_mantissa<Y>(accumulator_t(shifted + accumulator_t(biases[filter + f])));
                }
            }
        }
    }
}

}  // namespace sparsehls

#endif
