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
//   cost   P*N*(KH + KW) comparisons, P*KH*KW*CP ORs of N gated features, P*KH*KW*CP*FP multiplications with constants
//          (with variables if FP < F or CP < C); P*FP sums of KH*KW*CP products
//   depth  a comparison, an OR of N, a multiplication, a tree of log2(KH*KW*CP) additions

#ifndef SPARSEHLS_SPARSE_CONV2D_H_
#define SPARSEHLS_SPARSE_CONV2D_H_

#include "common.h"

namespace sparsehls {

// Where slot q lies in the kernel around slot p.
template <class CONFIG>
struct Tap {
    typename CONFIG::difference_t row, column;  // kernel row and column, if `inside`
    bool inside;                                // q is active and in the reach of the kernel
};

template <class CONFIG, class H>
inline Tap<CONFIG> tap_of(const H hash[CONFIG::slots * 2], int p, int q) {
#pragma HLS INLINE
    typedef typename CONFIG::difference_t difference_t;
    const int pad_top = (CONFIG::kernel_height - 1) / 2, pad_left = (CONFIG::kernel_width - 1) / 2;
    // q from p is the opposite of p from q. With all slots in one step p and q are constants, so both directions write
    // the same subtraction, and the tool keeps one.
    const bool mirrored = CONFIG::pixels_per_cycle == CONFIG::slots && q < p;
    const int from = mirrored ? q : p, to = mirrored ? p : q;
    const difference_t down = difference_t(hash[to * 2]) - difference_t(hash[from * 2]);
    const difference_t right = difference_t(hash[to * 2 + 1]) - difference_t(hash[from * 2 + 1]);
    Tap<CONFIG> tap;
    tap.row = mirrored ? difference_t(pad_top - down) : difference_t(pad_top + down);
    tap.column = mirrored ? difference_t(pad_left - right) : difference_t(pad_left + right);
    tap.inside = hash[q * 2] != 0 && tap.row >= 0 && tap.row < CONFIG::kernel_height &&
                 tap.column >= 0 && tap.column < CONFIG::kernel_width;
    return tap;
}

// The features of a slot, multiplied with the weights of one tap for filter f: channels from `channel` on.
template <class CONFIG, class X, class W>
inline typename CONFIG::accumulator_t tap_product(const X feat[CONFIG::slots * CONFIG::channels],
                                                  const W weights[CONFIG::taps * CONFIG::channels * CONFIG::filters], int tap,
                                                  int slot, int channel, int f) {
#pragma HLS INLINE
    typename CONFIG::accumulator_t products[CONFIG::channels_per_cycle];
#pragma HLS ARRAY_PARTITION variable=products complete
    for (int c = 0; c < CONFIG::channels_per_cycle; ++c) {
#pragma HLS UNROLL
        const typename CONFIG::weight_t weight = weights[(tap * CONFIG::channels + channel + c) * CONFIG::filters + f];
        products[c] = weight * mantissa(feat[slot * CONFIG::channels + channel + c]);
    }
    return Tree<CONFIG::channels_per_cycle>::sum(products);
}

// A form has `sums`: what one step adds to the sums of slot p, for filters from `filter` on, channels from `channel` on.
struct Pairwise {
    template <class CONFIG, class X, class H, class W>
    static void sums(const X feat[CONFIG::slots * CONFIG::channels], const H hash[CONFIG::slots * 2],
                     const W weights[CONFIG::taps * CONFIG::channels * CONFIG::filters], int p, int channel, int filter,
                     typename CONFIG::accumulator_t sums[CONFIG::filters_per_cycle]) {
#pragma HLS INLINE
        typedef typename CONFIG::accumulator_t accumulator_t;
        accumulator_t terms[CONFIG::filters_per_cycle][CONFIG::slots];
#pragma HLS ARRAY_PARTITION variable=terms complete dim=0
        for (int q = 0; q < CONFIG::slots; ++q) {
#pragma HLS UNROLL
            const Tap<CONFIG> tap = tap_of<CONFIG>(hash, p, q);
            const typename CONFIG::tap_t at = tap.row * CONFIG::kernel_width + tap.column;
            for (int f = 0; f < CONFIG::filters_per_cycle; ++f) {
#pragma HLS UNROLL
                terms[f][q] = tap.inside ? tap_product<CONFIG>(feat, weights, int(at), q, channel, filter + f) : accumulator_t(0);
            }
        }
        for (int f = 0; f < CONFIG::filters_per_cycle; ++f) {
#pragma HLS UNROLL
            const accumulator_t sum = Tree<CONFIG::slots>::sum(terms[f]);
            sums[f] = channel == 0 ? sum : accumulator_t(sums[f] + sum);
        }
    }
};

// Whether slot q can lie at a tap of slot p at all. Slots that come straight from the input reduction are in row-major
// order (CONFIG::ordered), so that half of the pairs are impossible; only constants p and q make that save anything.
template <class CONFIG>
inline bool can_be(int p, int q, int row, int column) {
#pragma HLS INLINE
    const int pad_top = (CONFIG::kernel_height - 1) / 2, pad_left = (CONFIG::kernel_width - 1) / 2;
    if (row == pad_top && column == pad_left) return q == p;
    if (q == p) return false;
    if (!CONFIG::ordered || CONFIG::pixels_per_cycle != CONFIG::slots) return true;
    const bool after = row > pad_top || (row == pad_top && column > pad_left);
    const int nearest = row == pad_top ? column - pad_left : CONFIG::slots;  // in the same row no further than this
    return after ? q > p && q - p <= nearest : q < p && (row != pad_top || p - q <= -nearest);
}

// The feature at each tap of slot p, or zero: at most one slot is there, so an OR chooses it without priority.
template <class CONFIG, class X, class H>
inline void gather(const X feat[CONFIG::slots * CONFIG::channels], const H hash[CONFIG::slots * 2], int p, int channel,
                   typename CONFIG::feature_t gathered[CONFIG::taps * CONFIG::channels_per_cycle]) {
#pragma HLS INLINE
    typedef typename CONFIG::feature_t feature_t;
    Tap<CONFIG> taps[CONFIG::slots];
#pragma HLS ARRAY_PARTITION variable=taps complete
    for (int q = 0; q < CONFIG::slots; ++q) {
#pragma HLS UNROLL
        taps[q] = tap_of<CONFIG>(hash, p, q);
    }
    for (int row = 0; row < CONFIG::kernel_height; ++row) {
#pragma HLS UNROLL
        for (int column = 0; column < CONFIG::kernel_width; ++column) {
#pragma HLS UNROLL
            feature_t terms[CONFIG::channels_per_cycle][CONFIG::slots];
#pragma HLS ARRAY_PARTITION variable=terms complete dim=0
            for (int q = 0; q < CONFIG::slots; ++q) {
#pragma HLS UNROLL
                const bool here = can_be<CONFIG>(p, q, row, column) && taps[q].inside && taps[q].row == row &&
                                  taps[q].column == column;
                for (int c = 0; c < CONFIG::channels_per_cycle; ++c) {
#pragma HLS UNROLL
                    terms[c][q] = here ? feature_t(mantissa(feat[q * CONFIG::channels + channel + c])) : feature_t(0);
                }
            }
            for (int c = 0; c < CONFIG::channels_per_cycle; ++c) {
#pragma HLS UNROLL
                const int at = (row * CONFIG::kernel_width + column) * CONFIG::channels_per_cycle + c;
                gathered[at] = Tree<CONFIG::slots>::any(terms[c]);
            }
        }
    }
}

struct Gather {
    template <class CONFIG, class X, class H, class W>
    static void sums(const X feat[CONFIG::slots * CONFIG::channels], const H hash[CONFIG::slots * 2],
                     const W weights[CONFIG::taps * CONFIG::channels * CONFIG::filters], int p, int channel, int filter,
                     typename CONFIG::accumulator_t sums[CONFIG::filters_per_cycle]) {
#pragma HLS INLINE
        typedef typename CONFIG::accumulator_t accumulator_t;
        const int count = CONFIG::taps * CONFIG::channels_per_cycle;
        typename CONFIG::feature_t gathered[count];
#pragma HLS ARRAY_PARTITION variable=gathered complete
        gather<CONFIG>(feat, hash, p, channel, gathered);
        for (int f = 0; f < CONFIG::filters_per_cycle; ++f) {
#pragma HLS UNROLL
            accumulator_t products[count];
#pragma HLS ARRAY_PARTITION variable=products complete
            for (int i = 0; i < count; ++i) {
#pragma HLS UNROLL
                const int tap = i / CONFIG::channels_per_cycle, c = channel + i % CONFIG::channels_per_cycle;
                const typename CONFIG::weight_t weight = weights[(tap * CONFIG::channels + c) * CONFIG::filters + filter + f];
                products[i] = weight * gathered[i];
            }
            const accumulator_t sum = Tree<count>::sum(products);
            sums[f] = channel == 0 ? sum : accumulator_t(sums[f] + sum);
        }
    }
};

// CONFIG: form, Pairwise or Gather; slots, channels, filters, kernel_height, kernel_width, taps = KH * KW;
// pixels_per_cycle; filters_per_cycle and channels_per_cycle, which divide filters and channels; ordered; difference_t,
// which holds a coordinate difference plus the padding; tap_t, which holds taps - 1; feature_t, the mantissa of a feature; weight_t; accumulator_t,
// the mantissa of a sum. Y has the sum's binary point. weights[KH][KW][C][F] are mantissas.
template <class CONFIG, class X, class H, class Y, class G, class W>
void sparse_conv2d(const X feat[CONFIG::slots * CONFIG::channels], const H hash[CONFIG::slots * 2],
                   Y out[CONFIG::slots * CONFIG::filters], G out_hash[CONFIG::slots * 2],
                   const W weights[CONFIG::taps * CONFIG::channels * CONFIG::filters]) {
#pragma HLS INLINE
#pragma HLS ARRAY_PARTITION variable=weights complete
    typedef typename CONFIG::accumulator_t accumulator_t;
    accumulator_t partial[CONFIG::pixels_per_cycle][CONFIG::filters_per_cycle];
#pragma HLS ARRAY_PARTITION variable=partial complete dim=0
    for (int first = 0; first < CONFIG::slots; first += CONFIG::pixels_per_cycle) {
        for (int filter = 0; filter < CONFIG::filters; filter += CONFIG::filters_per_cycle) {
            for (int channel = 0; channel < CONFIG::channels; channel += CONFIG::channels_per_cycle) {
#pragma HLS PIPELINE II=1 rewind
                for (int i = 0; i < CONFIG::pixels_per_cycle; ++i) {
#pragma HLS UNROLL
                    const int p = first + i;
                    if (p >= CONFIG::slots) continue;  // the last step may be short
                    const bool active = hash[p * 2] != 0;
                    if (active) CONFIG::form::template sums<CONFIG>(feat, hash, weights, p, channel, filter, partial[i]);
                    for (int f = 0; f < CONFIG::filters_per_cycle; ++f) {
#pragma HLS UNROLL
                        out[p * CONFIG::filters + filter + f] = active ? from_mantissa<Y>(partial[i][f]) : Y(0);
                    }
                    copy_hash(hash, out_hash, p);
                }
            }
        }
    }
}

// Adds a bias per channel where the value is not exactly zero.
//
// CONFIG: slots, channels; shift, the bits that the bias is finer than X; accumulator_t. biases[C] are mantissas with
// Y's binary point. Cost: N*C comparisons with zero and additions of a constant. Depth: one addition.
template <class CONFIG, class X, class H, class Y, class G, class B>
void sparse_bias(const X feat[CONFIG::slots * CONFIG::channels], const H hash[CONFIG::slots * 2],
                 Y out[CONFIG::slots * CONFIG::channels], G out_hash[CONFIG::slots * 2],
                 const B biases[CONFIG::channels]) {
#pragma HLS INLINE
    for (int i = 0; i < CONFIG::slots * CONFIG::channels; ++i) {
#pragma HLS UNROLL
        const typename CONFIG::accumulator_t wide = mantissa(feat[i]);
        const typename CONFIG::accumulator_t bias = biases[i % CONFIG::channels];
        const typename CONFIG::accumulator_t sum = (wide << CONFIG::shift) + bias;
        out[i] = feat[i] != 0 ? from_mantissa<Y>(sum) : Y(0);
    }
    copy_hashes<CONFIG::slots>(hash, out_hash);
}

}  // namespace sparsehls

#endif
