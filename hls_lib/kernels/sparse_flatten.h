// From active pixels to a dense image, zero elsewhere; and straight on to a dense layer.
//
// sparse_flatten: each slot's position as one number; each element of the image takes the slot at its position. At most
// one slot is there, so an OR over the slots does it, without priority among them. P slots in each of ceil(N/P) steps.
// A quantizer behind it works on slots, which are fewer than elements, and what is put into the image is narrower.
//   cost   P positions (a multiplication with the constant W, an addition), P*C quantizations, P*H*W comparisons with a
//          constant, H*W*C ORs of P gated values
//   depth  an addition, a quantization, a comparison, an OR of P
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
inline typename CONFIG::position_t position_of(const H hash[CONFIG::pixels_per_cycle * 2], int slot) {
#pragma HLS INLINE
    typedef typename CONFIG::position_t position_t;
    const H row = hash[slot * 2];
    const position_t at = (row - 1) * CONFIG::width + hash[slot * 2 + 1];
    return row != 0 ? at : position_t(0);
}

// Stands for a quantizer where there is none.
template <class T>
struct Unquantized {
    static int format(int) { return 0; }
    static T quantize(int, const T& x) { return x; }
};

// What channel c of a slot is in the image: rounded as the element at its position. In an empty slot it does not matter.
template <class CONFIG, class X>
inline typename CONFIG::quantized_t element_of(typename CONFIG::position_t position, int c, const X& x) {
#pragma HLS INLINE
    const int pixel = position != 0 ? int(position) - 1 : 0;
    const typename CONFIG::element_t element = pixel * CONFIG::channels + c;
    return CONFIG::quantizer_t::quantize(CONFIG::quantizer_t::format(int(element)), x);
}

// CONFIG: channels, height, width; pixels_per_cycle; position_t, which holds height * width; element_t, which holds
// H*W*C - 1; quantizer_t, with quantize and format(element), whose result is a quantized_t; value_t, the mantissa of a Y.
// Y holds quantized_t and zero. feat and hash are shares; a step adds its slots to the image, which the first one begins.
template <class CONFIG, class X, class H, class Y>
void sparse_flatten(int step, const X feat[CONFIG::pixels_per_cycle * CONFIG::channels],
                    const H hash[CONFIG::pixels_per_cycle * 2], Y image[CONFIG::height * CONFIG::width * CONFIG::channels]) {
#pragma HLS INLINE
    typedef typename CONFIG::value_t value_t;
    const int count = CONFIG::pixels_per_cycle * CONFIG::channels;
    typename CONFIG::position_t positions[count];  // of each feature: flat loops are what a compiler for the host makes vectors of
    value_t features[count];
#pragma HLS ARRAY_PARTITION variable=positions complete
#pragma HLS ARRAY_PARTITION variable=features complete
    for (int i = 0; i < CONFIG::pixels_per_cycle; ++i) {
#pragma HLS UNROLL
        const typename CONFIG::position_t position = position_of<CONFIG>(hash, i);
        for (int c = 0; c < CONFIG::channels; ++c) {
#pragma HLS UNROLL
            const int at = i * CONFIG::channels + c;
            positions[at] = position;
            features[at] = mantissa(Y(element_of<CONFIG>(position, c, feat[at])));
        }
    }
    for (int at = 0; at < CONFIG::height * CONFIG::width; ++at) {
#pragma HLS UNROLL
        const typename CONFIG::position_t position = at + 1;
        value_t values[count];
#pragma HLS ARRAY_PARTITION variable=values complete
        for (int i = 0; i < count; ++i) {
#pragma HLS UNROLL
            const value_t here = -int(positions[i] == position);  // all ones, or zero
            values[i] = features[i] & here;
        }
        Tree<CONFIG::pixels_per_cycle>::template any<CONFIG::channels>(values);
        for (int c = 0; c < CONFIG::channels; ++c) {
#pragma HLS UNROLL
            const int element = at * CONFIG::channels + c;
            const value_t before = step == 0 ? value_t(0) : value_t(mantissa(image[element]));
            image[element] = from_mantissa<Y>(value_t(before | values[c]));
        }
    }
}

// CONFIG: as above without value_t; filters_per_cycle, which divides the outputs; weight_t; accumulator_t; shift, the bits
// that a bias is finer than the products. A step adds its slots to the sums of a turn of outputs; they are complete with
// the last slots. weights[H*W][turns][C*FP] and biases[turns][FP] are mantissas, those of the biases with Y's binary point.
template <class CONFIG, class X, class H, class ACCUMULATOR, int TURNS, class Y, class W, class B>
void sparse_flatten_dense(int group, int turn, const X feat[CONFIG::pixels_per_cycle * CONFIG::channels],
                          const H hash[CONFIG::pixels_per_cycle * 2],
                          ACCUMULATOR (&sums)[TURNS][CONFIG::filters_per_cycle], Y y[CONFIG::filters_per_cycle],
                          const W weights[][TURNS][CONFIG::channels * CONFIG::filters_per_cycle],
                          const B biases[][CONFIG::filters_per_cycle]) {
#pragma HLS INLINE
#pragma HLS ARRAY_PARTITION variable=weights complete dim=3
#pragma HLS ARRAY_PARTITION variable=biases complete dim=2
    const int count = CONFIG::pixels_per_cycle * CONFIG::channels;
    ACCUMULATOR products[count * CONFIG::filters_per_cycle];
#pragma HLS ARRAY_PARTITION variable=products complete
    for (int i = 0; i < CONFIG::pixels_per_cycle; ++i) {
#pragma HLS UNROLL
        const typename CONFIG::position_t position = position_of<CONFIG>(hash, i);
        const bool active = position != 0;
        const int pixel = active ? int(position) - 1 : 0;
        for (int c = 0; c < CONFIG::channels; ++c) {
#pragma HLS UNROLL
            const int at = (i * CONFIG::channels + c) * CONFIG::filters_per_cycle;
            for (int f = 0; f < CONFIG::filters_per_cycle; ++f) {
#pragma HLS UNROLL
                products[at + f] = 0;
            }
            if (!active) continue;
            const typename CONFIG::quantized_t x = element_of<CONFIG>(position, c, feat[i * CONFIG::channels + c]);
            for (int f = 0; f < CONFIG::filters_per_cycle; ++f) {
#pragma HLS UNROLL
                const typename CONFIG::weight_t weight = weights[pixel][turn][c * CONFIG::filters_per_cycle + f];
                products[at + f] = weight * mantissa(x);
            }
        }
    }
    Tree<count>::template sum<CONFIG::filters_per_cycle>(products);
    for (int f = 0; f < CONFIG::filters_per_cycle; ++f) {
#pragma HLS UNROLL
        const ACCUMULATOR sum = group == 0 ? products[f] : ACCUMULATOR(sums[turn][f] + products[f]);
        sums[turn][f] = sum;
        const ACCUMULATOR shifted = sum << CONFIG::shift;
        y[f] = from_mantissa<Y>(ACCUMULATOR(shifted + ACCUMULATOR(biases[turn][f])));
    }
}

}  // namespace sparsehls

#endif
