// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Shared by the ap_types_*.cpp checks. Each is compiled twice, with our ap_types and with the vendor's, and prints one
// line per operation and combination of types: the types, the type of the result, how many values were tried and a
// digest of every bit of every result. compare_with_vendor.sh compares the two outputs.

#ifndef AP_TYPES_CHECK_H
#define AP_TYPES_CHECK_H

#include "ap_fixed.h"
#include "ap_int.h"
#include <cstdio>
#include <cstring>

typedef unsigned long long u64;

struct Digest {
    u64 hash;
    unsigned long count;
    Digest() : hash(0x9e3779b97f4a7c15ull), count(0) {}
    void word(u64 x) {
        hash = (hash ^ x) * 0xbf58476d1ce4e5b9ull;
        hash ^= hash >> 29;
    }
};

// The same stream of random bits on both sides (splitmix64).
struct Random {
    u64 state;
    explicit Random(u64 seed) : state(seed) {}
    u64 next() {
        u64 z = state += 0x9e3779b97f4a7c15ull;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
        return z ^ (z >> 31);
    }
    // Values that have long runs of equal bits half of the time: carries, ties and limits are there.
    u64 bits() {
        u64 x = next();
        unsigned how = (unsigned)(next() >> 60), a = (unsigned)(next() >> 58), b = (unsigned)(next() >> 58);
        switch (how) {
        case 0: return (u64)1 << a;
        case 1: return ~((u64)1 << a);
        case 2: return (((u64)1 << a) - 1);
        case 3: return ~(((u64)1 << a) - 1);
        case 4: return (x >> a) << a;
        case 5: return x >> a;
        case 6: return ((u64)1 << a) + ((u64)1 << b);
        case 7: return ((u64)1 << a) - ((u64)1 << b);
        default: return x;
        }
    }
};

// Bits in, bits out; in two words, since a vendor range wider than 64 bits does not convert to a native integer.
template <class T, bool Wide = (T::width > 64)> struct Bits {
    static T make(u64 low, u64) {
        T x;
        x.range(T::width - 1, 0) = low;
        return x;
    }
    static void digest(Digest &d, const T &x) { d.word(x.range(T::width - 1, 0).to_uint64()); }
};
template <class T> struct Bits<T, true> {
    static T make(u64 low, u64 high) {
        T x;
        x.range(63, 0) = low;
        x.range(T::width - 1, 64) = high;
        return x;
    }
    static void digest(Digest &d, const T &x) {
        d.word(x.range(63, 0).to_uint64());
        d.word(x.range(T::width - 1, 64).to_uint64());
    }
};
template <class T> inline T make(u64 low, u64 high = 0) { return Bits<T>::make(low, high); }
template <class T> inline T random_value(Random &r) {
    const u64 low = r.bits();
    return Bits<T>::make(low, r.bits());
}

// Names of types. A result is named by its format alone: the vendor returns ap_fixed here and ap_fixed_base there.
inline void put(char *&p, const char *s) { p += std::sprintf(p, "%s", s); }
template <int W, bool S> inline void name(char *&p, const ap_int_base<W, S> &) {
    p += std::sprintf(p, "%sint<%d>", S ? "" : "u", W);
}
template <int W, int I, bool S, ap_q_mode Q, ap_o_mode O, int N>
inline void name(char *&p, const ap_fixed_base<W, I, S, Q, O, N> &) {
    static const char *const q[] = {"RND", "RND_ZERO", "RND_MIN_INF", "RND_INF", "RND_CONV", "TRN", "TRN_ZERO"};
    static const char *const o[] = {"SAT", "SAT_ZERO", "SAT_SYM", "WRAP", "WRAP_SM"};
    p += std::sprintf(p, "%sfixed<%d,%d", S ? "" : "u", W, I);
    if (Q != AP_TRN || O != AP_WRAP) p += std::sprintf(p, ",%s,%s", q[Q], o[O]);
    put(p, ">");
}
#define NATIVE(T)                                                                                                      \
    inline void name(char *&p, T) { put(p, #T); }                                                                      \
    inline void digest(Digest &d, T x) { d.word((u64)x); }
NATIVE(bool)
NATIVE(char)
NATIVE(signed char)
NATIVE(unsigned char)
NATIVE(short)
NATIVE(unsigned short)
NATIVE(int)
NATIVE(unsigned)
NATIVE(long)
NATIVE(unsigned long)
NATIVE(long long)
NATIVE(unsigned long long)
#undef NATIVE
inline void name(char *&p, double) { put(p, "double"); }
inline void name(char *&p, float) { put(p, "float"); }
inline void digest(Digest &d, double x) {
    u64 b;
    std::memcpy(&b, &x, sizeof b);
    d.word(b);
}
inline void digest(Digest &d, float x) { digest(d, (double)x); }
template <int W, bool S> inline void digest(Digest &d, const ap_int_base<W, S> &x) {
    Bits<ap_int_base<W, S> >::digest(d, x);
}
template <int W, int I, bool S, ap_q_mode Q, ap_o_mode O, int N>
inline void digest(Digest &d, const ap_fixed_base<W, I, S, Q, O, N> &x) {
    Bits<ap_fixed_base<W, I, S, Q, O, N> >::digest(d, x);
}

template <class T> inline void result(Digest &d, const T &x) {
    digest(d, x);
    ++d.count;
}

// One function for all types: with templates alone, compiling this would take longer than the checks themselves.
struct Name {
    char text[64];
    template <class T> explicit Name(const T &x) {
        char *p = text;
        name(p, x);
    }
};
template <class T> const char *name_of() {
    static const Name n((T()));
    return n.text;
}
inline void report(const char *operation, const char *a, const char *b, const char *r, const Digest &d) {
    std::printf("%s %s %s -> %s : %lu %016llx\n", operation, a, b, r, d.count, d.hash);
}

template <int W, int I, bool S, ap_q_mode Q = AP_TRN, ap_o_mode O = AP_WRAP> struct Fixed {
    typedef ap_fixed<W, I, Q, O> type;
};
template <int W, int I, ap_q_mode Q, ap_o_mode O> struct Fixed<W, I, false, Q, O> {
    typedef ap_ufixed<W, I, Q, O> type;
};
template <int W, bool S> struct Int {
    typedef ap_int<W> type;
};
template <int W> struct Int<W, false> {
    typedef ap_uint<W> type;
};

// M(Q, O) for every pair of modes that the stand-in has.
#define EACH_Q(M, O)                                                                                                   \
    M(AP_RND, O) M(AP_RND_ZERO, O) M(AP_RND_MIN_INF, O) M(AP_RND_INF, O) M(AP_RND_CONV, O) M(AP_TRN, O) M(AP_TRN_ZERO, O)
#define EACH_MODE(M) EACH_Q(M, AP_WRAP) EACH_Q(M, AP_SAT) EACH_Q(M, AP_SAT_SYM)

// All values of a small type, or many of a wide one.
template <class T, bool Small = (T::width <= 6)> struct Values {
    static const int count = 1 << T::width;
    T value[count];
    Values() {
        for (int i = 0; i < count; ++i) value[i] = make<T>((u64)i);
    }
};
template <class T> struct Values<T, false> {
    static const int count = 200;
    T value[count];
    Values() {
        Random r(T::width);
        for (int i = 0; i < count; ++i) value[i] = random_value<T>(r);
    }
};

#endif
