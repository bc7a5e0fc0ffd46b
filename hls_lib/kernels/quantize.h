// Quantizers: every position and channel can have a format of its own.
//
// The formats are few: a table gives each position and channel the index of its format, and CONFIG::quantize has what
// belongs to it: constants to add and to mask with, or, if they saturate or round otherwise, a rounding each to choose among.
// A sparse layer does P slots in each of ceil(N/P) steps.
//   cost   for each value of a step one addition and one mask, or one rounding and overflow per format that it can have and a
//          choice among them; if the format depends on the position, a table of H*W*C indices
//   depth  an addition and a comparison, the choice among the formats

#ifndef SPARSEHLS_QUANTIZE_H_
#define SPARSEHLS_QUANTIZE_H_

#include "common.h"

namespace sparsehls {

// x in one of several formats that round down or half up, and wrap around: `half` of the format's last bit is added, its bits are
// kept, and its `sign` bit is extended, which is 0 where there is none. The sum has LEFT bits more behind the binary point than x,
// and RIGHT more than Y.
template <class Y, int LEFT, int RIGHT, class X, class SUM>
inline Y add_and_mask(const X& x, const SUM& half, const SUM& keep, const SUM& sign) {
#pragma HLS INLINE
    const SUM wide = mantissa(x);
    const SUM kept = ((wide << LEFT) + half) & keep;
    return from_mantissa<Y>(((kept ^ sign) - sign) >> RIGHT);
}

// CONFIG: pixels_per_cycle, channels; format(row, column, channel), 1-based row and column; quantize(format index, value).
// All arrays are shares.
template <class CONFIG, class X, class H, class Y>
void sparse_quantize(const X feat[CONFIG::pixels_per_cycle * CONFIG::channels], const H hash[CONFIG::pixels_per_cycle * 2],
                     Y out[CONFIG::pixels_per_cycle * CONFIG::channels]) {
#pragma HLS INLINE
    for (int slot = 0; slot < CONFIG::pixels_per_cycle; ++slot) {
#pragma HLS UNROLL
        const int row = int(hash[slot * 2]), column = int(hash[slot * 2 + 1]);
        for (int c = 0; c < CONFIG::channels; ++c) {
#pragma HLS UNROLL
            const int at = slot * CONFIG::channels + c;
            out[at] = row != 0 ? Y(CONFIG::quantize(CONFIG::format(row, column, c), feat[at])) : Y(0);
        }
    }
}

// CONFIG: values; format(index); quantize(format index, value).
template <class CONFIG, class X, class Y>
void dense_quantize(const X x[CONFIG::values], Y y[CONFIG::values]) {
#pragma HLS INLINE
    for (int i = 0; i < CONFIG::values; ++i) {
#pragma HLS UNROLL
        y[i] = CONFIG::quantize(CONFIG::format(i), x[i]);
    }
}

// x / CONFIG::divisor as a value that rounds like the exact quotient: one bit finer than any rounding needs, and below
// it a bit that says whether anything is left. The division is a multiplication with a constant that is wide enough to
// be exact for every x.
//
// CONFIG: divisor; left and right, the shifts before the division (one of them is 0); offset, a multiple of divisor that
// makes the numerator positive, and offset_quotient = offset / divisor; multiplier and shift; shifted_t, numerator_t,
// product_t, quotient_t.
template <class CONFIG, class X>
inline typename CONFIG::quotient_t exact_quotient(const X& x) {
#pragma HLS INLINE
    typedef typename CONFIG::numerator_t numerator_t;
    typedef typename CONFIG::quotient_t quotient_t;
    const typename CONFIG::shifted_t wide = mantissa(x);
    const typename CONFIG::shifted_t shifted = (wide << CONFIG::left) >> CONFIG::right;
    const bool lost = (shifted << CONFIG::right) != (wide << CONFIG::left);
    const numerator_t numerator = shifted + typename CONFIG::shifted_t(CONFIG::offset);
    const typename CONFIG::product_t product =
        typename CONFIG::product_t(numerator) * typename CONFIG::multiplier_t(CONFIG::multiplier);
    const numerator_t whole = product >> CONFIG::shift;
    const numerator_t back = whole * ap_uint<32>(CONFIG::divisor);
    const ap_uint<1> rest = lost || back != numerator;
    const ap_int<quotient_t::width> quotient = ap_int<quotient_t::width>(whole) - ap_int<quotient_t::width>(CONFIG::offset_quotient);
    return from_mantissa<quotient_t>(ap_int<quotient_t::width>((quotient << 1) | ap_int<quotient_t::width>(rest)));
}

}  // namespace sparsehls

#endif
