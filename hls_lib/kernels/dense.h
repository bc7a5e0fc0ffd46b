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

// CONFIG: rows, inputs, outputs; inputs_per_cycle and outputs_per_cycle, which divide them; shift, the bits that the bias
// is finer than the products; weight_t; accumulator_t, the mantissa of a sum. weights[I][O] and biases[O] are mantissas,
// those of the biases with Y's binary point.
template <class CONFIG, class X, class Y, class W, class B>
void dense(const X x[CONFIG::rows * CONFIG::inputs], Y y[CONFIG::rows * CONFIG::outputs],
           const W weights[CONFIG::inputs * CONFIG::outputs], const B biases[CONFIG::outputs]) {
#pragma HLS INLINE
#pragma HLS ARRAY_PARTITION variable=weights complete
    typedef typename CONFIG::accumulator_t accumulator_t;
    accumulator_t partial[CONFIG::rows][CONFIG::outputs_per_cycle];
#pragma HLS ARRAY_PARTITION variable=partial complete dim=0
    for (int output = 0; output < CONFIG::outputs; output += CONFIG::outputs_per_cycle) {
        for (int input = 0; input < CONFIG::inputs; input += CONFIG::inputs_per_cycle) {
#pragma HLS PIPELINE II=1 rewind
            for (int r = 0; r < CONFIG::rows; ++r) {
#pragma HLS UNROLL
                for (int o = 0; o < CONFIG::outputs_per_cycle; ++o) {
#pragma HLS UNROLL
                    accumulator_t products[CONFIG::inputs_per_cycle];
#pragma HLS ARRAY_PARTITION variable=products complete
                    for (int i = 0; i < CONFIG::inputs_per_cycle; ++i) {
#pragma HLS UNROLL
                        const typename CONFIG::weight_t weight = weights[(input + i) * CONFIG::outputs + output + o];
                        products[i] = weight * mantissa(x[r * CONFIG::inputs + input + i]);
                    }
                    const accumulator_t sum = Tree<CONFIG::inputs_per_cycle>::sum(products);
                    partial[r][o] = input == 0 ? sum : accumulator_t(partial[r][o] + sum);
                    const accumulator_t shifted = partial[r][o] << CONFIG::shift;
                    // Once, when the sum is complete: a port with ap_vld tells of every write.
                    if (input + CONFIG::inputs_per_cycle >= CONFIG::inputs) {
                        y[r * CONFIG::outputs + output + o] =
                            from_mantissa<Y>(accumulator_t(shifted + accumulator_t(biases[output + o])));
                    }
                }
            }
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

template <class CONFIG, class X, class H, class Y, class G>
void sparse_limited_relu(const X feat[CONFIG::slots * CONFIG::channels], const H hash[CONFIG::slots * 2],
                         Y out[CONFIG::slots * CONFIG::channels], G out_hash[CONFIG::slots * 2]) {
#pragma HLS INLINE
    for (int i = 0; i < CONFIG::slots * CONFIG::channels; ++i) {
#pragma HLS UNROLL
        limited_relu<CONFIG>(feat[i], out[i]);
    }
    copy_hashes<CONFIG::slots>(hash, out_hash);
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
template <class CONFIG, class X, class H, class Y, class G>
void sparse_relu(const X feat[CONFIG::slots * CONFIG::channels], const H hash[CONFIG::slots * 2],
                 Y out[CONFIG::slots * CONFIG::channels], G out_hash[CONFIG::slots * 2]) {
#pragma HLS INLINE
    for (int i = 0; i < CONFIG::slots * CONFIG::channels; ++i) {
#pragma HLS UNROLL
        out[i] = feat[i] > 0 ? Y(feat[i]) : Y(0);
    }
    copy_hashes<CONFIG::slots>(hash, out_hash);
}

}  // namespace sparsehls

#endif
