// SPDX-License-Identifier: MIT OR Apache-2.0
//
// ap_axiu<D, U, TI, TD>: a host stand-in for the vendor's ap_axi_sdata.h. A beat of an AXI-Stream: D bits of TDATA with
// TKEEP, TSTRB and TLAST; TUSER, TID and TDEST of U, TI and TD bits, or none of these.

#ifndef SPARSEHLS_AP_AXI_SDATA_H
#define SPARSEHLS_AP_AXI_SDATA_H

// In angle brackets: beside the vendor's ap_int.h, which some have without their ap_axi_sdata.h, it is the vendor's.
#include <ap_int.h>

template <int D, int U, int TI, int TD> struct ap_axiu {
    ap_uint<D> data;
    ap_uint<(D + 7) / 8> keep, strb;
    ap_uint<U> user;
    ap_uint<1> last;
    ap_uint<TI> id;
    ap_uint<TD> dest;
};

template <int D> struct ap_axiu<D, 0, 0, 0> {
    ap_uint<D> data;
    ap_uint<(D + 7) / 8> keep, strb;
    ap_uint<1> last;
};

#endif
