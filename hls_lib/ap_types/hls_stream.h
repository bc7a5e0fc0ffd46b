// SPDX-License-Identifier: MIT OR Apache-2.0
//
// hls::stream<T>: a host stand-in for the vendor's hls_stream.h. A queue without an end; on a host the processes of a
// dataflow region run one after the other, and most streams hold one word at a time.
//
// It includes little: what a header declares, a model cannot be called. And it needs nothing of the C++ library, which a Rust
// program that the simulation is linked into does not have: no new and no delete, and nothing to write to. A word is bits, so
// that room for it is one.

#ifndef SPARSEHLS_HLS_STREAM_H
#define SPARSEHLS_HLS_STREAM_H

#include <cstddef>

namespace hls {

template <class T> class stream {
  public:
    stream() : held(false), rest(0), room(0), first(0), end(0) {}
    explicit stream(const char *) : held(false), rest(0), room(0), first(0), end(0) {}
    ~stream() { __builtin_free(rest); }

    bool empty() const { return !held; }
    bool full() const { return false; }
    std::size_t size() const { return (held ? 1 : 0) + end - first; }

    void write(const T &value) {
        if (!held) {
            head = value;
            held = true;
            return;
        }
        if (end == room) grow();
        rest[end++] = value;
    }
    bool write_nb(const T &value) {
        write(value);
        return true;
    }

    // Hardware would wait for ever for a word that nobody has written.
    T read() {
        T value;
        if (!read_nb(value)) __builtin_trap();
        return value;
    }
    void read(T &value) { value = read(); }
    bool read_nb(T &value) {
        if (!held) return false;
        value = head;
        held = first < end;
        if (held) head = rest[first++];
        if (first == end) first = end = 0;
        return true;
    }

    void operator>>(T &value) { read(value); }
    void operator<<(const T &value) { write(value); }

  private:
    stream(const stream &);
    stream &operator=(const stream &);

    void grow() {
        const std::size_t more = 2 * (end - first) + 8;
        T *const moved = static_cast<T *>(__builtin_calloc(more, sizeof(T)));
        if (!moved) __builtin_trap();
        for (std::size_t at = first; at < end; ++at) moved[at - first] = rest[at];
        __builtin_free(rest);
        rest = moved;
        room = more;
        end -= first;
        first = 0;
    }

    T head; // the next word, if `held`
    bool held;
    T *rest; // those behind it, from `first` to `end`
    std::size_t room, first, end;
};

} // namespace hls

#endif
