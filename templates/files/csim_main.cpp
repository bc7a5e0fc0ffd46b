// {{ made_by }}
//
// The simulation as a program: mantissas of events on standard input, of results on standard output, each a 64-bit
// integer in the machine's byte order.

#include <cstdio>

#ifndef SPARSEHLS_SYMBOL
#define SPARSEHLS_SYMBOL {{ symbol }}
#endif

extern "C" void SPARSEHLS_SYMBOL(const long long* input, long long* output, unsigned long long events);

int main() {
    static long long in[{{ input.size }}];
    static long long out[{{ layers[-1].size }}];
    for (;;) {
        const std::size_t count = std::fread(in, sizeof in[0], {{ input.size }}, stdin);
        if (count == 0) return 0;
        if (count != {{ input.size }}) return 1;
        SPARSEHLS_SYMBOL(in, out, 1);
        if (std::fwrite(out, sizeof out[0], {{ layers[-1].size }}, stdout) != {{ layers[-1].size }}) return 1;
    }
}
