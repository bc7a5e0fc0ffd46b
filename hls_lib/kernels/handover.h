// How values come into a process, go through it, and leave it.
//
// Between two processes a value is one word with all its elements, and so is the hash of a sparse value: one FIFO each,
// read and written once an event. Inside of a process that works in steps they are arrays with a dimension for the
// steps: what is read is read over that dimension alone, and each element has one writer. All of it is wiring, and
// registers for what is held from step to step.
//
//   receive   the first step gets everything          take    a step's share of what is held
//   send      the last step gives everything          place   a step's share of what is given

#ifndef SPARSEHLS_HANDOVER_H_
#define SPARSEHLS_HANDOVER_H_

#include "common.h"
#include "hls_stream.h"

// Vivado HLS has to be told that a struct is one word; Vitis HLS makes one of what goes through a stream.
#if defined(__VITIS_HLS__)
#define SPARSEHLS_ONE_WORD(variable)
#else
#define SPARSEHLS_PRAGMA(text) _Pragma(#text)
#define SPARSEHLS_ONE_WORD(variable) SPARSEHLS_PRAGMA(HLS DATA_PACK variable = variable)
#endif

namespace sparsehls {

// A value on its way.
template <class T, int N>
struct Word {
    T data[N];
};

// The elements of an array of any dimensions in row-major order, into it and out of it. Loops over each dimension by
// itself have constant indices once they are unrolled. An array can have room for more than COUNT elements, if the last
// step is a short one: that is zero.
template <int COUNT, class F, class T, int N>
inline void pour(const F from[], T (&to)[N], int first = 0) {
#pragma HLS INLINE
    for (int at = 0; at < N; ++at) {
#pragma HLS UNROLL
        to[at] = first + at < COUNT ? T(from[first + at < COUNT ? first + at : 0]) : T(0);
    }
}

template <int COUNT, class F, class T, int A, int B>
inline void pour(const F from[], T (&to)[A][B], int first = 0) {
#pragma HLS INLINE
    for (int a = 0; a < A; ++a) {
#pragma HLS UNROLL
        pour<COUNT>(from, to[a], first + a * B);
    }
}

template <int COUNT, class F, class T, int A, int B, int C>
inline void pour(const F from[], T (&to)[A][B][C], int first = 0) {
#pragma HLS INLINE
    for (int a = 0; a < A; ++a) {
#pragma HLS UNROLL
        pour<COUNT>(from, to[a], first + a * (B * C));
    }
}

template <int COUNT, class T, class F, int N>
inline void flatten(const T (&from)[N], F to[], int first = 0) {
#pragma HLS INLINE
    for (int at = 0; at < N; ++at) {
#pragma HLS UNROLL
        if (first + at < COUNT) to[first + at] = from[at];
    }
}

template <int COUNT, class T, class F, int A, int B>
inline void flatten(const T (&from)[A][B], F to[], int first = 0) {
#pragma HLS INLINE
    for (int a = 0; a < A; ++a) {
#pragma HLS UNROLL
        flatten<COUNT>(from[a], to, first + a * B);
    }
}

template <int COUNT, class T, class F, int A, int B, int C>
inline void flatten(const T (&from)[A][B][C], F to[], int first = 0) {
#pragma HLS INLINE
    for (int a = 0; a < A; ++a) {
#pragma HLS UNROLL
        flatten<COUNT>(from[a], to, first + a * (B * C));
    }
}

template <int COUNT, class T, class F, int A, int B, int C, int D>
inline void flatten(const T (&from)[A][B][C][D], F to[], int first = 0) {
#pragma HLS INLINE
    for (int a = 0; a < A; ++a) {
#pragma HLS UNROLL
        flatten<COUNT>(from[a], to, first + a * (B * C * D));
    }
}

// From a stream.
template <int COUNT, class T, int N, class ARRAY>
inline void receive(hls::stream<Word<T, N> >& from, ARRAY& to) {
#pragma HLS INLINE
    const Word<T, N> word = from.read();
    pour<COUNT>(word.data, to);
}

// The same for a value that is too wide for one word.
template <int COUNT, class T, int N, int WORDS, class ARRAY>
inline void receive(hls::stream<Word<T, N> > (&from)[WORDS], ARRAY& to) {
#pragma HLS INLINE
    T all[WORDS * N];
#pragma HLS ARRAY_PARTITION variable=all complete
    for (int word = 0; word < WORDS; ++word) {
#pragma HLS UNROLL
        const Word<T, N> part = from[word].read();
        for (int at = 0; at < N; ++at) {
#pragma HLS UNROLL
            all[word * N + at] = part.data[at];
        }
    }
    pour<COUNT>(all, to);
}

// From a port for each element.
template <int COUNT, class T, class ARRAY>
inline void read_ports(const T from[], ARRAY& to) {
#pragma HLS INLINE
    pour<COUNT>(from, to);
}

// From an array: values that are traced.
template <int COUNT, class T, int N, class ARRAY>
inline void receive(const T (&from)[N], ARRAY& to) {
    pour<COUNT>(from, to);
}

// A row of an image.
template <class T, int N>
inline void read_row(const T (*from)[N], int row, T (&to)[N]) {
#pragma HLS INLINE
    for (int at = 0; at < N; ++at) {
#pragma HLS UNROLL
        to[at] = from[row][at];
    }
}

template <int COUNT, class ARRAY, class T, int N>
inline void send(const ARRAY& from, hls::stream<Word<T, N> >& to) {
#pragma HLS INLINE
    Word<T, N> word;
    SPARSEHLS_ONE_WORD(word)
    flatten<COUNT>(from, word.data);
    to.write(word);
}

template <int COUNT, class ARRAY, class T, int N, int WORDS>
inline void send(const ARRAY& from, hls::stream<Word<T, N> > (&to)[WORDS]) {
#pragma HLS INLINE
    T all[WORDS * N];
#pragma HLS ARRAY_PARTITION variable=all complete
    flatten<COUNT>(from, all);
    for (int word = 0; word < WORDS; ++word) {
#pragma HLS UNROLL
        Word<T, N> part;
        SPARSEHLS_ONE_WORD(part)
        for (int at = 0; at < N; ++at) {
#pragma HLS UNROLL
            part.data[at] = word * N + at < COUNT ? all[word * N + at] : T(0);
        }
        to[word].write(part);
    }
}

template <int COUNT, class ARRAY, class T>
inline void write_ports(const ARRAY& from, T to[]) {
#pragma HLS INLINE
    flatten<COUNT>(from, to);
}

template <int COUNT, class ARRAY, class T, int N>
inline void send(const ARRAY& from, T (&to)[N]) {
    flatten<COUNT>(from, to);
}

// What is at work in a step of a kernel that divides two or three things: the inner one goes round first.
template <int INNER, int MIDDLE>
struct Turn {
    int inner, middle, outer;

    void next(int step) {
#pragma HLS INLINE
        const bool round = inner + 1 == INNER, all = round && middle + 1 == MIDDLE;
        outer = step == 0 ? 0 : outer + (all ? 1 : 0);
        middle = step == 0 || all ? 0 : middle + (round ? 1 : 0);
        inner = step == 0 || round ? 0 : inner + 1;
    }
};

template <class T, int STEPS, int N>
inline void take(const T (&all)[STEPS][N], int step, T (&share)[N]) {
#pragma HLS INLINE
    for (int at = 0; at < N; ++at) {
#pragma HLS UNROLL
        share[at] = all[step][at];
    }
}

// Of each of some rows.
template <class T, int ROWS, int TURNS, int N, int SHARE>
inline void take(const T (&all)[ROWS][TURNS][N], int turn, T (&share)[SHARE]) {
#pragma HLS INLINE
    for (int row = 0; row < ROWS; ++row) {
#pragma HLS UNROLL
        for (int at = 0; at < N; ++at) {
#pragma HLS UNROLL
            share[row * N + at] = all[row][turn][at];
        }
    }
}

template <class T, int STEPS, int N>
inline void place(const T (&share)[N], int step, T (&all)[STEPS][N]) {
#pragma HLS INLINE
    for (int at = 0; at < N; ++at) {
#pragma HLS UNROLL
        all[step][at] = share[at];
    }
}

template <class T, int ROWS, int TURNS, int N, int SHARE>
inline void place(const T (&share)[SHARE], int turn, T (&all)[ROWS][TURNS][N]) {
#pragma HLS INLINE
    for (int row = 0; row < ROWS; ++row) {
#pragma HLS UNROLL
        for (int at = 0; at < N; ++at) {
#pragma HLS UNROLL
            all[row][turn][at] = share[row * N + at];
        }
    }
}

// Of each slot of a step the filters of a turn.
template <class T, int STEPS, int SLOTS, int TURNS, int N, int SHARE>
inline void place(const T (&share)[SHARE], int step, int turn, T (&all)[STEPS][SLOTS][TURNS][N]) {
#pragma HLS INLINE
    for (int slot = 0; slot < SLOTS; ++slot) {
#pragma HLS UNROLL
        for (int at = 0; at < N; ++at) {
#pragma HLS UNROLL
            all[step][slot][turn][at] = share[slot * N + at];
        }
    }
}

}  // namespace sparsehls

#endif
