// 'same' convolution restricted to active pixels. The hash passes unchanged, and an empty slot stays zero.
//
// P output pixels, FP filters and CP input channels in each of ceil(N/P) * F/FP * C/CP steps, in one of two forms:
//
// Pairwise: for each pair of slots the difference of their coordinates picks a kernel tap, whose weights
// are looked up and multiplied.
//   cost   P*N pairs (with P = N half of them are mirror images): two differences of coordinates, a table of KH*KW
//          entries for each weight bit, CP*FP multiplications of two variables; P*FP sums of N values
//   depth  a difference, a table, a multiplication, trees of log2(CP) and log2(N) additions
//
// Gather: each output collects the feature at each of its KH*KW taps, then multiplies by constants.
//   cost   P*N pairs of differences as above, P*N*(KH + KW) comparisons, P*KH*KW*CP ORs of N gated features,
//          P*KH*KW*CP*FP multiplications with constants (with variables if FP < F or CP < C); P*FP sums of KH*KW*CP
//          products
//   depth  a difference, a comparison, an OR of N, a multiplication, a tree of log2(KH*KW*CP) additions

#ifndef SPARSEHLS_SPARSE_CONV2D_H_
#define SPARSEHLS_SPARSE_CONV2D_H_

#include "handover.h"

namespace sparsehls {

// Where each slot lies in the kernel around slot p of this step, which is at `own`: its kernel row and column, and whether
// it is `inside`, that is, active and in the reach of the kernel.
template <class CONFIG, class H>
inline void find_taps(const H hash[CONFIG::slots * 2], const H own[2], int p, typename CONFIG::difference_t rows[CONFIG::slots],
                      typename CONFIG::difference_t columns[CONFIG::slots], ap_uint<1> inside[CONFIG::slots]) {
#pragma HLS INLINE
    typedef typename CONFIG::difference_t difference_t;
    const difference_t pad_top = (CONFIG::kernel_height - 1) / 2, pad_left = (CONFIG::kernel_width - 1) / 2;
    const difference_t row = own[0], column = own[1];
    for (int q = 0; q < CONFIG::slots; ++q) {
#pragma HLS UNROLL
        // q from p is the opposite of p from q. With all slots in one step p and q are constants, and both directions
        // write the same subtraction, of which a tool can keep one.
        const bool mirrored = CONFIG::pixels_per_cycle == CONFIG::slots && q < p;
        const difference_t its_row = hash[q * 2], its_column = hash[q * 2 + 1];
        const difference_t down = its_row - row, up = row - its_row;
        const difference_t right = its_column - column, left = column - its_column;
        rows[q] = mirrored ? difference_t(pad_top - up) : difference_t(pad_top + down);
        columns[q] = mirrored ? difference_t(pad_left - left) : difference_t(pad_left + right);
    }
    for (int q = 0; q < CONFIG::slots; ++q) {
#pragma HLS UNROLL
        const ap_uint<1> active = hash[q * 2] != 0;
        const ap_uint<1> below_top = rows[q] >= 0, above_bottom = rows[q] < CONFIG::kernel_height;
        const ap_uint<1> from_left = columns[q] >= 0, to_right = columns[q] < CONFIG::kernel_width;
        inside[q] = active & below_top & above_bottom & from_left & to_right;
    }
}

// The channels of a turn, of every slot: each is a choice among the turns, and not among all features.
template <class CONFIG, class X>
inline void take_channels(const X feat[CONFIG::slots * CONFIG::channels], int turn,
                          X taken[CONFIG::slots * CONFIG::channels_per_cycle]) {
#pragma HLS INLINE
    const int per = CONFIG::channels_per_cycle, turns = CONFIG::channels / per;
    for (int slot = 0; slot < CONFIG::slots; ++slot) {
#pragma HLS UNROLL
        for (int c = 0; c < per; ++c) {
#pragma HLS UNROLL
            X one_of[turns];
#pragma HLS ARRAY_PARTITION variable=one_of complete
            for (int at = 0; at < turns; ++at) {
#pragma HLS UNROLL
                one_of[at] = feat[slot * CONFIG::channels + at * per + c];
            }
            taken[slot * per + c] = one_of[turn];
        }
    }
}

// The features of a slot, multiplied with the weights of one tap for filter f of a turn.
template <class CONFIG, class X, class W>
inline typename CONFIG::accumulator_t tap_product(const X feat[CONFIG::slots * CONFIG::channels_per_cycle],
                                                  const W weights[], int slot, int f) {
#pragma HLS INLINE
    typename CONFIG::accumulator_t products[CONFIG::channels_per_cycle];
#pragma HLS ARRAY_PARTITION variable=products complete
    for (int c = 0; c < CONFIG::channels_per_cycle; ++c) {
#pragma HLS UNROLL
        const typename CONFIG::weight_t weight = weights[c * CONFIG::filters_per_cycle + f];
        products[c] = weight * mantissa(feat[slot * CONFIG::channels_per_cycle + c]);
    }
    return Tree<CONFIG::channels_per_cycle>::sum(products);
}

// A form has `sums`: the sums of slot p over a turn of channels, of which `feat` is, for a turn of filters. `turn` is the one
// of the weights.
struct Pairwise {
    template <class CONFIG, class X, class W>
    static void sums(const X feat[CONFIG::slots * CONFIG::channels_per_cycle],
                     const typename CONFIG::difference_t rows[CONFIG::slots],
                     const typename CONFIG::difference_t columns[CONFIG::slots], const ap_uint<1> inside[CONFIG::slots],
                     const W weights[CONFIG::taps][CONFIG::turns][CONFIG::channels_per_cycle * CONFIG::filters_per_cycle],
                     int, int turn, typename CONFIG::accumulator_t sums[CONFIG::filters_per_cycle]) {
#pragma HLS INLINE
#pragma HLS ARRAY_PARTITION variable=weights complete dim=3
        typedef typename CONFIG::accumulator_t accumulator_t;
        accumulator_t terms[CONFIG::slots * CONFIG::filters_per_cycle];
#pragma HLS ARRAY_PARTITION variable=terms complete
        for (int q = 0; q < CONFIG::slots; ++q) {
#pragma HLS UNROLL
            const typename CONFIG::tap_t at = rows[q] * CONFIG::kernel_width + columns[q];
            for (int f = 0; f < CONFIG::filters_per_cycle; ++f) {
#pragma HLS UNROLL
                terms[q * CONFIG::filters_per_cycle + f] =
                    inside[q] != 0 ? tap_product<CONFIG>(feat, weights[int(at)][turn], q, f) : accumulator_t(0);
            }
        }
        Tree<CONFIG::slots>::template sum<CONFIG::filters_per_cycle>(terms);
        for (int f = 0; f < CONFIG::filters_per_cycle; ++f) {
#pragma HLS UNROLL
            sums[f] = terms[f];
        }
    }
};

// Whether slot q can lie `down` rows and `right` columns away from slot p at all. Slots that come straight from the input
// reduction are in row-major order (CONFIG::ordered), so that half of the pairs are impossible, and in the same row no
// slot is further away than its column is; only constants p and q make that save anything.
template <class CONFIG>
inline bool can_lie(int p, int q, int down, int right) {
#pragma HLS INLINE
    if (CONFIG::pixels_per_cycle != CONFIG::slots) return true;
    if (down == 0 && right == 0) return q == p;
    if (!CONFIG::ordered) return true;
    const bool later = down > 0 || (down == 0 && right > 0);
    const bool near = down != 0 || (right > 0 ? q <= p + right : q >= p + right);
    return near && (later ? q > p : q < p);
}

// The feature at each tap of slot p, or zero: at most one slot is there, so an OR chooses it without priority.
template <class CONFIG, class X>
inline void gather(const X feat[CONFIG::slots * CONFIG::channels_per_cycle],
                   const typename CONFIG::difference_t rows[CONFIG::slots],
                   const typename CONFIG::difference_t columns[CONFIG::slots], const ap_uint<1> inside[CONFIG::slots],
                   int p,
                   typename CONFIG::feature_t terms[CONFIG::slots * CONFIG::taps * CONFIG::channels_per_cycle]) {
#pragma HLS INLINE
    typedef typename CONFIG::feature_t feature_t;
    const int channels = CONFIG::channels_per_cycle, count = CONFIG::taps * channels;
    const int pad_top = (CONFIG::kernel_height - 1) / 2, pad_left = (CONFIG::kernel_width - 1) / 2;
    for (int q = 0; q < CONFIG::slots; ++q) {
#pragma HLS UNROLL
        for (int i = 0; i < count; ++i) {
#pragma HLS UNROLL
            terms[q * count + i] = 0;
        }
        if (inside[q] == 0) continue;
        for (int row = 0; row < CONFIG::kernel_height; ++row) {
#pragma HLS UNROLL
            if (rows[q] != row) continue;
            for (int column = 0; column < CONFIG::kernel_width; ++column) {
#pragma HLS UNROLL
                const bool here = columns[q] == column && can_lie<CONFIG>(p, q, row - pad_top, column - pad_left);
                const int at = q * count + (row * CONFIG::kernel_width + column) * channels;
                for (int c = 0; c < channels; ++c) {
#pragma HLS UNROLL
                    const feature_t feature = mantissa(feat[q * channels + c]);
                    terms[at + c] = here ? feature : feature_t(0);
                }
            }
        }
    }
    Tree<CONFIG::slots>::template any<count>(terms);
}

struct Gather {
    template <class CONFIG, class X, class W>
    static void sums(const X feat[CONFIG::slots * CONFIG::channels_per_cycle],
                     const typename CONFIG::difference_t rows[CONFIG::slots],
                     const typename CONFIG::difference_t columns[CONFIG::slots], const ap_uint<1> inside[CONFIG::slots],
                     const W weights[CONFIG::taps][CONFIG::turns][CONFIG::channels_per_cycle * CONFIG::filters_per_cycle],
                     int p, int turn, typename CONFIG::accumulator_t sums[CONFIG::filters_per_cycle]) {
#pragma HLS INLINE
#pragma HLS ARRAY_PARTITION variable=weights complete dim=1
#pragma HLS ARRAY_PARTITION variable=weights complete dim=3
        typedef typename CONFIG::accumulator_t accumulator_t;
        const int count = CONFIG::taps * CONFIG::channels_per_cycle;
        typename CONFIG::feature_t gathered[CONFIG::slots * count];  // the first `count` are left by a tree over slots
#pragma HLS ARRAY_PARTITION variable=gathered complete
        gather<CONFIG>(feat, rows, columns, inside, p, gathered);
        accumulator_t products[count * CONFIG::filters_per_cycle];
#pragma HLS ARRAY_PARTITION variable=products complete
        for (int i = 0; i < count; ++i) {
#pragma HLS UNROLL
            const int tap = i / CONFIG::channels_per_cycle, c = i % CONFIG::channels_per_cycle;
            for (int f = 0; f < CONFIG::filters_per_cycle; ++f) {
#pragma HLS UNROLL
                const typename CONFIG::weight_t weight = weights[tap][turn][c * CONFIG::filters_per_cycle + f];
                products[i * CONFIG::filters_per_cycle + f] = weight * gathered[i];
            }
        }
        Tree<count>::template sum<CONFIG::filters_per_cycle>(products);
        for (int f = 0; f < CONFIG::filters_per_cycle; ++f) {
#pragma HLS UNROLL
            sums[f] = products[f];
        }
    }
};

// CONFIG: form, Pairwise or Gather; slots, channels, kernel_height, kernel_width, taps = KH * KW; pixels_per_cycle;
// filters_per_cycle and channels_per_cycle, which divide filters and channels; filter_turns, and turns, which counts those
// of filters for each of channels; ordered; difference_t, which holds a coordinate difference plus the padding; tap_t,
// which holds taps - 1; feature_t, the mantissa of a feature; weight_t; accumulator_t, the mantissa of a sum. Y has the
// sum's binary point. own and out are shares; out is complete with the last turn of channels.
// weights[taps][turns][CP * FP] are mantissas.
template <class CONFIG, class X, class HASH, class H, class Y, class W>
void sparse_conv2d(int channel_turn, int filter_turn, const X feat[CONFIG::slots * CONFIG::channels], const HASH& hash,
                   const H own[CONFIG::pixels_per_cycle * 2],
                   typename CONFIG::accumulator_t partial[CONFIG::pixels_per_cycle * CONFIG::filters_per_cycle],
                   Y out[CONFIG::pixels_per_cycle * CONFIG::filters_per_cycle],
                   const W weights[CONFIG::taps][CONFIG::turns][CONFIG::channels_per_cycle * CONFIG::filters_per_cycle]) {
#pragma HLS INLINE
    typedef typename CONFIG::accumulator_t accumulator_t;
    const int turn = channel_turn * CONFIG::filter_turns + filter_turn;
    H all[CONFIG::slots * 2];
#pragma HLS ARRAY_PARTITION variable=all complete
    flatten<CONFIG::slots * 2>(hash, all);
    X taken[CONFIG::slots * CONFIG::channels_per_cycle];
#pragma HLS ARRAY_PARTITION variable=taken complete
    take_channels<CONFIG>(feat, channel_turn, taken);
    for (int p = 0; p < CONFIG::pixels_per_cycle; ++p) {
#pragma HLS UNROLL
        const bool active = own[p * 2] != 0;
        // Outside of the condition, so that the mirror image of a pair can share its work.
        typename CONFIG::difference_t rows[CONFIG::slots], columns[CONFIG::slots];
        ap_uint<1> inside[CONFIG::slots];
        accumulator_t sums[CONFIG::filters_per_cycle];
#pragma HLS ARRAY_PARTITION variable=rows complete
#pragma HLS ARRAY_PARTITION variable=columns complete
#pragma HLS ARRAY_PARTITION variable=inside complete
#pragma HLS ARRAY_PARTITION variable=sums complete
        find_taps<CONFIG>(all, &own[p * 2], p, rows, columns, inside);
        if (active) {
            CONFIG::form::template sums<CONFIG>(taken, rows, columns, inside, weights, p, turn, sums);
        }
        for (int f = 0; f < CONFIG::filters_per_cycle; ++f) {
#pragma HLS UNROLL
            const int at = p * CONFIG::filters_per_cycle + f;
            if (active) partial[at] = channel_turn == 0 ? sums[f] : accumulator_t(partial[at] + sums[f]);
            out[at] = active ? from_mantissa<Y>(partial[at]) : Y(0);
        }
    }
}

// Adds a bias per channel where the value is not exactly zero.
//
// CONFIG: pixels_per_cycle, channels; shift, the bits that the bias is finer than X; accumulator_t. feat and out are
// shares. biases[C] are mantissas with Y's binary point. Cost: P*C comparisons with zero and additions of a constant.
// Depth: one addition.
template <class CONFIG, class X, class Y, class B>
void sparse_bias(const X feat[CONFIG::pixels_per_cycle * CONFIG::channels],
                 Y out[CONFIG::pixels_per_cycle * CONFIG::channels], const B biases[CONFIG::channels]) {
#pragma HLS INLINE
    for (int i = 0; i < CONFIG::pixels_per_cycle * CONFIG::channels; ++i) {
#pragma HLS UNROLL
        const typename CONFIG::accumulator_t wide = mantissa(feat[i]);
        const typename CONFIG::accumulator_t bias = biases[i % CONFIG::channels];
        const typename CONFIG::accumulator_t sum = (wide << CONFIG::shift) + bias;
        out[i] = feat[i] != 0 ? from_mantissa<Y>(sum) : Y(0);
    }
}

}  // namespace sparsehls

#endif
