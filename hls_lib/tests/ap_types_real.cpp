// SPDX-License-Identifier: MIT OR Apache-2.0
//
// From and to double and float: formats of 1 to 6 bits in every mode from a fine grid that reaches beyond both ends, from
// ties and their neighbours, and from tiny and huge numbers; wide formats from random ones.
//
// Left out: NaN (no value), and ap_int and ap_uint from a number between -1 and 0 (the vendor's makes 1 of -0.3; ours
// makes 0 of it, as both do of -0.5).

#include "ap_types_check.h"
#include <cmath>

struct Reals {
    enum { grid = 1201, extremes = 28, random = 600, count = grid + extremes + random };
    double value[count];
    Reals() {
        int n = 0;
        for (int i = 0; i < grid; ++i) value[n++] = (i - 600) / 64.0;
        const double e[extremes / 4] = {5e-324, 1e-300, 1e-30, 0.49999999999999994, 1e20, 1e60, 1e300};
        for (int i = 0; i < extremes / 4; ++i) {
            value[n++] = e[i];
            value[n++] = -e[i];
            value[n++] = e[i] * 1.25 + 1;
            value[n++] = -e[i] * 1.25 - 1;
        }
        Random r(3);
        for (int i = 0; i < random; ++i) {
            const u64 bits = r.bits();
            const u64 how = r.next(); // one statement each: the order of calls within one is not defined
            const double m = (double)(long long)(bits >> (how & 31));
            value[n++] = std::ldexp((how & 32) ? m : -m, -(int)((how >> 6) & 63));
        }
    }
};
const Reals &reals() {
    static const Reals r;
    return r;
}

template <class B> void from_real(bool below_zero_to_one = true) {
    Digest d, f;
    for (int i = 0; i < Reals::count; ++i) {
        const double x = reals().value[i];
        const float y = (float)x;
        if (!below_zero_to_one && x < 0 && x > -1) continue;
        if (std::fabs(x) > 1e30) continue;
        result(f, B(y));
    }
    for (int i = 0; i < Reals::count; ++i) {
        const double x = reals().value[i];
        if (!below_zero_to_one && x < 0 && x > -1) continue;
        B b(x);
        result(d, b);
        b = 0;
        b = x;
        result(d, b);
        result(d, b.to_double());
        result(d, b.to_float());
        result(d, (double)b);
        result(d, (float)b);
    }
    report("from", "double", "", name_of<B>(), d);
    report("from", "float", "", name_of<B>(), f);
}
template <int W, int I> void modes() {
#define M(Q, O)                                                                                                        \
    from_real<ap_fixed<W, I, Q, O> >();                                                                                \
    if (O != AP_SAT_SYM) from_real<ap_ufixed<W, I, Q, O != AP_SAT_SYM ? O : AP_SAT> >();
    EACH_MODE(M)
#undef M
}

int main() {
#if PART == 1
    modes<1, 1>();
    modes<2, -1>();
    modes<3, 0>();
    modes<4, 2>();
    modes<5, 7>();
#elif PART == 2
    modes<6, 3>();
    modes<16, 6>();
    modes<31, 12>();
    modes<64, 20>();
    modes<64, 64>();
    from_real<ap_int<1> >(false);
    from_real<ap_int<6> >(false);
    from_real<ap_uint<6> >(false);
    from_real<ap_int<32> >(false);
    from_real<ap_uint<33> >(false);
    from_real<ap_int<64> >(false);
    from_real<ap_uint<64> >(false);
#endif
    return 0;
}
