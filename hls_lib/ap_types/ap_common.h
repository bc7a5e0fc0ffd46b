// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Arbitrary-width integers and fixed-point numbers for running generated HLS C++ on a host.
//
// This is cargo-sparsehls's own stand-in for the vendor's ap_int.h and ap_fixed.h: the same type names, template
// parameters, result types and bits, built on native integers so that it compiles and runs fast. It is not used for
// synthesis. hls_lib/tests/compare_with_vendor.sh checks it bit by bit against the vendor's headers.
//
// A number with W bits of which I are integer bits is held as an integer mantissa (the smallest native type with W bits
// or more) and has the value
//
//     mantissa * 2^-(W - I)
//
// I may be negative or greater than W. Integers are the case I = W. W is at most 128, so that the exact product of two
// 64-bit numbers fits; the formats that the tool stores have at most 64 bits.
//
// This file is shared by ap_int.h and ap_fixed.h; include one of those.

#ifndef SPARSEHLS_AP_COMMON_H
#define SPARSEHLS_AP_COMMON_H

#if !defined(__SIZEOF_INT128__)
#error "these headers need a compiler with a 128-bit integer (gcc or clang for a 64-bit machine)"
#endif

// What to do with bits below the last place (q) and with values out of range (o). The order is the vendor's.
enum ap_q_mode { AP_RND, AP_RND_ZERO, AP_RND_MIN_INF, AP_RND_INF, AP_RND_CONV, AP_TRN, AP_TRN_ZERO };
enum ap_o_mode { AP_SAT, AP_SAT_ZERO, AP_SAT_SYM, AP_WRAP, AP_WRAP_SM };

template <int W, bool S> class ap_int_base;
template <int W> class ap_int;
template <int W, bool Wide = (W > 128)> class ap_uint;
template <int W, int I, bool S, ap_q_mode Q = AP_TRN, ap_o_mode O = AP_WRAP, int N = 0> class ap_fixed_base;
template <int W, int I, ap_q_mode Q = AP_TRN, ap_o_mode O = AP_WRAP, int N = 0> class ap_fixed;
template <int W, int I, ap_q_mode Q = AP_TRN, ap_o_mode O = AP_WRAP, int N = 0> class ap_ufixed;

namespace ap_detail {

__extension__ typedef __int128 i128;
__extension__ typedef unsigned __int128 u128;

constexpr int max(int a, int b) { return a > b ? a : b; }
constexpr int min(int a, int b) { return a < b ? a : b; }

// ---------------------------------------------------------------------------------------------------------------------
// Native integers
// ---------------------------------------------------------------------------------------------------------------------

template <bool C, class T = void> struct enable_if {};
template <class T> struct enable_if<true, T> {
    typedef T type;
};

template <int Bits, bool S> struct native {
    static_assert(Bits < 0, "ap_int and ap_fixed hold 1 to 128 bits here; wider results are not supported");
};
template <> struct native<8, true> { typedef signed char type; };
template <> struct native<8, false> { typedef unsigned char type; };
template <> struct native<16, true> { typedef short type; };
template <> struct native<16, false> { typedef unsigned short type; };
template <> struct native<32, true> { typedef int type; };
template <> struct native<32, false> { typedef unsigned type; };
template <> struct native<64, true> { typedef long long type; };
template <> struct native<64, false> { typedef unsigned long long type; };
template <> struct native<128, true> { typedef i128 type; };
template <> struct native<128, false> { typedef u128 type; };

// The register that arithmetic on w bits is done in (no less than int, so that nothing is promoted behind our back) ...
constexpr int work_bits(int w) { return w < 1 ? 0 : w <= 32 ? 32 : w <= 64 ? 64 : w <= 128 ? 128 : 0; }
// ... and the memory that w bits are kept in.
constexpr int raw_bits(int w) { return w < 1 ? 0 : w <= 8 ? 8 : w <= 16 ? 16 : work_bits(w); }

template <int W, bool S> struct work : native<work_bits(W), S> {};
template <int W, bool S> struct raw : native<raw_bits(W), S> {};

// The lowest W bits of x, as a signed (S) or unsigned number.
template <int W, bool S> struct wrap {
    typedef typename work<W, false>::type U;
    static const int spare = work_bits(W) - W;
    template <class T> static constexpr typename raw<W, S>::type of(T x) {
        return (typename raw<W, S>::type)((U)x & ((U) ~(U)0 >> spare));
    }
};
template <int W> struct wrap<W, true> {
    typedef typename work<W, false>::type U;
    typedef typename work<W, true>::type T1;
    static const int spare = work_bits(W) - W;
    template <class T> static constexpr typename raw<W, true>::type of(T x) {
        return (typename raw<W, true>::type)((T1)((U)x << spare) >> spare);
    }
};

// Comparison with a limit that is only there when it can be exceeded: keeps "always false" comparisons out.
template <bool Possible> struct exceeds {
    template <class T> static constexpr bool above(T x, u128 limit) { return x > (T)limit; }
    template <class T> static constexpr bool below(T x, u128 limit) { return x < (T) - (T)limit; }
};
template <> struct exceeds<false> {
    template <class T> static constexpr bool above(T, u128) { return false; }
    template <class T> static constexpr bool below(T, u128) { return false; }
};

// ---------------------------------------------------------------------------------------------------------------------
// Rounding: dropping D > 0 bits of a W-bit mantissa
// ---------------------------------------------------------------------------------------------------------------------

// Every mode is floor((x + bias) / 2^D) for some bias; `neg` says x < 0 and `odd` that floor(x / 2^D) is odd.
template <ap_q_mode Q> struct bias {
    template <class T> static constexpr T of(T half, bool neg, bool odd) {
        return Q == AP_RND          ? half
               : Q == AP_RND_ZERO    ? (T)(half - 1 + (T)neg)
               : Q == AP_RND_MIN_INF ? (T)(half - 1)
               : Q == AP_RND_INF     ? (T)(half - (T)neg)
               : Q == AP_RND_CONV    ? (T)(half - 1 + (T)odd)
               : Q == AP_TRN_ZERO    ? (neg ? (T)(half + (half - 1)) : (T)0)
                                     : (T)0;
    }
};

// How it is done: a plain shift, with the bias added, or (in the widest results, which have no room for the bias) with the
// bias added to the dropped bits alone.
enum rounding { plain, biased, split };

template <int W, bool S, int D, ap_q_mode Q,
          rounding = Q == AP_TRN   ? plain
                     : W + 2 <= 128 ? biased
                                    : split>
struct rounded;

template <int W, bool S, int D, ap_q_mode Q> struct rounded<W, S, D, Q, plain> {
    typedef typename work<W, S>::type T;
    static const int d = min(D, W - 1);
    static const int width = W - d;
    static constexpr typename work<width, S>::type of(T x) {
        return (typename work<width, S>::type)(!S && D >= W ? (T)0 : (T)(x >> d));
    }
};

template <int W, bool S, int D, ap_q_mode Q> struct rounded<W, S, D, Q, biased> {
    // Beyond W + 1 dropped bits nothing changes any more.
    static const int d = min(D, W + 1);
    static const int width = max(W - d, 1) + 1;
    typedef typename work<W + 2, true>::type T; // room for the bias and, if x is unsigned, for a sign
    static constexpr typename work<width, S>::type of(T x) {
        return (typename work<width, S>::type)(
            (x + bias<Q>::template of<T>((T)((T)1 << (d - 1)), x < 0, ((x >> d) & 1) != 0)) >> d);
    }
};

template <int W, bool S, int D, ap_q_mode Q> struct rounded<W, S, D, Q, split> {
    static_assert(D <= 126, "a result of 127 or 128 bits can be rounded by at most 126 bits");
    static const int width = W - D + 1;
    typedef typename work<W, S>::type T;
    typedef typename work<width, S>::type R;
    static constexpr u128 carry(u128 dropped, bool negative, bool odd) {
        return (dropped + bias<Q>::template of<u128>((u128)1 << (D - 1), negative, odd)) >> D;
    }
    static constexpr R of(T x) {
        return (R)((R)(x >> D) + (R)carry((u128)x & (((u128)1 << D) - 1), S && ((u128)x >> (W - 1) & 1) != 0,
                                          ((x >> D) & 1) != 0));
    }
};

// ---------------------------------------------------------------------------------------------------------------------
// Overflow: a W1-bit mantissa, times 2^N with N >= 0, into W2 bits
// ---------------------------------------------------------------------------------------------------------------------

// Without limits. The function does not depend on W1, so that many formats share one: a compiler takes its time for each.
template <int W2, bool S2, int N, bool Cuts> struct placed {
    typedef typename work<W2, false>::type U2;
    typedef typename raw<W2, S2>::type R;
    template <class T> static constexpr U2 shifted(T x) { return N < W2 ? (U2)((U2)x << (N < W2 ? N : 0)) : (U2)0; }
    template <class T> static constexpr R of(T x) { return Cuts ? wrap<W2, S2>::of(shifted(x)) : (R)shifted(x); }
};
template <int W2, bool S2, bool Cuts> struct placed<W2, S2, 0, Cuts> : wrap<W2, S2> {
    typedef typename raw<W2, S2>::type R;
};
template <int W2, bool S2> struct placed<W2, S2, 0, false> {
    typedef typename raw<W2, S2>::type R;
    template <class T> static constexpr R of(T x) { return (R)x; }
};

// With limits (saturation).
template <int W1, bool S1, int W2, bool S2, ap_o_mode O, int N> struct fitted {
    typedef typename work<W1, S1>::type T;
    typedef typename work<W2, false>::type U2;
    typedef typename raw<W2, S2>::type R;
    static constexpr u128 ones(int n) { return n <= 0 ? 0 : ~(u128)0 >> (128 - n); }
    static constexpr u128 scaled_down(u128 x) { return N < 128 ? x >> (N < 128 ? N : 0) : 0; }
    // The limits are -lowest and highest in units of the result, and low and high in units of the source. One bit with a
    // sign has no symmetric range: there AP_SAT_SYM is AP_SAT.
    static constexpr u128 highest = ones(S2 ? W2 - 1 : W2);
    static constexpr u128 lowest = !S2 ? (u128)0 : O == AP_SAT_SYM && W2 > 1 ? highest : highest + 1;
    static constexpr u128 high = scaled_down(highest), low = scaled_down(lowest);
    typedef exceeds<(ones(S1 ? W1 - 1 : W1) > high)> upper;
    typedef exceeds<(S1 && ones(W1 - 1) + 1 > low)> lower;
    static constexpr R of(T x) {
        return upper::above(x, high)   ? (R)highest
               : lower::below(x, low) ? (R)((U2)0 - (U2)lowest)
                                      : placed<W2, S2, N, false>::of(x);
    }
};
// Nothing is cut off where every source value fits. (The compiler cannot tell.)
template <int W1, bool S1, int W2, bool S2, int N>
struct fitted<W1, S1, W2, S2, AP_WRAP, N> : placed<W2, S2, min(N, W2), (S1 && !S2) || (W1 + N + (S2 && !S1) > W2)> {
    typedef typename work<W1, S1>::type T;
};

// ---------------------------------------------------------------------------------------------------------------------
// From one format to another
// ---------------------------------------------------------------------------------------------------------------------

template <int W1, int I1, bool S1, int W2, int I2, bool S2, ap_q_mode Q, ap_o_mode O,
          bool Drops = ((W1 - I1) > (W2 - I2))>
struct convert : fitted<W1, S1, W2, S2, O, (W2 - I2) - (W1 - I1)> {};
template <int W1, int I1, bool S1, int W2, int I2, bool S2, ap_q_mode Q, ap_o_mode O>
struct convert<W1, I1, S1, W2, I2, S2, Q, O, true> {
    typedef rounded<W1, S1, (W1 - I1) - (W2 - I2), Q> R;
    typedef fitted<R::width, S1, W2, S2, O, 0> F;
    template <class T> static constexpr typename F::R of(T x) { return F::of(R::of((typename R::T)x)); }
};

// 2^n, exactly.
constexpr double square(double x) { return x * x; }
constexpr double power2(int n) { return n < 0 ? 1 / power2(-n) : n == 0 ? 1 : (n & 1 ? 2 : 1) * square(power2(n / 2)); }

// From double. The scaled value is split into its integer part t (toward zero) and a fraction, both exact.
template <int W, int I, bool S, ap_q_mode Q, ap_o_mode O> struct from_double {
    static_assert(W <= 64, "a floating-point number can be converted to at most 64 bits");
    typedef typename raw<W, S>::type R;
    static constexpr double scale = power2(W - I);
    static constexpr R of(double x) { return x != x ? (R)0 : scaled(x * scale, x < 0); }
    // `neg` is from before the scaling, which can turn a tiny number into -0. From 2^62 up there is no fraction, and from
    // 2^126 up no bit that could reach the result unless by saturation.
    static constexpr R scaled(double y, bool neg) {
        return (y < 0 ? -y : y) < 4e18 ? step<63>((long long)y, y - (double)(long long)y, neg, neg && !(y < 0))
               : y > 1e38              ? step<128>((i128)1 << 126, 0, neg, false)
               : y < -1e38             ? step<128>(-((i128)1 << 126), 0, neg, false)
                                       : step<128>((i128)y, 0, neg, false);
    }
    // t + f in B bits, where f stands for a tiny negative number if `tiny`.
    template <int B> static constexpr R step(typename work<B, true>::type t, double f, bool neg, bool tiny) {
        return fitted<B, true, W, S, O, 0>::of((typename work<B, true>::type)(
            t + (Q == AP_TRN                                  ? (f < 0 || tiny ? -1 : 0)
                 : Q == AP_TRN_ZERO                           ? 0
                 : away(neg ? -f : f, neg, (t & 1) != 0) ? (neg ? -1 : 1)
                                                         : 0)));
    }
    // Whether the magnitude of the fraction, a, takes the integer part one step away from zero.
    static constexpr bool away(double a, bool neg, bool odd) {
        return a > 0.5 || (a == 0.5 && (Q == AP_RND          ? !neg
                                        : Q == AP_RND_INF     ? true
                                        : Q == AP_RND_MIN_INF ? neg
                                        : Q == AP_RND_CONV    ? odd
                                                              : false));
    }
};

// ---------------------------------------------------------------------------------------------------------------------
// C++'s own types as operands: an integer is a number with as many bits as it has
// ---------------------------------------------------------------------------------------------------------------------

template <int B, bool Sign> struct integer {
    static const int width = B;
    static const bool is_signed = Sign;
    typedef int integer_tag;
};
template <class T, bool Enum = __is_enum(T)> struct operand {};
template <class T> struct operand<T, true> : operand<decltype(+T()), false> {};
template <> struct operand<bool, false> : integer<1, false> {};
template <> struct operand<char, false> : integer<8, (char)-1 < (char)1> {};
template <> struct operand<signed char, false> : integer<8, true> {};
template <> struct operand<unsigned char, false> : integer<8, false> {};
template <> struct operand<short, false> : integer<16, true> {};
template <> struct operand<unsigned short, false> : integer<16, false> {};
template <> struct operand<int, false> : integer<32, true> {};
template <> struct operand<unsigned, false> : integer<32, false> {};
template <> struct operand<long, false> : integer<8 * sizeof(long), true> {};
template <> struct operand<unsigned long, false> : integer<8 * sizeof(long), false> {};
template <> struct operand<long long, false> : integer<64, true> {};
template <> struct operand<unsigned long long, false> : integer<64, false> {};

template <class T> struct real {};
template <> struct real<float> { typedef int real_tag; };
template <> struct real<double> { typedef int real_tag; };

// What a fixed-point number turns into when asked: arithmetic types only, so that nothing else becomes ambiguous.
template <class T> struct is_native {
    template <class X> static char test(typename operand<X, false>::integer_tag);
    template <class X> static char test(typename real<X>::real_tag);
    template <class X> static long test(...);
    static const bool value = sizeof(test<T>(0)) == 1;
};

// ---------------------------------------------------------------------------------------------------------------------
// What all numbers have in common
// ---------------------------------------------------------------------------------------------------------------------

struct mantissa_tag {};

// IsInt tells ap_int from an ap_fixed with I = W: integers have more operators, and integer results.
template <int W, int I, bool S, bool IsInt> class number {
  public:
    typedef typename raw<W, S>::type raw_type;
    typedef typename work<W, false>::type bits_type;
    static const int width = W;

    number() = default;  // without a value, as in hardware, so that an array costs nothing
    constexpr number(mantissa_tag, raw_type m) : mantissa(m) {}
    // Written out, so that a compiler sees a copy of an integer, which it can make vectors of, and not of a class.
    constexpr number(const number &x) : mantissa(x.mantissa) {}
    number &operator=(const number &x) {
        mantissa = x.mantissa;
        return *this;
    }

    constexpr int length() const { return W; }

    // The mantissa; not in the vendor's headers.
    raw_type mantissa;
};
template <int W, int I, bool S, bool IsInt> const int number<W, I, S, IsInt>::width;

// The type of a result.
template <int W, int I, bool S, bool IsInt> struct result {
    typedef ap_fixed<W, I> type;
};
template <int W, int I> struct result<W, I, false, false> {
    typedef ap_ufixed<W, I> type;
};
template <int W, int I> struct result<W, I, true, true> {
    typedef ap_int<W> type;
};
template <int W, int I> struct result<W, I, false, true> {
    typedef ap_uint<W> type;
};

// x with its binary point moved from F1 to F >= F1 fraction bits, in the register of a W-bit result.
// It is shifted as unsigned, since x may be negative.
template <int W, bool S, int Shift> struct aligned {
    typedef typename work<W, S>::type T;
    typedef typename work<W, false>::type U;
    template <class X> static constexpr T of(X x) { return (T)((U)(T)x << Shift); }
};

// Sums, products and comparisons of two formats. A mixed pair is signed, and an unsigned operand then counts one bit
// more; a sum has one bit for the carry.
template <int W1, int I1, bool S1, bool K1, int W2, int I2, bool S2, bool K2> struct binary {
    static const bool s = S1 || S2, k = K1 && K2;
    static const int f1 = W1 - I1, f2 = W2 - I2, f = max(f1, f2);
    static const int i = max(I1 + (S2 && !S1), I2 + (S1 && !S2));
    static const int w = i + f;

    typedef typename result<w + 1, i + 1, s, k>::type sum;
    typedef typename result<w + 1, i + 1, true, k>::type difference;
    typedef typename result<W1 + W2, I1 + I2, s, k>::type product;
    typedef typename result<w, i, s, k>::type bitwise;

    typedef typename raw<W1, S1>::type A;
    typedef typename raw<W2, S2>::type B;
    template <int W, bool S> struct lhs : aligned<W, S, f - f1> {};
    template <int W, bool S> struct rhs : aligned<W, S, f - f2> {};

    static sum add(A a, B b) {
        return sum(mantissa_tag(), (typename sum::raw_type)(lhs<w + 1, s>::of(a) + rhs<w + 1, s>::of(b)));
    }
    static difference subtract(A a, B b) {
        return difference(mantissa_tag(),
                          (typename difference::raw_type)(lhs<w + 1, true>::of(a) - rhs<w + 1, true>::of(b)));
    }
    static product multiply(A a, B b) {
        typedef typename work<W1 + W2, s>::type T;
        return product(mantissa_tag(), (typename product::raw_type)((T)a * (T)b));
    }

    // A comparison goes by value, but (as in C) not if one operand is unsigned, of 32 bits or more, and no narrower than
    // the signed one: a negative number is then greater than any unsigned one.
    static const int w1 = W1 + f - f1, w2 = W2 + f - f2;
    static const bool as_unsigned = (S1 && !S2 && w2 >= 32 && w2 >= w1) || (S2 && !S1 && w1 >= 32 && w1 >= w2);
    static const int cw = as_unsigned ? min(max(w1, w2) + 1, 128) : w;
    static const bool cs = s && !as_unsigned;
    typedef typename work<cw, cs>::type C;
    static constexpr C left(A a) { return lhs<cw, cs>::of(a); }
    static constexpr C right(B b) { return rhs<cw, cs>::of(b); }
};

// ---------------------------------------------------------------------------------------------------------------------
// Operators on any two numbers, or a number and a native integer
// ---------------------------------------------------------------------------------------------------------------------

#define AP_BINARY(OP, RESULT, FUNCTION)                                                                                \
    template <int W1, int I1, bool S1, bool K1, int W2, int I2, bool S2, bool K2>                                      \
    inline typename binary<W1, I1, S1, K1, W2, I2, S2, K2>::RESULT operator OP(                                        \
        const number<W1, I1, S1, K1> &a, const number<W2, I2, S2, K2> &b) {                                            \
        return binary<W1, I1, S1, K1, W2, I2, S2, K2>::FUNCTION(a.mantissa, b.mantissa);                               \
    }                                                                                                                  \
    template <int W, int I, bool S, bool K, class T, class X = operand<T>, int B = X::width>                           \
    inline typename binary<W, I, S, K, B, B, X::is_signed, true>::RESULT operator OP(const number<W, I, S, K> &a,      \
                                                                                     T b) {                           \
        return binary<W, I, S, K, B, B, X::is_signed, true>::FUNCTION(                                                 \
            a.mantissa, (typename raw<B, X::is_signed>::type)b);                                                       \
    }                                                                                                                  \
    template <int W, int I, bool S, bool K, class T, class X = operand<T>, int B = X::width>                           \
    inline typename binary<B, B, X::is_signed, true, W, I, S, K>::RESULT operator OP(                                  \
        T a, const number<W, I, S, K> &b) {                                                                            \
        return binary<B, B, X::is_signed, true, W, I, S, K>::FUNCTION((typename raw<B, X::is_signed>::type)a,          \
                                                                      b.mantissa);                                     \
    }
AP_BINARY(+, sum, add)
AP_BINARY(-, difference, subtract)
AP_BINARY(*, product, multiply)
#undef AP_BINARY

#define AP_COMPARE(OP)                                                                                                 \
    template <int W1, int I1, bool S1, bool K1, int W2, int I2, bool S2, bool K2>                                      \
    inline bool operator OP(const number<W1, I1, S1, K1> &a, const number<W2, I2, S2, K2> &b) {                        \
        typedef binary<W1, I1, S1, K1, W2, I2, S2, K2> P;                                                              \
        return P::left(a.mantissa) OP P::right(b.mantissa);                                                            \
    }                                                                                                                  \
    template <int W, int I, bool S, bool K, class T, class X = operand<T>, int B = X::width>                           \
    inline bool operator OP(const number<W, I, S, K> &a, T b) {                                                        \
        typedef binary<W, I, S, K, B, B, X::is_signed, true> P;                                                        \
        return P::left(a.mantissa) OP P::right((typename raw<B, X::is_signed>::type)b);                                \
    }                                                                                                                  \
    template <int W, int I, bool S, bool K, class T, class X = operand<T>, int B = X::width>                           \
    inline bool operator OP(T a, const number<W, I, S, K> &b) {                                                        \
        typedef binary<B, B, X::is_signed, true, W, I, S, K> P;                                                        \
        return P::left((typename raw<B, X::is_signed>::type)a) OP P::right(b.mantissa);                                \
    }                                                                                                                  \
    template <int W, int I, bool S> inline bool operator OP(const number<W, I, S, false> &a, double b) {               \
        return (double)a.mantissa * power2(I - W) OP b;                                                                \
    }                                                                                                                  \
    template <int W, int I, bool S> inline bool operator OP(double a, const number<W, I, S, false> &b) {               \
        return a OP(double) b.mantissa * power2(I - W);                                                                \
    }
AP_COMPARE(==)
AP_COMPARE(!=)
AP_COMPARE(<)
AP_COMPARE(<=)
AP_COMPARE(>)
AP_COMPARE(>=)
#undef AP_COMPARE

// ---------------------------------------------------------------------------------------------------------------------
// Shifts of a mantissa: by a negative amount is the other way, too far leaves 0 (or -1)
// ---------------------------------------------------------------------------------------------------------------------

template <int W, bool S> struct shifted {
    typedef typename raw<W, S>::type R;
    typedef typename work<W, S>::type T;
    typedef typename work<W, false>::type U;
    static R left(R x, int n) { return n < 0 ? down(x, -n) : up(x, n); }
    static R right(R x, int n) { return n < 0 ? up(x, -n) : down(x, n); }
    static R up(R x, int n) { return n >= W ? (R)0 : wrap<W, S>::of((U)((U)x << n)); }
    static R down(R x, int n) { return n >= W ? (x < (R)1 && x != (R)0 ? (R)-1 : (R)0) : (R)((T)x >> n); }
};

#define AP_SHIFTS(SELF)                                                                                                \
    template <class T, int = ap_detail::operand<T>::width> SELF operator<<(T n) const {                                           \
        return SELF(ap_detail::mantissa_tag(), ap_detail::shifted<W, S>::left(mantissa, (int)n));                      \
    }                                                                                                                  \
    template <class T, int = ap_detail::operand<T>::width> SELF operator>>(T n) const {                                           \
        return SELF(ap_detail::mantissa_tag(), ap_detail::shifted<W, S>::right(mantissa, (int)n));                     \
    }                                                                                                                  \
    template <int W2, bool S2> SELF operator<<(const ap_detail::number<W2, W2, S2, true> &n) const {                   \
        return *this << (int)n.mantissa;                                                                               \
    }                                                                                                                  \
    template <int W2, bool S2> SELF operator>>(const ap_detail::number<W2, W2, S2, true> &n) const {                   \
        return *this >> (int)n.mantissa;                                                                               \
    }

// ---------------------------------------------------------------------------------------------------------------------
// Reading and writing bits of a number
// ---------------------------------------------------------------------------------------------------------------------

// The bits hi..lo of a mantissa, with hi >= lo.
template <class Number> inline typename Number::bits_type get_bits(const Number &x, int hi, int lo) {
    typedef typename Number::bits_type U;
    return (U)(((U)x.mantissa >> lo) & (U)((U) ~(U)0 >> (8 * (int)sizeof(U) - 1 - hi + lo)));
}
template <class Number>
inline void set_bits(Number &x, int hi, int lo, typename Number::bits_type value) {
    typedef typename Number::bits_type U;
    const U mask = (U)((U)((U) ~(U)0 >> (8 * (int)sizeof(U) - 1 - hi + lo)) << lo);
    // All bits of a number that has no value yet may be set: the result does not depend on what it had.
    const bool all = lo == 0 && hi == Number::width - 1;
    x.assign_bits(all ? value : (U)(((U)x.mantissa & (U)~mask) | ((U)(value << lo) & mask)));
}

// One bit: reads as bool, is set by anything that is not zero.
template <class Number> class bit_ref {
  public:
    bit_ref(Number &number, int i) : target(number), index(i) {}
    bit_ref(const bit_ref &) = default;
    operator bool() const { return get_bits(target, index, index) != 0; }
    bool to_bool() const { return *this; }
    bool operator~() const { return !(bool)*this; }
    int length() const { return 1; }
    bit_ref &operator=(const bit_ref &other) { return *this = (bool)other; }
    template <class T> bit_ref &operator=(const T &value) {
        set_bits(target, index, index, value != 0 ? 1 : 0);
        return *this;
    }

  private:
    Number &target;
    int index;
};
template <class Number> struct operand<bit_ref<Number>, false> : operand<bool, false> {};

} // namespace ap_detail

#endif
