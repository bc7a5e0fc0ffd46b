// From a dense image to its first N active pixels.
//
// sparse_input_reduce: the whole image is there at once; P slots are filled in each of ceil(N/P) steps.
//   flow   active bits -> running counts by row -> each slot picks the row, then in it the pixel, whose rank it is; no
//          slot waits for another
//   cost   H*W comparisons with a constant, H counts of W bits, a prefix sum over H rows; for each of P slots H
//          comparisons, an H-to-1 choice of a row (W pixels of C*bits + 1), a prefix sum over W bits, a W-to-1 choice
//   depth  a comparison, a tree of log2(W) and prefix sums of log2(H) and log2(W) additions, two choices
//
// sparse_input_reduce_rows: a row of the image enters in each of H steps, as a detector delivers it.
//   flow   how many pixels before it are idle says how far each active pixel moves to the left; all move together, by a power
//          of two at a time, the least first, so that no two meet; what has come together moves to the first free slot
//   cost   W comparisons with a constant, an OR and a prefix sum over W bits, log2(W) choices of one of two for each pixel and
//          log2(N) for each slot; a pixel is C*bits and a column
//   depth  a comparison, a prefix sum of log2(W) additions, log2(W) + log2(N) choices of one of two; the number of slots that
//          are taken goes from row to row, one addition

#ifndef SPARSEHLS_SPARSE_INPUT_REDUCE_H_
#define SPARSEHLS_SPARSE_INPUT_REDUCE_H_

#include "common.h"

namespace sparsehls {

// CONFIG: height, width, channels; pixels_per_cycle; count_t, which holds height * width; rank_t, which holds width;
// row_t and column_t, which hold height and width; is_active(first channel). The image has a dimension for its rows, so
// that a variable row chooses among H values and not among H*W. feat and hash are shares; the first step finds the active
// pixels, and counts those in the rows up to each.
template <class CONFIG, class X, class COUNT, class Y, class H>
void sparse_input_reduce(int step, const X image[CONFIG::height][CONFIG::width * CONFIG::channels],
                         ap_uint<1> active[CONFIG::height][CONFIG::width], COUNT counts[CONFIG::height],
                         Y feat[CONFIG::pixels_per_cycle * CONFIG::channels], H hash[CONFIG::pixels_per_cycle * 2]) {
#pragma HLS INLINE
    typedef typename CONFIG::rank_t rank_t;
    if (step == 0) {
        for (int row = 0; row < CONFIG::height; ++row) {
#pragma HLS UNROLL
            rank_t bits[CONFIG::width];
#pragma HLS ARRAY_PARTITION variable=bits complete
            for (int column = 0; column < CONFIG::width; ++column) {
#pragma HLS UNROLL
                active[row][column] = CONFIG::is_active(image[row][column * CONFIG::channels]);
                bits[column] = active[row][column];
            }
            counts[row] = Tree<CONFIG::width>::sum(bits);
        }
        Prefix<CONFIG::height>::sums(counts);
    }
    for (int i = 0; i < CONFIG::pixels_per_cycle; ++i) {
#pragma HLS UNROLL
        const int slot = step * CONFIG::pixels_per_cycle + i;
        // The row that holds the pixel of this rank is the number of rows that end before it.
        typename CONFIG::row_t before[CONFIG::height];
#pragma HLS ARRAY_PARTITION variable=before complete
        for (int row = 0; row < CONFIG::height; ++row) {
#pragma HLS UNROLL
            before[row] = counts[row] <= slot;
        }
        const bool found = slot < counts[CONFIG::height - 1];
        const int row = found ? int(Tree<CONFIG::height>::sum(before)) : 0;
        const rank_t rank = row == 0 ? COUNT(slot) : COUNT(slot - counts[row == 0 ? 0 : row - 1]);
        // In the row, the pixel with that many active ones up to it.
        rank_t ranks[CONFIG::width];
        typename CONFIG::column_t columns[CONFIG::width];
#pragma HLS ARRAY_PARTITION variable=ranks complete
#pragma HLS ARRAY_PARTITION variable=columns complete
        for (int column = 0; column < CONFIG::width; ++column) {
#pragma HLS UNROLL
            ranks[column] = active[row][column];
        }
        Prefix<CONFIG::width>::sums(ranks);
        for (int column = 0; column < CONFIG::width; ++column) {
#pragma HLS UNROLL
            const bool here = active[row][column] != 0 && ranks[column] == rank + 1;
            columns[column] = here ? column : 0;
        }
        const int column = int(Tree<CONFIG::width>::any(columns));
        hash[i * 2] = found ? H(row + 1) : H(0);
        hash[i * 2 + 1] = found ? H(column + 1) : H(0);
        for (int channel = 0; channel < CONFIG::channels; ++channel) {
#pragma HLS UNROLL
            X line[CONFIG::width];
#pragma HLS ARRAY_PARTITION variable=line complete
            for (int c = 0; c < CONFIG::width; ++c) {
#pragma HLS UNROLL
                line[c] = image[row][c * CONFIG::channels + channel];
            }
            feat[i * CONFIG::channels + channel] = found ? Y(line[column]) : Y(0);
        }
    }
}

// Makes a slot empty.
template <class CONFIG, class Y, class H>
inline void clear_slot(int slot, Y feat[CONFIG::slots * CONFIG::channels], H hash[CONFIG::slots * 2]) {
#pragma HLS INLINE
    hash[slot * 2] = 0;
    hash[slot * 2 + 1] = 0;
    for (int channel = 0; channel < CONFIG::channels; ++channel) {
#pragma HLS UNROLL
        feat[slot * CONFIG::channels + channel] = 0;
    }
}

// values[i] becomes values[i + REACH] where that one goes.
template <int N, int REACH, class T>
inline void move_left(const ap_uint<1> goes[N], T values[N]) {
#pragma HLS INLINE
    T before[N];
#pragma HLS ARRAY_PARTITION variable=before complete
    for (int at = 0; at < N; ++at) {
#pragma HLS UNROLL
        before[at] = values[at];
    }
    for (int at = 0; at < N - REACH; ++at) {
#pragma HLS UNROLL
        const T there = before[at + REACH], here = before[at];
        values[at] = goes[at + REACH] != 0 ? there : here;
    }
}

// Pixels of a row on their way to the left. REACH is how far they move at a time; ahead are twice that, four times, ... The first
// `from` places of the row matter: something can still get from there to one of the slots.
//
// `moves` is how far each pixel goes: none if it is idle. No two of them meet. What one leaves behind goes on as if it were the
// pixel, which is ahead of it by less than the next move. So it gets where none stays: those before the pixel are farther left
// than that, and those behind it have not come so far.
template <class CONFIG, int REACH = 1, bool DONE = (REACH >= CONFIG::width)>
struct Compact {
    static const int wanted = CONFIG::slots + CONFIG::row_reach - REACH;
    static const int from = wanted < CONFIG::width ? wanted : (int)CONFIG::width;

    template <class RANK, class COLUMN, class FEATURE>
    static void to_the_left(RANK moves[CONFIG::width], COLUMN columns[CONFIG::width],
                            FEATURE values[CONFIG::channels][CONFIG::width]) {
#pragma HLS INLINE
        ap_uint<1> goes[CONFIG::width];
#pragma HLS ARRAY_PARTITION variable=goes complete
        for (int at = 0; at < from; ++at) {
#pragma HLS UNROLL
            const RANK left = moves[at], bit = left & RANK(REACH);
            goes[at] = bit != 0;
        }
        move_left<from, REACH>(goes, moves);
        move_left<from, REACH>(goes, columns);
        for (int channel = 0; channel < CONFIG::channels; ++channel) {
#pragma HLS UNROLL
            move_left<from, REACH>(goes, values[channel]);
        }
        Compact<CONFIG, REACH * 2>::to_the_left(moves, columns, values);
    }
};

template <class CONFIG, int REACH>
struct Compact<CONFIG, REACH, true> {
    template <class RANK, class COLUMN, class FEATURE>
    static void to_the_left(RANK[CONFIG::width], COLUMN[CONFIG::width], FEATURE[CONFIG::channels][CONFIG::width]) {
#pragma HLS INLINE
    }
};

// values[i] moves to values[i + by], level by level from the farthest; what is before them does not matter.
template <int N, int REACH, bool DONE = (REACH == 0)>
struct Rotate {
    template <class BY, class T>
    static void to_the_right(const BY& by, T values[N]) {
#pragma HLS INLINE
        if ((by & BY(REACH)) != 0) {
            T before[N];
#pragma HLS ARRAY_PARTITION variable=before complete
            for (int at = 0; at < N; ++at) {
#pragma HLS UNROLL
                before[at] = values[at];
            }
            for (int at = REACH; at < N; ++at) {
#pragma HLS UNROLL
                values[at] = before[at - REACH];
            }
        }
        Rotate<N, REACH / 2>::to_the_right(by, values);
    }
};

template <int N, int REACH>
struct Rotate<N, REACH, true> {
    template <class BY, class T>
    static void to_the_right(const BY&, T[N]) {
#pragma HLS INLINE
    }
};

// The active pixels of a row, one behind the other from the first place on: `moves` is how many idle ones are before each.
template <class CONFIG, class X>
inline void compact_row(const X line[CONFIG::width * CONFIG::channels], const ap_uint<1> active[CONFIG::width],
                        typename CONFIG::rank_t moves[CONFIG::width], typename CONFIG::column_t columns[CONFIG::width],
                        typename CONFIG::feature_t values[CONFIG::channels][CONFIG::width]) {
#pragma HLS INLINE
    typedef typename CONFIG::rank_t rank_t;
    for (int column = 0; column < CONFIG::width; ++column) {
#pragma HLS UNROLL
        const rank_t idle_before = moves[column];
        moves[column] = active[column] != 0 ? idle_before : rank_t(0);
        columns[column] = column + 1;
    }
    for (int channel = 0; channel < CONFIG::channels; ++channel) {
#pragma HLS UNROLL
        for (int column = 0; column < CONFIG::width; ++column) {
#pragma HLS UNROLL
            values[channel][column] = mantissa(line[column * CONFIG::channels + channel]);
        }
    }
    Compact<CONFIG>::to_the_left(moves, columns, values);
}

// The first values of a row, behind as many as are `taken`.
template <class CONFIG, class TAKEN, class T>
inline void place_row(const TAKEN& taken, const T row[CONFIG::width], T slots[CONFIG::slots]) {
#pragma HLS INLINE
    const int listed = CONFIG::slots < CONFIG::width ? (int)CONFIG::slots : (int)CONFIG::width;
    for (int slot = 0; slot < CONFIG::slots; ++slot) {
#pragma HLS UNROLL
        slots[slot] = row[slot < listed ? slot : listed - 1];
    }
    Rotate<CONFIG::slots, CONFIG::slot_reach>::to_the_right(taken, slots);
}

// CONFIG: as above without pixels_per_cycle and row_t; slots; row_reach, the power of two from width on; slot_reach, the largest
// power of two in slots; feature_t, the mantissa of a pixel. taken counts the slots that are filled in the rows before, and stops
// at N. A step fills those of feat[N * C] and hash[N * 2] that its row has pixels for.
template <class CONFIG, class X, class TAKEN, class Y, class H>
void sparse_input_reduce_rows(int row, const X line[CONFIG::width * CONFIG::channels], TAKEN& taken,
                              Y feat[CONFIG::slots * CONFIG::channels], H hash[CONFIG::slots * 2]) {
#pragma HLS INLINE
    typedef typename CONFIG::rank_t rank_t;
    ap_uint<1> active[CONFIG::width], some[CONFIG::width];
    rank_t moves[CONFIG::width];
    typename CONFIG::column_t columns[CONFIG::width], placed[CONFIG::slots];
    typename CONFIG::feature_t values[CONFIG::channels][CONFIG::width], pixels[CONFIG::channels][CONFIG::slots];
#pragma HLS ARRAY_PARTITION variable=active complete
#pragma HLS ARRAY_PARTITION variable=some complete
#pragma HLS ARRAY_PARTITION variable=moves complete
#pragma HLS ARRAY_PARTITION variable=columns complete
#pragma HLS ARRAY_PARTITION variable=placed complete
#pragma HLS ARRAY_PARTITION variable=values complete dim=0
#pragma HLS ARRAY_PARTITION variable=pixels complete dim=0
    for (int column = 0; column < CONFIG::width; ++column) {
#pragma HLS UNROLL
        active[column] = CONFIG::is_active(line[column * CONFIG::channels]);
        some[column] = active[column];
        moves[column] = active[column] == 0;
    }
    const TAKEN before = row == 0 ? TAKEN(0) : taken;
    for (int slot = 0; slot < CONFIG::slots; ++slot) {
#pragma HLS UNROLL
        if (row == 0) clear_slot<CONFIG>(slot, feat, hash);
    }
    // What is to be done with a row without active pixels is nothing; in hardware the condition is a part of those below.
    rank_t total = 0;
    if (Tree<CONFIG::width>::any(some) != 0) {
        Prefix<CONFIG::width>::sums(moves);
        total = CONFIG::width - moves[CONFIG::width - 1];
        compact_row<CONFIG>(line, active, moves, columns, values);
        place_row<CONFIG>(before, columns, placed);
        for (int channel = 0; channel < CONFIG::channels; ++channel) {
#pragma HLS UNROLL
            place_row<CONFIG>(before, values[channel], pixels[channel]);
        }
        for (int slot = 0; slot < CONFIG::slots; ++slot) {
#pragma HLS UNROLL
            if (slot < before || slot >= before + total) continue;
            hash[slot * 2] = row + 1;
            hash[slot * 2 + 1] = placed[slot];
            for (int channel = 0; channel < CONFIG::channels; ++channel) {
#pragma HLS UNROLL
                feat[slot * CONFIG::channels + channel] = from_mantissa<X>(pixels[channel][slot]);
            }
        }
    }
    const typename CONFIG::count_t after = before + total;
    taken = after < CONFIG::slots ? TAKEN(after) : TAKEN(CONFIG::slots);
}

}  // namespace sparsehls

#endif
