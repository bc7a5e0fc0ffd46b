// SPDX-License-Identifier: MIT OR Apache-2.0
//
// ap_fixed and ap_ufixed as operands.
//
// PART 1, 2: + - * and comparisons on all values of all pairs of widths from 1 to 6, signed and not, with the binary point
//            outside and inside.
// PART 3:    the same next to ap_int, ap_uint and C++'s own integers; comparisons with double; += -= *= in several modes.
// PART 4:    shifts, unary operators, bits and ranges, conversions to native types, of all widths from 1 to 6.
// PART 5:    wide formats and 128-bit results, with random values; those results in every mode back into narrow formats.
//
// Left out: == and != of a negative and an unsigned number when, with binary points aligned, the unsigned one has 32 bits
// or more (see ap_types_int.cpp); integers from a negative number without integer bits, I < 1 (the vendor's makes it -1 at
// some times and 0, its truncation toward zero, at others); ++ and -- where 1.0 is below the last place (the vendor's does not
// compile); and ranges with hi < lo (the vendor's reads them backwards).

#include "ap_types_check.h"

template <class A> const Values<A> &values() {
    static const Values<A> v;
    return v;
}

template <class A, class B> void arithmetic() {
    const Values<A> &a = values<A>();
    const Values<B> &b = values<B>();
    Digest add, subtract, multiply;
    for (int i = 0; i < a.count; ++i)
        for (int j = 0; j < b.count; ++j) {
            const A &x = a.value[i];
            const B &y = b.value[j];
            result(add, x + y);
            result(subtract, x - y);
            result(multiply, x * y);
        }
    report("+", name_of<A>(), name_of<B>(), Name(A() + B()).text, add);
    report("-", name_of<A>(), name_of<B>(), Name(A() - B()).text, subtract);
    report("*", name_of<A>(), name_of<B>(), Name(A() * B()).text, multiply);
}
template <class A, class B> void compare(bool equality = true) {
    const Values<A> &a = values<A>();
    const Values<B> &b = values<B>();
    Digest d;
    for (int i = 0; i < a.count; ++i)
        for (int j = 0; j < b.count; ++j) {
            const A &x = a.value[i];
            const B &y = b.value[j];
            result(d, (x < y) + 2 * (x <= y) + 4 * (x > y) + 8 * (x >= y));
            if (equality) result(d, (x == y) + 2 * (x != y));
        }
    report("compare", name_of<A>(), name_of<B>(), "bool", d);
}
template <class A, class B> void both() {
    arithmetic<A, B>();
    compare<A, B>();
}
template <int W, int I, int V, int J> void signs() {
    both<ap_fixed<W, I>, ap_fixed<V, J> >();
    both<ap_fixed<W, I>, ap_ufixed<V, J> >();
    both<ap_ufixed<W, I>, ap_fixed<V, J> >();
    both<ap_ufixed<W, I>, ap_ufixed<V, J> >();
}
template <int W, int I> void with_width() {
    signs<W, I, 1, 0>();
    signs<W, I, 2, 4>();
    signs<W, I, 3, -2>();
    signs<W, I, 4, 2>();
    signs<W, I, 5, 5>();
    signs<W, I, 6, 3>();
}

// Next to integers.
template <class A, class T> void native(T) {
    const Values<A> &a = values<A>();
    Random r(sizeof(T));
    Digest left, right, assigned, compared;
    for (int i = 0; i < a.count; ++i)
        for (int j = 0; j < 24; ++j) {
            const A &x = a.value[i];
            const T y = j < 5 ? (T)(j - 2) : (T)r.bits();
            result(left, x + y);
            result(left, x - y);
            result(left, x * y);
            result(right, y + x);
            result(right, y - x);
            result(right, y * x);
            A z = x;
            z += y;
            result(assigned, z);
            z -= y;
            z *= y;
            result(assigned, z);
            z = y;
            result(assigned, z);
            result(compared, (x < y) + 2 * (x <= y) + 4 * (x > y) + 8 * (x >= y));
            result(compared, (y < x) + 2 * (y <= x) + 4 * (y > x) + 8 * (y >= x));
            if ((double)y < 100) result(compared, (y == x) + 2 * (y != x) + 4 * (x == y) + 8 * (x != y));
        }
    report("x+-*n", name_of<A>(), name_of<T>(), Name(A() + T()).text, left);
    report("n+-*x", name_of<A>(), name_of<T>(), Name(T() * A()).text, right);
    report("x=n", name_of<A>(), name_of<T>(), name_of<A>(), assigned);
    report("compare", name_of<A>(), name_of<T>(), "bool", compared);
}
template <class A> void natives() {
    native<A>(true);
    native<A>('a');
    native<A>((short)1);
    native<A>((unsigned short)1);
    native<A>(1);
    native<A>(1u);
    native<A>(1ll);
    native<A>(1ul);
}
template <class A> void doubles() {
    const Values<A> &a = values<A>();
    Digest d;
    for (int i = 0; i < a.count; ++i)
        for (int j = -40; j <= 40; ++j) {
            const A &x = a.value[i];
            const double y = j / 16.0;
            result(d, (x == y) + 2 * (x != y) + 4 * (x < y) + 8 * (x <= y) + 16 * (x > y) + 32 * (x >= y));
            result(d, (y == x) + 2 * (y != x) + 4 * (y < x) + 8 * (y <= x) + 16 * (y > x) + 32 * (y >= x));
        }
    report("compare", name_of<A>(), "double", "bool", d);
}
template <class A, class B> void assignments() {
    const Values<A> &a = values<A>();
    const Values<B> &b = values<B>();
    Digest d;
    for (int i = 0; i < a.count; ++i)
        for (int j = 0; j < b.count; ++j) {
            const B &y = b.value[j];
            A x = a.value[i];
            result(d, x += y);
            result(d, x);
            result(d, x -= y);
            result(d, x *= y);
            x = y;
            result(d, x);
        }
    report("+=-=*=", name_of<A>(), name_of<B>(), name_of<A>(), d);
}
template <class B> void assigned_to() {
    assignments<ap_fixed<6, 3, AP_RND, AP_SAT>, B>();
    assignments<ap_fixed<6, 3, AP_RND_CONV, AP_SAT_SYM>, B>();
    assignments<ap_ufixed<5, 2, AP_RND, AP_SAT>, B>();
    assignments<ap_ufixed<5, 2, AP_TRN, AP_WRAP>, B>();
    assignments<ap_fixed<6, -1, AP_TRN_ZERO, AP_WRAP>, B>();
    assignments<ap_fixed<6, 8, AP_RND_INF, AP_SAT>, B>();
    assignments<ap_int<6>, B>();
    assignments<ap_uint<6>, B>();
}

// One operand.
template <bool Can> struct Step {
    template <class A> static void run(Digest &d, A x) {
        result(d, ++x);
        result(d, x++);
        result(d, x);
        result(d, --x);
        result(d, x--);
        result(d, x);
    }
};
template <> struct Step<false> {
    template <class A> static void run(Digest &, A) {}
};
template <class A> void minus_and_not(const Values<A> &a) {
    Digest d;
    for (int i = 0; i < a.count; ++i) {
        const A &x = a.value[i];
        result(d, -x);
        result(d, ~x);
        A y = x;
        result(d, +y);
        result(d, (bool)!x);
        result(d, x ? 1 : 0);
        result(d, x.length());
    }
    report("-~+!", name_of<A>(), "", Name(-A()).text, d);
}
template <class A> void shifts(const Values<A> &a) {
    Digest d;
    for (int i = 0; i < a.count; ++i)
        for (int n = -A::width - 3; n <= A::width + 3; ++n) {
            const A &x = a.value[i];
            result(d, x << n);
            result(d, x >> n);
            const ap_int<8> m(n);
            result(d, x << m);
            result(d, x >> m);
            A y = x;
            result(d, y <<= n);
            y = x;
            result(d, y >>= n);
            if (n < 0) continue;
            result(d, x << (unsigned)n);
            result(d, x >> (unsigned)n);
            const ap_uint<7> u(n);
            result(d, x << u);
            result(d, x >> u);
            y >>= u;
            result(d, y);
        }
    report("<<>>", name_of<A>(), "", Name(A() << 1).text, d);
}
template <int W, bool S> int integer_bits(const ap_int_base<W, S> &) { return W; }
template <int W, int I, bool S, ap_q_mode Q, ap_o_mode O, int N>
int integer_bits(const ap_fixed_base<W, I, S, Q, O, N> &) {
    return I;
}
template <class A> void convert_to_native(const Values<A> &a) {
    Digest d;
    for (int i = 0; i < a.count; ++i) {
        const A &x = a.value[i];
        result(d, x.to_double());
        result(d, x.to_float());
        result(d, (float)x);
        result(d, (double)x);
        result(d, (bool)x);
        if (integer_bits(x) < 1 && (double)x < 0) continue;
        result(d, x.to_int());
        result(d, x.to_uint());
        result(d, x.to_int64());
        result(d, x.to_uint64());
        result(d, (int)x);
        result(d, (unsigned char)x);
        result(d, (short)x);
        result(d, (long long)x);
        result(d, (unsigned long)x);
        const ap_int<4> s(x);
        result(d, s);
        ap_uint<9> u;
        u = x;
        result(d, u);
    }
    report("native", name_of<A>(), "", "natives", d);
}
template <class A> void bits(const Values<A> &a) {
    Digest d;
    Random r(7);
    const ap_uint<3> one(1);
    for (int i = 0; i < a.count; ++i) {
        const A &x = a.value[i];
        for (int lo = 0; lo < A::width; ++lo) {
            result(d, (bool)x[lo]);
            A y = x;
            result(d, (bool)y[lo]);
            y[lo] = true;
            result(d, y);
            y[lo] = 0;
            result(d, y);
            y[lo] = x[A::width - 1];
            result(d, y);
            y[lo] = y[0];
            result(d, y);
            for (int hi = lo; hi < A::width; ++hi) {
                result(d, x.range(hi, lo).to_uint64());
                result(d, x(hi, lo).to_int());
                const ap_uint<6> part = x.range(hi, lo);
                result(d, part);
                const u64 native = x(hi, lo);
                result(d, native);
                A z = x;
                z.range(hi, lo) = (int)r.next();
                result(d, z);
                z(hi, lo) = one;
                result(d, z);
                z.range(hi, lo) = ap_int<4>(-3);
                result(d, z);
                z.range(hi, lo) = x.range(hi, lo);
                result(d, z);
                z(hi - lo, 0) = z(hi, lo);
                result(d, z);
                result(d, z.range(hi, lo) == 1);
            }
        }
        A y;
        y.range() = x.range();
        result(d, y);
        y.range() = (int)r.next();
        result(d, y);
        y.range() = (u64)r.next();
        result(d, y);
    }
    report("bits", name_of<A>(), "", name_of<A>(), d);
}
template <class A, bool CanStep> void unary() {
    const Values<A> &a = values<A>();
    minus_and_not(a);
    shifts(a);
    bits(a);
    convert_to_native(a);
    Digest d;
    for (int i = 0; i < a.count; ++i) Step<CanStep>::run(d, a.value[i]);
    report("++--", name_of<A>(), "", name_of<A>(), d);
}
template <int W> void unary_width() {
    unary<ap_fixed<W, -2>, true>();
    unary<ap_fixed<W, W - 1>, true>();
    unary<ap_fixed<W, W + 3, AP_RND, AP_SAT>, false>();
    unary<ap_ufixed<W, 0, AP_RND_CONV, AP_SAT>, true>();
    unary<ap_ufixed<W, W, AP_RND, AP_WRAP>, true>();
    unary<ap_fixed<W, 1, AP_RND, AP_SAT_SYM>, true>();
    unary<ap_int<W>, true>();
    unary<ap_uint<W>, true>();
}

// Wide.
template <class A> void from_wide(const Values<A> &v) {
#define TO(B)                                                                                                          \
    {                                                                                                                  \
        Digest d;                                                                                                      \
        for (int i = 0; i < v.count; ++i) result(d, B(v.value[i]));                                                    \
        report("convert", name_of<A>(), "", name_of<B>(), d);                                                          \
    }
#define M(Q, O)                                                                                                        \
    {                                                                                                                  \
        typedef ap_fixed<16, 6, Q, O> B;                                                                               \
        TO(B)                                                                                                          \
    }                                                                                                                  \
    {                                                                                                                  \
        typedef ap_ufixed<40, 20, Q, O> B;                                                                             \
        if (O != AP_SAT_SYM) TO(B)                                                                                     \
    }                                                                                                                  \
    {                                                                                                                  \
        typedef ap_fixed<64, 24, Q, O> B;                                                                              \
        TO(B)                                                                                                          \
    }
    EACH_MODE(M)
#undef M
#undef TO
}
template <class A, class B> void wide(bool equality) {
    arithmetic<A, B>();
    compare<A, B>(equality);
}
template <class A, class B> void wide_product() {
    const Values<A> &a = values<A>();
    const Values<B> &b = values<B>();
    Digest d, e;
    for (int i = 0; i < a.count; ++i)
        for (int j = 0; j < b.count; ++j) {
            const ap_fixed<24, 10, AP_RND, AP_SAT> p = a.value[i] * b.value[j];
            result(d, p);
            const ap_fixed<63, 40, AP_RND_CONV, AP_SAT_SYM> q = a.value[i] * b.value[j];
            result(d, q);
            ap_fixed<48, 20, AP_RND, AP_WRAP> z = a.value[i];
            z += b.value[j];
            result(e, z);
            z = a.value[i] * b.value[j];
            result(e, z);
        }
    report("product", name_of<A>(), name_of<B>(), "fixed<24,10> fixed<63,40>", d);
    report("x+=b,x=ab", name_of<A>(), name_of<B>(), "fixed<48,20>", e);
}

int main() {
#if PART == 1
    with_width<1, 1>();
    with_width<2, 0>();
    with_width<3, 5>();
#elif PART == 2
    with_width<4, -3>();
    with_width<5, 2>();
    with_width<6, 6>();
#elif PART == 3
    both<ap_fixed<5, 2>, ap_int<4> >();
    both<ap_ufixed<5, -1>, ap_int<4> >();
    both<ap_int<4>, ap_ufixed<4, 6> >();
    both<ap_uint<4>, ap_fixed<5, 1> >();
    both<ap_uint<3>, ap_ufixed<5, 1> >();
    natives<ap_fixed<5, 2> >();
    natives<ap_ufixed<6, 7, AP_RND, AP_SAT> >();
    natives<ap_fixed<6, -1, AP_TRN, AP_SAT_SYM> >();
    natives<ap_ufixed<5, 0> >();
    doubles<ap_fixed<6, 3> >();
    doubles<ap_ufixed<6, -2> >();
    doubles<ap_fixed<6, 8> >();
    assigned_to<ap_fixed<5, 2> >();
    assigned_to<ap_ufixed<6, 1> >();
    assigned_to<ap_int<4> >();
    assigned_to<ap_uint<4> >();
#elif PART == 4
    unary_width<1>();
    unary_width<2>();
    unary_width<3>();
    unary_width<4>();
    unary_width<5>();
    unary_width<6>();
    unary<ap_fixed<24, 8>, true>();
    unary<ap_int<32>, true>();
    unary<ap_uint<33>, true>();
#elif PART == 5
    wide<ap_fixed<16, 6>, ap_fixed<24, 10> >(true);
    wide<ap_fixed<16, 6>, ap_ufixed<24, 4> >(false);
    wide<ap_fixed<33, 40>, ap_fixed<30, -3> >(true);
    wide<ap_fixed<48, 20>, ap_ufixed<50, 10> >(false);
    wide<ap_fixed<64, 24>, ap_fixed<64, 20> >(true);
    wide<ap_ufixed<64, 24>, ap_ufixed<64, 30> >(true);
    wide<ap_ufixed<64, 24>, ap_fixed<64, 24> >(false);
    wide<ap_ufixed<63, 24>, ap_fixed<60, 30> >(false);
    wide<ap_fixed<64, 64>, ap_int<64> >(true);
    wide_product<ap_fixed<64, 24>, ap_fixed<64, 20> >();
    wide_product<ap_ufixed<64, 24>, ap_fixed<62, 20> >();
    wide_product<ap_ufixed<32, 16>, ap_ufixed<32, 8> >();
    wide_product<ap_fixed<31, 16>, ap_fixed<33, 40> >();
#elif PART == 6
    from_wide(Values<ap_fixed<64, 30> >());
    from_wide(Values<ap_ufixed<64, 10> >());
    from_wide(Values<ap_fixed<63, -5> >());
    from_wide(Values<ap_fixed<31, 11> >());
    from_wide(Values<ap_ufixed<32, 8> >());
    from_wide(Values<ap_fixed<90, 40> >());
    from_wide(Values<ap_fixed<127, 60> >());
    from_wide(Values<ap_ufixed<128, 60> >());
    from_wide(Values<ap_fixed<128, 70> >());
    from_wide(Values<ap_ufixed<126, 70> >());
#endif
    return 0;
}
