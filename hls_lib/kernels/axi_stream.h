// Ports that are AXI-Streams. A beat has a word as in packed.h in TDATA, filled up with zeros to whole bytes. The last beat
// of an event has TLAST; on the way in it is not looked at, since an event always has the same number of beats.

#ifndef SPARSEHLS_AXI_STREAM_H_
#define SPARSEHLS_AXI_STREAM_H_

#include "ap_axi_sdata.h"
#include "packed.h"

namespace sparsehls {

template <class BEAT, class T, int N>
inline void read_row(hls::stream<BEAT>& from, int, T (&to)[N]) {
#pragma HLS INLINE
    const BEAT beat = from.read();
    unpack<N>(beat.data, to);
}

template <class T, int COUNT, class BEAT, class ARRAY>
inline void read_beat(hls::stream<BEAT>& from, ARRAY& to) {
#pragma HLS INLINE
    const BEAT beat = from.read();
    read_word<T, COUNT>(beat.data, to);
}

// What else a beat has, where it has anything.
template <class BEAT>
inline void no_side_channels(BEAT&) {
#pragma HLS INLINE
}

template <int BITS>
inline void no_side_channels(ap_axiu<BITS, 1, 1, 1>& beat) {
#pragma HLS INLINE
    beat.user = 0;
    beat.id = 0;
    beat.dest = 0;
}

// The outputs of an event are one beat, the last of its packet.
template <class T, int COUNT, class ARRAY, class BEAT>
inline void write_beat(const ARRAY& from, hls::stream<BEAT>& to) {
#pragma HLS INLINE
    BEAT beat;
    write_word<T, COUNT>(from, beat.data);
    beat.keep = -1;
    beat.strb = -1;
    beat.last = 1;
    no_side_channels(beat);
    to.write(beat);
}

}  // namespace sparsehls

#endif
