// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Fixed to fixed: to the formats of TO_W = 1 to 6 bits, in every mode (but AP_SAT_SYM for unsigned numbers is AP_SAT),
//
// - from every value of formats of 1 to 6 bits, whose integer bits run from 7 fewer to 6 more than those of the target, so
//   that from nothing to everything is dropped at either end;
// - from every value of a 12-bit format to targets whose integer bits run from fewer than none to more than all.
//
// One file per TO_W, to keep compile times short.

#include "ap_types_check.h"

// Some place for the binary point: outside to the left, inside, outside to the right.
constexpr int to_i = TO_W == 1 ? 0 : TO_W == 2 ? -2 : TO_W == 3 ? 3 : TO_W == 4 ? 2 : TO_W == 5 ? 7 : 3;

template <class A, class B> void convert(const Values<A> &from) {
    Digest d;
    for (int i = 0; i < Values<A>::count; ++i) {
        const B constructed(from.value[i]);
        result(d, constructed);
    }
    report("convert", name_of<A>(), "", name_of<B>(), d);
}

template <int W, int I, bool S> void from() {
    typedef typename Fixed<W, I, S>::type A;
    const Values<A> v;
#define M(Q, O)                                                                                                        \
    convert<A, ap_fixed<TO_W, to_i, Q, O> >(v);                                                                        \
    if (O != AP_SAT_SYM) convert<A, ap_ufixed<TO_W, to_i, Q, O != AP_SAT_SYM ? O : AP_SAT> >(v);
    EACH_MODE(M)
#undef M
}

template <int W, int D> void from_both() {
    from<W, to_i + D, true>();
    from<W, to_i + D, false>();
}
template <int W> void from_width() {
    from_both<W, -7>();
    from_both<W, -2>();
    from_both<W, -1>();
    from_both<W, 0>();
    from_both<W, 1>();
    from_both<W, 6>();
}

// The 12-bit sources.
template <class A> const Values<A, true> &all() {
    static const Values<A, true> v;
    return v;
}
template <class A, class B> void convert_all() {
    const Values<A, true> &from = all<A>();
    Digest d;
    for (int i = 0; i < from.count; ++i) {
        B assigned;
        assigned = from.value[i];
        result(d, assigned);
    }
    report("assign", name_of<A>(), "", name_of<B>(), d);
}
template <int I> void to() {
#define M(Q, O)                                                                                                        \
    convert_all<ap_fixed<12, 5>, ap_fixed<TO_W, I, Q, O> >();                                                          \
    convert_all<ap_ufixed<12, 5>, ap_fixed<TO_W, I, Q, O> >();                                                         \
    if (O != AP_SAT_SYM) convert_all<ap_fixed<12, 5>, ap_ufixed<TO_W, I, Q, O != AP_SAT_SYM ? O : AP_SAT> >();         \
    if (O != AP_SAT_SYM) convert_all<ap_ufixed<12, 5>, ap_ufixed<TO_W, I, Q, O != AP_SAT_SYM ? O : AP_SAT> >();
    EACH_MODE(M)
#undef M
}

int main() {
    from_width<1>();
    from_width<2>();
    from_width<3>();
    from_width<4>();
    from_width<5>();
    from_width<6>();
    to<-5>();
    to<0>();
    to<TO_W - 1>();
    to<TO_W>();
    to<TO_W + 1>();
    to<9>();
    return 0;
}
