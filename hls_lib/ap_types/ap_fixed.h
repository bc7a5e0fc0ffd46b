// SPDX-License-Identifier: MIT OR Apache-2.0
//
// ap_fixed<W, I, Q, O> and ap_ufixed<W, I, Q, O>: a host stand-in for the vendor's ap_fixed.h. See ap_common.h.

#ifndef SPARSEHLS_AP_FIXED_H
#define SPARSEHLS_AP_FIXED_H

#include "ap_int.h"

namespace ap_detail {

// Bits of a fixed-point number, as they were read.
template <int W> class fixed_range {
  public:
    typedef typename work<W, false>::type bits_type;
    template <class Number>
    fixed_range(const Number &x, int hi, int lo) : value(get_bits(x, hi, lo)), high(hi), low(lo) {}

    bits_type bits() const { return value; }
    operator unsigned long long() const { return (unsigned long long)value; }
    int to_int() const { return (int)value; }
    unsigned to_uint() const { return (unsigned)value; }
    long long to_int64() const { return (long long)value; }
    unsigned long long to_uint64() const { return (unsigned long long)value; }
    int length() const { return high - low + 1; }

  protected:
    bits_type value;
    int high, low;
};

// The same, and assignable. The bits are read when the range is made: use it at once, do not keep it.
template <class Number> class fixed_range_ref : public fixed_range<Number::width> {
    static const int W = Number::width;
    Number &target;

  public:
    fixed_range_ref(Number &x, int hi, int lo) : fixed_range<W>(x, hi, lo), target(x) {}
    fixed_range_ref(const fixed_range_ref &) = default;
    fixed_range_ref &operator=(const fixed_range_ref &other) { return *this = ap_int_base<W, false>(other); }
    template <class T> fixed_range_ref &operator=(const T &value) {
        set_bits(target, this->high, this->low, ap_int_base<W, false>(value).mantissa);
        this->value = get_bits(target, this->high, this->low);
        return *this;
    }
};

// A fixed-point number as one of C++'s own types; integers drop the fraction, toward zero.
template <class T> struct as_native {
    template <int W, int I, bool S> static T of(const number<W, I, S, false> &x) {
        return (T)convert<W, I, S, 64, 64, S, AP_TRN_ZERO, AP_WRAP>::of(x.mantissa);
    }
};
template <> struct as_native<bool> {
    template <int W, int I, bool S> static bool of(const number<W, I, S, false> &x) { return x.mantissa != 0; }
};
template <> struct as_native<double> {
    template <int W, int I, bool S> static double of(const number<W, I, S, false> &x) {
        return (double)x.mantissa * power2(I - W);
    }
};
template <> struct as_native<float> {
    // Rounded once, to float, before the exact scaling.
    template <int W, int I, bool S> static float of(const number<W, I, S, false> &x) {
        return (float)((double)(float)x.mantissa * power2(I - W));
    }
};

} // namespace ap_detail

// A fixed-point number. Q and O apply whenever it is given a value: on construction, assignment, += and so on. They do
// not apply to shifts, which work on the mantissa.
template <int W, int I, bool S, ap_q_mode Q, ap_o_mode O, int N>
class ap_fixed_base : public ap_detail::number<W, I, S, false> {
    static_assert(N == 0, "ap_fixed: saturation bits (N) are not supported here");
    static_assert(O == AP_SAT || O == AP_SAT_SYM || O == AP_WRAP,
                  "ap_fixed: AP_SAT_ZERO and AP_WRAP_SM are not supported here");
    typedef ap_detail::number<W, I, S, false> Base;
    typedef ap_detail::mantissa_tag tag;

  public:
    typedef typename Base::raw_type raw_type;
    typedef typename Base::bits_type bits_type;
    using Base::mantissa;
    static const int iwidth = I;
    static const ap_q_mode qmode = Q;
    static const ap_o_mode omode = O;

    ap_fixed_base() = default;
    constexpr ap_fixed_base(tag, raw_type m) : Base(tag(), m) {}
    // From an integer of C++ or a single bit, ...
    template <class T, class X = ap_detail::operand<T>, int B = X::width>
    constexpr ap_fixed_base(T x)
        : Base(tag(), ap_detail::convert<B, B, X::is_signed, W, I, S, Q, O>::of(
                          (typename ap_detail::raw<B, X::is_signed>::type)x)) {}
    // ... from float and double, ...
    template <class T, class = typename ap_detail::real<T>::real_tag>
    constexpr ap_fixed_base(T x) : Base(tag(), ap_detail::from_double<W, I, S, Q, O>::of(x)) {}
    // ... and from any ap_ type.
    template <int W2, int I2, bool S2, bool K2>
    constexpr ap_fixed_base(const ap_detail::number<W2, I2, S2, K2> &x)
        : Base(tag(), ap_detail::convert<W2, I2, S2, W, I, S, Q, O>::of(x.mantissa)) {}

    // Implicit, like the vendor's.
    template <class T, class = typename ap_detail::enable_if<ap_detail::is_native<T>::value>::type>
    operator T() const {
        return ap_detail::as_native<T>::of(*this);
    }
    int to_int() const { return *this; }
    unsigned to_uint() const { return *this; }
    long long to_int64() const { return *this; }
    unsigned long long to_uint64() const { return *this; }
    float to_float() const { return *this; }
    double to_double() const { return *this; }

    // Bits of the mantissa, counted from the least significant; ranges have hi >= lo.
    ap_detail::bit_ref<ap_fixed_base> operator[](int i) { return ap_detail::bit_ref<ap_fixed_base>(*this, i); }
    bool operator[](int i) const { return ap_detail::get_bits(*this, i, i) != 0; }
    ap_detail::fixed_range_ref<ap_fixed_base> range(int hi, int lo) {
        return ap_detail::fixed_range_ref<ap_fixed_base>(*this, hi, lo);
    }
    ap_detail::fixed_range<W> range(int hi, int lo) const { return ap_detail::fixed_range<W>(*this, hi, lo); }
    ap_detail::fixed_range_ref<ap_fixed_base> operator()(int hi, int lo) { return range(hi, lo); }
    ap_detail::fixed_range<W> operator()(int hi, int lo) const { return range(hi, lo); }
    ap_detail::fixed_range_ref<ap_fixed_base> range() { return range(W - 1, 0); }
    ap_detail::fixed_range<W> range() const { return range(W - 1, 0); }
    void assign_bits(bits_type bits) { mantissa = ap_detail::wrap<W, S>::of(bits); }

    ap_fixed_base operator+() const { return *this; }
    ap_fixed_base<W + 1, I + 1, true> operator-() const {
        return ap_fixed_base<W + 1, I + 1, true>(
            tag(), ap_detail::wrap<W + 1, true>::of(-(typename ap_detail::work<W + 1, true>::type)mantissa));
    }
    ap_fixed_base<W, I, S> operator~() const {
        return ap_fixed_base<W, I, S>(tag(), ap_detail::wrap<W, S>::of(~(bits_type)mantissa));
    }

    AP_SHIFTS(ap_fixed_base)
    template <class T> ap_fixed_base &operator<<=(const T &n) { return *this = *this << n; }
    template <class T> ap_fixed_base &operator>>=(const T &n) { return *this = *this >> n; }

    template <class T> ap_fixed_base &operator+=(const T &x) { return *this = ap_fixed_base(*this + x); }
    template <class T> ap_fixed_base &operator-=(const T &x) { return *this = ap_fixed_base(*this - x); }
    template <class T> ap_fixed_base &operator*=(const T &x) { return *this = ap_fixed_base(*this * x); }
    // By 1.0, not by the last place.
    ap_fixed_base &operator++() { return *this += true; }
    ap_fixed_base &operator--() { return *this -= true; }
    ap_fixed_base operator++(int) {
        ap_fixed_base before = *this;
        ++*this;
        return before;
    }
    ap_fixed_base operator--(int) {
        ap_fixed_base before = *this;
        --*this;
        return before;
    }
};
template <int W, int I, bool S, ap_q_mode Q, ap_o_mode O, int N> const int ap_fixed_base<W, I, S, Q, O, N>::iwidth;
template <int W, int I, bool S, ap_q_mode Q, ap_o_mode O, int N> const ap_q_mode ap_fixed_base<W, I, S, Q, O, N>::qmode;
template <int W, int I, bool S, ap_q_mode Q, ap_o_mode O, int N> const ap_o_mode ap_fixed_base<W, I, S, Q, O, N>::omode;

template <int W, int I, ap_q_mode Q, ap_o_mode O, int N>
class ap_fixed : public ap_fixed_base<W, I, true, Q, O, N> {
  public:
    using ap_fixed_base<W, I, true, Q, O, N>::ap_fixed_base;
    ap_fixed() = default;
};

template <int W, int I, ap_q_mode Q, ap_o_mode O, int N>
class ap_ufixed : public ap_fixed_base<W, I, false, Q, O, N> {
  public:
    using ap_fixed_base<W, I, false, Q, O, N>::ap_fixed_base;
    ap_ufixed() = default;
};

#endif
