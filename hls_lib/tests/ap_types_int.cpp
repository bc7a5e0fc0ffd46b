// SPDX-License-Identifier: MIT OR Apache-2.0
//
// ap_int and ap_uint of 1 to 6 bits, and some wider ones: every operator on every pair of types and values, and next to
// C++'s own integers.
//
// Left out, since the vendor's results are not the value of the expression and kernels have no use for them:
// - / and % of a signed and an unsigned number when one of them is negative (the vendor's 9 % -4 is 9);
// - / and % by zero;
// - == and != of a negative number and an unsigned one of 32 bits or more: whether the vendor finds 2^n - 5 equal to -5
//   depends on the width. (<, <=, > and >= are compared: there negative numbers are greater than unsigned ones.)

#include "ap_types_check.h"

template <class A> bool negative(const A &x) { return A(-1) < A(0) && x < A(0); }
inline bool negative(bool) { return false; }
template <class A> bool is_signed() { return A(-1) < A(0); }
template <> inline bool is_signed<bool>() { return false; }
template <class A, class B> bool divisible(const A &x, const B &y) {
    return is_signed<A>() == is_signed<B>() || (!negative(x) && !negative(y));
}
template <class A, class B> void compare_values(Digest &d, const A &x, const B &y, int wa, int wb) {
    result(d, (x < y) + 2 * (x <= y) + 4 * (x > y) + 8 * (x >= y));
    if (!(negative(x) && !is_signed<B>() && wb >= 32) && !(negative(y) && !is_signed<A>() && wa >= 32))
        result(d, (x == y) + 2 * (x != y));
}

template <class A, class B> struct Pair {
    const Values<A> a;
    const Values<B> b;

#define BINARY(NAME, OP, CONDITION)                                                                                    \
    void NAME() const {                                                                                                \
        Digest d;                                                                                                      \
        for (int i = 0; i < a.count; ++i)                                                                              \
            for (int j = 0; j < b.count; ++j) {                                                                        \
                const A &x = a.value[i];                                                                               \
                const B &y = b.value[j];                                                                               \
                if (CONDITION) result(d, x OP y);                                                                      \
            }                                                                                                          \
        report(#OP, name_of<A>(), name_of<B>(), Name(A() OP B(1)).text, d);                                            \
    }
    BINARY(add, +, true)
    BINARY(subtract, -, true)
    BINARY(multiply, *, true)
    BINARY(bit_and, &, true)
    BINARY(bit_or, |, true)
    BINARY(bit_xor, ^, true)
    BINARY(divide, /, y != 0 && divisible(x, y))
    BINARY(modulo, %, y != 0 && divisible(x, y))
#undef BINARY
#define ASSIGN(NAME, OP, CONDITION)                                                                                    \
    void NAME() const {                                                                                                \
        Digest d;                                                                                                      \
        for (int i = 0; i < a.count; ++i)                                                                              \
            for (int j = 0; j < b.count; ++j) {                                                                        \
                const B &y = b.value[j];                                                                               \
                if (CONDITION) {                                                                                       \
                    A x = a.value[i];                                                                                  \
                    result(d, x OP y);                                                                                 \
                    result(d, x);                                                                                      \
                }                                                                                                      \
            }                                                                                                          \
        report(#OP, name_of<A>(), name_of<B>(), name_of<A>(), d);                                                      \
    }
    ASSIGN(add_to, +=, true)
    ASSIGN(subtract_from, -=, true)
    ASSIGN(multiply_by, *=, true)
    ASSIGN(and_with, &=, true)
    ASSIGN(or_with, |=, true)
    ASSIGN(xor_with, ^=, true)
    ASSIGN(assign, =, true)
#undef ASSIGN
    void compare() const {
        Digest d;
        for (int i = 0; i < a.count; ++i)
            for (int j = 0; j < b.count; ++j) compare_values(d, a.value[i], b.value[j], A::width, B::width);
        report("compare", name_of<A>(), name_of<B>(), "bool", d);
    }
    void arithmetic() const {
        add();
        subtract();
        multiply();
        compare();
    }
    void bitwise() const {
        bit_and();
        bit_or();
        bit_xor();
    }
    void assignments() const {
        assign();
        add_to();
        subtract_from();
        multiply_by();
    }
};

template <class A, class B> void pair() {
    const Pair<A, B> p = Pair<A, B>();
    p.arithmetic();
}
template <class A, class B> void thorough() {
    const Pair<A, B> p = Pair<A, B>();
    p.arithmetic();
    p.bitwise();
    p.assignments();
    p.and_with();
    p.or_with();
    p.xor_with();
    p.divide();
    p.modulo();
}

// C++'s own integers as the other operand.
template <class T> struct NativeValues {
    static const int count = 24;
    T value[count];
    NativeValues() {
        Random r(sizeof(T));
        for (int i = 0; i < count; ++i) value[i] = i < 5 ? (T)(i - 2) : (T)r.bits();
    }
};
template <class A, class T> void native() {
    const Values<A> a;
    const NativeValues<T> b;
    Digest left, right, assigned, compared;
    for (int i = 0; i < a.count; ++i)
        for (int j = 0; j < b.count; ++j) {
            const A &x = a.value[i];
            const T y = b.value[j];
            result(left, x + y);
            result(left, x - y);
            result(left, x * y);
            result(left, x & y);
            result(left, x | y);
            result(left, x ^ y);
            result(right, y + x);
            result(right, y - x);
            result(right, y * x);
            result(right, y & x);
            A z = x;
            z += y;
            result(assigned, z);
            z -= y;
            z *= y;
            result(assigned, z);
            z = y;
            result(assigned, z);
            compare_values(compared, x, y, A::width, 8 * (int)sizeof(T));
            compare_values(compared, y, x, 8 * (int)sizeof(T), A::width);
        }
    report("x+-*&|^n", name_of<A>(), name_of<T>(), Name(A() + T()).text, left);
    report("n+-*&x", name_of<A>(), name_of<T>(), Name(T() * A()).text, right);
    report("x=n", name_of<A>(), name_of<T>(), name_of<A>(), assigned);
    report("compare", name_of<A>(), name_of<T>(), "bool", compared);
}
template <class A> void natives() {
    native<A, bool>();
    native<A, char>();
    native<A, short>();
    native<A, unsigned short>();
    native<A, int>();
    native<A, unsigned>();
    native<A, unsigned long>();
    native<A, long long>();
}

template <int W, int V> void widths() {
    pair<ap_int<W>, ap_int<V> >();
    pair<ap_int<W>, ap_uint<V> >();
    pair<ap_uint<W>, ap_int<V> >();
    pair<ap_uint<W>, ap_uint<V> >();
}
template <int W> void small() {
    widths<W, 1>();
    widths<W, 2>();
    widths<W, 3>();
    widths<W, 4>();
    widths<W, 5>();
    widths<W, 6>();
}
template <int W, int V> void thorough_widths() {
    thorough<ap_int<W>, ap_int<V> >();
    thorough<ap_int<W>, ap_uint<V> >();
    thorough<ap_uint<W>, ap_int<V> >();
    thorough<ap_uint<W>, ap_uint<V> >();
}

int main() {
#if PART == 1
    small<1>();
    small<2>();
    small<3>();
#elif PART == 2
    small<4>();
    small<5>();
    small<6>();
#elif PART == 3
    thorough_widths<1, 4>();
    thorough_widths<5, 3>();
    thorough_widths<8, 8>();
    thorough_widths<12, 20>();
    thorough_widths<31, 32>();
    thorough_widths<32, 32>();
#elif PART == 4
    thorough_widths<33, 17>();
    widths<64, 64>();
    widths<63, 64>();
    widths<40, 40>();
    widths<7, 50>();
    natives<ap_int<6> >();
    natives<ap_uint<6> >();
    natives<ap_int<33> >();
    natives<ap_uint<40> >();
#endif
    return 0;
}
