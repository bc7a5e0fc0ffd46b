// From active pixels to a dense image, zero elsewhere.
//
// Dataflow: each slot's position as one number; each element of the image takes the slot at its position. At most one
// slot is there, so an OR over the slots does it, without priority among them.
//
// Cost: N*H*W comparisons with a constant, H*W*C ORs of N gated values.

#ifndef SPARSEHLS_SPARSE_FLATTEN_H_
#define SPARSEHLS_SPARSE_FLATTEN_H_

#include "common.h"

namespace sparsehls {

// CONFIG: slots, channels, height, width; position_t, which holds height * width. Y holds X and zero.
template <class CONFIG, class X, class H, class Y>
void sparse_flatten(const X feat[CONFIG::slots * CONFIG::channels], const H hash[CONFIG::slots * 2],
                    Y image[CONFIG::height * CONFIG::width * CONFIG::channels]) {
#pragma HLS PIPELINE II=1
    typedef typename CONFIG::position_t position_t;
    position_t position[CONFIG::slots];
#pragma HLS ARRAY_PARTITION variable=position complete
    for (int slot = 0; slot < CONFIG::slots; ++slot) {
#pragma HLS UNROLL
        // 1-based, so that 0 is an empty slot.
        const int at = (int(hash[slot * 2]) - 1) * CONFIG::width + int(hash[slot * 2 + 1]);
        position[slot] = hash[slot * 2] != 0 ? position_t(at) : position_t(0);
    }
    for (int at = 0; at < CONFIG::height * CONFIG::width; ++at) {
#pragma HLS UNROLL
        for (int c = 0; c < CONFIG::channels; ++c) {
#pragma HLS UNROLL
            ap_int<Y::width> bits = 0;
            for (int slot = 0; slot < CONFIG::slots; ++slot) {
#pragma HLS UNROLL
                if (position[slot] == at + 1) bits |= ap_int<Y::width>(mantissa(Y(feat[slot * CONFIG::channels + c])));
            }
            image[at * CONFIG::channels + c] = from_mantissa<Y>(bits);
        }
    }
}

}  // namespace sparsehls

#endif
