// SPDX-License-Identifier: MIT OR Apache-2.0
//
// ap_int<W> and ap_uint<W>: a host stand-in for the vendor's ap_int.h. See ap_common.h.

#ifndef SPARSEHLS_AP_INT_H
#define SPARSEHLS_AP_INT_H

#include "ap_common.h"

namespace ap_detail {

// Bits of an integer, as they were read: an unsigned number as wide as the whole integer.
template <int W> class int_range : public number<W, W, false, true> {
    typedef number<W, W, false, true> Base;

  public:
    template <class Number>
    int_range(const Number &x, int hi, int lo)
        : Base(mantissa_tag(), (typename Base::raw_type)get_bits(x, hi, lo)), high(hi), low(lo) {}

    operator unsigned long long() const { return (unsigned long long)this->mantissa; }
    int to_int() const { return (int)this->mantissa; }
    unsigned to_uint() const { return (unsigned)this->mantissa; }
    long long to_int64() const { return (long long)this->mantissa; }
    unsigned long long to_uint64() const { return (unsigned long long)this->mantissa; }
    int length() const { return high - low + 1; }

  protected:
    int high, low;
};

// The same, and assignable. The bits are read when the range is made: use it at once, do not keep it.
template <int W, bool S> class int_range_ref : public int_range<W> {
    ap_int_base<W, S> &target;

  public:
    int_range_ref(ap_int_base<W, S> &x, int hi, int lo) : int_range<W>(x, hi, lo), target(x) {}
    int_range_ref(const int_range_ref &) = default;
    int_range_ref &operator=(const int_range_ref &other) { return *this = ap_int_base<W, false>(other); }
    template <class T> int_range_ref &operator=(const T &value) {
        set_bits(target, this->high, this->low, ap_int_base<W, false>(value).mantissa);
        this->mantissa = (typename int_range<W>::raw_type)get_bits(target, this->high, this->low);
        return *this;
    }
};

template <int W> class fixed_range;

} // namespace ap_detail

// An integer with W bits. Conversions drop a fraction (toward zero) and then the bits that do not fit.
template <int W, bool S> class ap_int_base : public ap_detail::number<W, W, S, true> {
    typedef ap_detail::number<W, W, S, true> Base;
    typedef typename ap_detail::result<W, W, S, true>::type Same;
    typedef ap_detail::wrap<W, S> wrap;
    typedef ap_detail::mantissa_tag tag;

  public:
    typedef typename Base::raw_type raw_type;
    typedef typename Base::bits_type bits_type;
    using Base::mantissa;

    ap_int_base() = default;
    constexpr ap_int_base(tag, raw_type m) : Base(tag(), m) {}
    // From an integer of C++ or a single bit, ...
    template <class T, class X = ap_detail::operand<T>, int B = X::width>
    constexpr ap_int_base(T x) : Base(tag(), wrap::of((typename ap_detail::raw<B, X::is_signed>::type)x)) {}
    // ... from float and double, ...
    template <class T, class = typename ap_detail::real<T>::real_tag>
    constexpr ap_int_base(T x) : Base(tag(), ap_detail::from_double<W, W, S, AP_TRN_ZERO, AP_WRAP>::of(x)) {}
    // ... from any ap_ type, ...
    template <int W2, int I2, bool S2, bool K2>
    constexpr ap_int_base(const ap_detail::number<W2, I2, S2, K2> &x)
        : Base(tag(), ap_detail::convert<W2, I2, S2, W, W, S, AP_TRN_ZERO, AP_WRAP>::of(x.mantissa)) {}
    // ... and from bits of a fixed-point number.
    template <int W2>
    ap_int_base(const ap_detail::fixed_range<W2> &x) : Base(tag(), wrap::of(x.bits())) {}

    // Implicit, so that an ap_int can be an index, a condition or an operand next to a double.
    operator typename ap_detail::native<64, S>::type() const {
        return (typename ap_detail::native<64, S>::type)mantissa;
    }
    bool to_bool() const { return mantissa != 0; }
    int to_int() const { return (int)mantissa; }
    unsigned to_uint() const { return (unsigned)mantissa; }
    long to_long() const { return (long)mantissa; }
    unsigned long to_ulong() const { return (unsigned long)mantissa; }
    long long to_int64() const { return (long long)mantissa; }
    unsigned long long to_uint64() const { return (unsigned long long)mantissa; }
    float to_float() const { return (float)mantissa; }
    double to_double() const { return (double)mantissa; }

    // Bits, counted from the least significant; ranges have hi >= lo.
    ap_detail::bit_ref<ap_int_base> operator[](int i) { return ap_detail::bit_ref<ap_int_base>(*this, i); }
    bool operator[](int i) const { return ap_detail::get_bits(*this, i, i) != 0; }
    bool test(int i) const { return ap_detail::get_bits(*this, i, i) != 0; }
    ap_detail::int_range_ref<W, S> range(int hi, int lo) { return ap_detail::int_range_ref<W, S>(*this, hi, lo); }
    ap_detail::int_range<W> range(int hi, int lo) const { return ap_detail::int_range<W>(*this, hi, lo); }
    ap_detail::int_range_ref<W, S> operator()(int hi, int lo) { return range(hi, lo); }
    ap_detail::int_range<W> operator()(int hi, int lo) const { return range(hi, lo); }
    ap_detail::int_range_ref<W, S> range() { return range(W - 1, 0); }
    ap_detail::int_range<W> range() const { return range(W - 1, 0); }
    bool and_reduce() const { return wrap::of(~(bits_type)mantissa) == 0; }
    bool or_reduce() const { return mantissa != 0; }
    void assign_bits(bits_type bits) { mantissa = wrap::of(bits); }

    Same operator+() const { return Same(tag(), mantissa); }
    // A zero of one bit minus this: that is W + 1 bits, but 3 for ap_int<1>.
    typename ap_detail::binary<1, 1, false, true, W, W, S, true>::difference operator-() const { return false - *this; }
    Same operator~() const { return Same(tag(), wrap::of(~(bits_type)mantissa)); }

    AP_SHIFTS(Same)
    template <class T> ap_int_base &operator<<=(const T &n) { return *this = *this << n; }
    template <class T> ap_int_base &operator>>=(const T &n) { return *this = *this >> n; }

    // The right side becomes a W-bit integer first; since everything wraps, that changes nothing but the fraction of a
    // fixed-point number.
    template <class T> ap_int_base &operator+=(const T &x) { return modular((bits_type)mantissa + bits_of(x)); }
    template <class T> ap_int_base &operator-=(const T &x) { return modular((bits_type)mantissa - bits_of(x)); }
    template <class T> ap_int_base &operator*=(const T &x) { return modular((bits_type)mantissa * bits_of(x)); }
    template <class T> ap_int_base &operator&=(const T &x) { return modular((bits_type)mantissa & bits_of(x)); }
    template <class T> ap_int_base &operator|=(const T &x) { return modular((bits_type)mantissa | bits_of(x)); }
    template <class T> ap_int_base &operator^=(const T &x) { return modular((bits_type)mantissa ^ bits_of(x)); }
    template <class T> ap_int_base &operator/=(const T &x) { return *this = *this / x; }
    template <class T> ap_int_base &operator%=(const T &x) { return *this = *this % x; }
    ap_int_base &operator++() { return modular((bits_type)mantissa + 1); }
    ap_int_base &operator--() { return modular((bits_type)mantissa - 1); }
    Same operator++(int) {
        Same before(tag(), mantissa);
        ++*this;
        return before;
    }
    Same operator--(int) {
        Same before(tag(), mantissa);
        --*this;
        return before;
    }

  private:
    ap_int_base &modular(bits_type bits) {
        mantissa = wrap::of(bits);
        return *this;
    }
    static bits_type bits_of(const ap_int_base &x) { return (bits_type)x.mantissa; }
};

template <int W> class ap_int : public ap_int_base<W, true> {
  public:
    using ap_int_base<W, true>::ap_int_base;
    ap_int() = default;
};

template <int W, bool Wide> class ap_uint : public ap_int_base<W, false> {
  public:
    using ap_int_base<W, false>::ap_int_base;
    ap_uint() = default;
};

// An unsigned integer with more bits than a register: a word that values are packed in. It has bits, which are read and
// written up to 64 at a time, and no arithmetic.
template <int W> class ap_uint<W, true> {
    typedef unsigned long long part;
    static const int parts = (W + 63) / 64;
    part word[parts];

    static part ones(int bits) { return bits >= 64 ? ~0ULL : (1ULL << bits) - 1; }

    part get(int hi, int lo) const {
        const int at = lo / 64, shift = lo % 64;
        part bits = word[at] >> shift;
        if (shift != 0 && at + 1 < parts) bits |= word[at + 1] << (64 - shift);
        return bits & ones(hi - lo + 1);
    }

    void set(int hi, int lo, part bits) {
        const int at = lo / 64, shift = lo % 64;
        const part mask = ones(hi - lo + 1);
        bits &= mask;
        word[at] = (word[at] & ~(mask << shift)) | bits << shift;
        if (shift != 0 && at + 1 < parts) {
            word[at + 1] = (word[at + 1] & ~(mask >> (64 - shift))) | bits >> (64 - shift);
        }
    }

  public:
    static const int width = W;

    class bits {
        const ap_uint &word;
        const int high, low;

      public:
        bits(const ap_uint &from, int hi, int lo) : word(from), high(hi), low(lo) {}
        unsigned long long to_uint64() const { return word.get(high, low); }
    };

    class bits_ref {
        ap_uint &word;
        const int high, low;

      public:
        bits_ref(ap_uint &to, int hi, int lo) : word(to), high(hi), low(lo) {}
        unsigned long long to_uint64() const { return word.get(high, low); }
        template <int N> bits_ref &operator=(const ap_uint<N> &value) {
            word.set(high, low, value.to_uint64());
            return *this;
        }
    };

    ap_uint() : word() {}
    // A negative number is extended by its sign.
    ap_uint(int value) {
        for (int at = 0; at < parts; ++at) word[at] = at == 0 ? (part)(long long)value : value < 0 ? ~0ULL : 0;
        word[parts - 1] &= ones(W - 64 * (parts - 1));
    }

    bits range(int hi, int lo) const { return bits(*this, hi, lo); }
    bits_ref range(int hi, int lo) { return bits_ref(*this, hi, lo); }
    bits operator()(int hi, int lo) const { return range(hi, lo); }
    bits_ref operator()(int hi, int lo) { return range(hi, lo); }

    bool operator==(const ap_uint &other) const {
        for (int at = 0; at < parts; ++at) {
            if (word[at] != other.word[at]) return false;
        }
        return true;
    }
    bool operator!=(const ap_uint &other) const { return !(*this == other); }
};

// ---------------------------------------------------------------------------------------------------------------------
// Operators that only integers have
// ---------------------------------------------------------------------------------------------------------------------

namespace ap_detail {

template <int W1, bool S1, int W2, bool S2> struct integer_operators {
    static const bool s = S1 || S2;
    // A mixed pair is signed, and the unsigned operand then needs a bit more.
    static const int w = max(W1 + (S2 && !S1), W2 + (S1 && !S2));
    typedef typename work<w, s>::type T;
    typedef typename result<w, w, s, true>::type bitwise;
    static bitwise bit_and(T a, T b) { return bitwise(mantissa_tag(), (typename bitwise::raw_type)(a & b)); }
    static bitwise bit_or(T a, T b) { return bitwise(mantissa_tag(), (typename bitwise::raw_type)(a | b)); }
    static bitwise bit_xor(T a, T b) { return bitwise(mantissa_tag(), (typename bitwise::raw_type)(a ^ b)); }

    // Toward zero. One bit more for the least number divided by -1.
    typedef typename work<w + s, s>::type D;
    typedef typename result<W1 + S2, W1 + S2, s, true>::type quotient;
    static const int mw = min(W1, W2 + (!S2 && S1));
    typedef typename result<mw, mw, S1, true>::type remainder;
    static quotient divide(D a, D b) { return quotient(mantissa_tag(), wrap<W1 + S2, s>::of(a / b)); }
    static remainder modulo(D a, D b) { return remainder(mantissa_tag(), wrap<mw, S1>::of(a % b)); }
};

#define AP_INTEGER(OP, RESULT, FUNCTION)                                                                               \
    template <int W1, bool S1, int W2, bool S2>                                                                        \
    inline typename integer_operators<W1, S1, W2, S2>::RESULT operator OP(const number<W1, W1, S1, true> &a,           \
                                                                          const number<W2, W2, S2, true> &b) {         \
        return integer_operators<W1, S1, W2, S2>::FUNCTION(a.mantissa, b.mantissa);                                    \
    }                                                                                                                  \
    template <int W, bool S, class T, class X = operand<T>, int B = X::width>                                          \
    inline typename integer_operators<W, S, B, X::is_signed>::RESULT operator OP(const number<W, W, S, true> &a,       \
                                                                                 T b) {                                \
        return integer_operators<W, S, B, X::is_signed>::FUNCTION(a.mantissa, b);                                      \
    }                                                                                                                  \
    template <int W, bool S, class T, class X = operand<T>, int B = X::width>                                          \
    inline typename integer_operators<B, X::is_signed, W, S>::RESULT operator OP(T a,                                  \
                                                                                 const number<W, W, S, true> &b) {     \
        return integer_operators<B, X::is_signed, W, S>::FUNCTION(a, b.mantissa);                                      \
    }
AP_INTEGER(&, bitwise, bit_and)
AP_INTEGER(|, bitwise, bit_or)
AP_INTEGER(^, bitwise, bit_xor)
AP_INTEGER(/, quotient, divide)
AP_INTEGER(%, remainder, modulo)
#undef AP_INTEGER

} // namespace ap_detail

#endif
