// Fully connected layers, batch normalization and max(0, x).
//
// dense: IP of I inputs and OP of O outputs in each of I/IP * O/OP steps.
//   cost   IP*OP multiplications with constants (none where the weight is zero, an adder or two where it has few bits;
//          with variables, and a table of the weights, if there are several steps), OP sums of IP products and a bias
//   depth  a multiplication, a tree of log2(IP) additions, the bias

#ifndef SPARSEHLS_DENSE_H_
#define SPARSEHLS_DENSE_H_

#include "common.h"

namespace sparsehls {

// CONFIG: rows; inputs_per_cycle and outputs_per_cycle, which divide inputs and outputs; shift, the bits that the bias is
// finer than the products; weight_t; accumulator_t, the mantissa of a sum. x and y are shares. A step adds the products of
// a turn of inputs to the sums of a turn of outputs, which are complete with the last turn of inputs; it has its own row
// of weights[steps][IP * OP]. biases[turns][OP] have Y's binary point. Both are mantissas.
template <class CONFIG, class X, class ACCUMULATOR, class Y, class W, class B>
void dense(int step, int input_turn, int output_turn, const X x[CONFIG::rows * CONFIG::inputs_per_cycle],
           ACCUMULATOR partial[CONFIG::rows * CONFIG::outputs_per_cycle], Y y[CONFIG::rows * CONFIG::outputs_per_cycle],
           const W weights[][CONFIG::inputs_per_cycle * CONFIG::outputs_per_cycle],
           const B biases[][CONFIG::outputs_per_cycle]) {
#pragma HLS INLINE
#pragma HLS ARRAY_PARTITION variable=weights complete dim=2
#pragma HLS ARRAY_PARTITION variable=biases complete dim=2
    for (int r = 0; r < CONFIG::rows; ++r) {
#pragma HLS UNROLL
        for (int o = 0; o < CONFIG::outputs_per_cycle; ++o) {
#pragma HLS UNROLL
            ACCUMULATOR products[CONFIG::inputs_per_cycle];
#pragma HLS ARRAY_PARTITION variable=products complete
            for (int i = 0; i < CONFIG::inputs_per_cycle; ++i) {
#pragma HLS UNROLL
                const typename CONFIG::weight_t weight = weights[step][i * CONFIG::outputs_per_cycle + o];
                products[i] = weight * mantissa(x[r * CONFIG::inputs_per_cycle + i]);
            }
            const int at = r * CONFIG::outputs_per_cycle + o;
            const ACCUMULATOR sum = Tree<CONFIG::inputs_per_cycle>::sum(products);
            partial[at] = input_turn == 0 ? sum : ACCUMULATOR(partial[at] + sum);
            const ACCUMULATOR shifted = partial[at] << CONFIG::shift;
            y[at] = from_mantissa<Y>(ACCUMULATOR(shifted + ACCUMULATOR(biases[output_turn][o])));
        }
    }
}

// x * scale + offset, with a scale and an offset for each channel. CONFIG: values, channels; shift, the bits that the
// offset is finer than the product; weight_t, accumulator_t. Cost: one multiplication with a constant and one addition
// of a constant for each value.
template <class CONFIG, class X, class Y, class W, class B>
void dense_affine(const X x[CONFIG::values], Y y[CONFIG::values], const W scales[CONFIG::channels],
                  const B offsets[CONFIG::channels]) {
#pragma HLS INLINE
    typedef typename CONFIG::accumulator_t accumulator_t;
    for (int i = 0; i < CONFIG::values; ++i) {
#pragma HLS UNROLL
        const typename CONFIG::weight_t scale = scales[i % CONFIG::channels];
        const accumulator_t product = scale * mantissa(x[i]);
        const accumulator_t sum = (product << CONFIG::shift) + accumulator_t(offsets[i % CONFIG::channels]);
        y[i] = from_mantissa<Y>(sum);
    }
}

// A ReLU with a largest value and a slope of 2^-slope below zero (none if slope is negative). CONFIG: shift, the bits
// that Y is finer than X; slope; limit, a mantissa with Y's binary point; wide_t. Cost: one comparison.
template <class CONFIG, class X, class Y>
inline void limited_relu(const X& x, Y& y) {
#pragma HLS INLINE
    typedef typename CONFIG::wide_t wide_t;
    const wide_t wide = wide_t(mantissa(x)) << CONFIG::shift;
    const wide_t limit = wide_t((long long)CONFIG::limit);
    const wide_t below = CONFIG::slope < 0 ? wide_t(0) : wide_t(wide >> (CONFIG::slope < 0 ? 0 : (int)CONFIG::slope));
    const wide_t above = wide < limit ? wide : limit;
    y = from_mantissa<Y>(wide < wide_t(0) ? below : above);
}

template <class CONFIG, class X, class Y>
void dense_limited_relu(const X x[CONFIG::values], Y y[CONFIG::values]) {
#pragma HLS INLINE
    for (int i = 0; i < CONFIG::values; ++i) {
#pragma HLS UNROLL
        limited_relu<CONFIG>(x[i], y[i]);
    }
}

// All arrays of the sparse kernels are shares. CONFIG: pixels_per_cycle, channels.
template <class CONFIG, class X, class Y>
void sparse_limited_relu(const X feat[CONFIG::pixels_per_cycle * CONFIG::channels],
                         Y out[CONFIG::pixels_per_cycle * CONFIG::channels]) {
#pragma HLS INLINE
    for (int i = 0; i < CONFIG::pixels_per_cycle * CONFIG::channels; ++i) {
#pragma HLS UNROLL
        limited_relu<CONFIG>(feat[i], out[i]);
    }
}

// Y holds every X that is not negative. Cost: one gate for each bit.
template <class CONFIG, class X, class Y>
void dense_relu(const X x[CONFIG::values], Y y[CONFIG::values]) {
#pragma HLS INLINE
    for (int i = 0; i < CONFIG::values; ++i) {
#pragma HLS UNROLL
        y[i] = x[i] > 0 ? Y(x[i]) : Y(0);
    }
}

// Another shape of the same values: wiring.
template <class CONFIG, class X, class Y>
void dense_copy(const X x[CONFIG::values], Y y[CONFIG::values]) {
#pragma HLS INLINE
    for (int i = 0; i < CONFIG::values; ++i) {
#pragma HLS UNROLL
        y[i] = x[i];
    }
}

// As dense_relu, on a sparse tensor. An active pixel stays active when all its features become zero.
template <class CONFIG, class X, class Y>
void sparse_relu(const X feat[CONFIG::pixels_per_cycle * CONFIG::channels],
                 Y out[CONFIG::pixels_per_cycle * CONFIG::channels]) {
#pragma HLS INLINE
    for (int i = 0; i < CONFIG::pixels_per_cycle * CONFIG::channels; ++i) {
#pragma HLS UNROLL
        out[i] = feat[i] > 0 ? Y(feat[i]) : Y(0);
    }
}

}  // namespace sparsehls

#endif
