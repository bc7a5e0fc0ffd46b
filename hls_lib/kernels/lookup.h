// Functions by table, and the steps of a softmax.
//
// Cost: one read of a constant table for each value; max_minus is a tree of N - 1 comparisons, log2(N) deep, and N
// subtractions; normalize is a tree of N - 1 additions, log2(N) deep, one table and N multiplications.

#ifndef SPARSEHLS_LOOKUP_H_
#define SPARSEHLS_LOOKUP_H_

#include "common.h"

namespace sparsehls {

// The largest value minus each value. CONFIG: values; difference_t, the mantissa of a difference.
template <class CONFIG, class X, class Y>
void max_minus(const X x[CONFIG::values], Y y[CONFIG::values]) {
#pragma HLS INLINE
    X values[CONFIG::values];
#pragma HLS ARRAY_PARTITION variable=values complete
    for (int i = 0; i < CONFIG::values; ++i) {
#pragma HLS UNROLL
        values[i] = x[i];
    }
    const X largest = Tree<CONFIG::values>::largest(values);
    for (int i = 0; i < CONFIG::values; ++i) {
#pragma HLS UNROLL
        typedef typename CONFIG::difference_t difference_t;
        y[i] = from_mantissa<Y>(difference_t(difference_t(mantissa(largest)) - difference_t(mantissa(x[i]))));
    }
}

// CONFIG: values; first, the mantissa of entry 0; entries of one format; entry_t, which holds entries - 1; format(index). table[formats * entries] holds
// the mantissas of the results. A value for which there is no entry cannot occur.
template <class CONFIG, class X, class Y, class T>
void dense_lookup(const X x[CONFIG::values], Y y[CONFIG::values], const T table[CONFIG::formats * CONFIG::entries]) {
#pragma HLS INLINE
    for (int i = 0; i < CONFIG::values; ++i) {
#pragma HLS UNROLL
        const typename CONFIG::entry_t at = mantissa(x[i]) - CONFIG::first;
        y[i] = from_mantissa<Y>(ap_int<Y::width + 1>(table[int(CONFIG::format(i)) * CONFIG::entries + int(at)]));
    }
}

// As dense_lookup; an empty slot stays zero. CONFIG: pixels_per_cycle, channels; format(row, column, channel). All arrays
// are shares.
template <class CONFIG, class X, class H, class Y, class T>
void sparse_lookup(const X feat[CONFIG::pixels_per_cycle * CONFIG::channels], const H hash[CONFIG::pixels_per_cycle * 2],
                   Y out[CONFIG::pixels_per_cycle * CONFIG::channels], const T table[CONFIG::formats * CONFIG::entries]) {
#pragma HLS INLINE
    for (int slot = 0; slot < CONFIG::pixels_per_cycle; ++slot) {
#pragma HLS UNROLL
        const int row = int(hash[slot * 2]), column = int(hash[slot * 2 + 1]);
        for (int c = 0; c < CONFIG::channels; ++c) {
#pragma HLS UNROLL
            const int i = slot * CONFIG::channels + c;
            const typename CONFIG::entry_t at = mantissa(feat[i]) - CONFIG::first;
            const int entry = row != 0 ? int(CONFIG::format(row, column, c)) * CONFIG::entries + int(at) : 0;
            out[i] = row != 0 ? from_mantissa<Y>(ap_int<Y::width + 1>(table[entry])) : Y(0);
        }
    }
}

// x times the reciprocal of the sum of all x. CONFIG: values; first; entry_t; accumulator_t, the mantissa of the sum; sum_t, its
// type; rounded_t, the quantizer of the sum; index_t, the same value as the table has it; reciprocal_t, the mantissa of
// a table entry; product_t.
template <class CONFIG, class X, class Y, class T>
void normalize(const X x[CONFIG::values], Y y[CONFIG::values], const T table[CONFIG::entries]) {
#pragma HLS INLINE
    typename CONFIG::accumulator_t values[CONFIG::values];
#pragma HLS ARRAY_PARTITION variable=values complete
    for (int i = 0; i < CONFIG::values; ++i) {
#pragma HLS UNROLL
        values[i] = mantissa(x[i]);
    }
    const typename CONFIG::accumulator_t sum = Tree<CONFIG::values>::sum(values);
    const typename CONFIG::rounded_t rounded = from_mantissa<typename CONFIG::sum_t>(sum);
    const typename CONFIG::index_t index = rounded;
    const typename CONFIG::entry_t at = mantissa(index) - CONFIG::first;
    const typename CONFIG::reciprocal_t reciprocal = table[int(at)];
    for (int i = 0; i < CONFIG::values; ++i) {
#pragma HLS UNROLL
        y[i] = from_mantissa<Y>(typename CONFIG::product_t(reciprocal * mantissa(x[i])));
    }
}

}  // namespace sparsehls

#endif
