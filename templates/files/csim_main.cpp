// {{ made_by }}
//
// The simulation as a program. On standard input, again and again: the number of events as a 64-bit integer, and their
// mantissas, each of the type `{{ input.word }}`. On standard output, after the last of these events: the mantissas of
// their results, each a 64-bit integer. All in the machine's byte order.

#include <cstdio>
#include <cstdlib>

#ifndef SPARSEHLS_SYMBOL
#define SPARSEHLS_SYMBOL {{ symbol }}
#endif

extern "C" int SPARSEHLS_SYMBOL(const long long* input, long long* output, unsigned long long events);

static const std::size_t inputs = {{ input.size }}, outputs = {{ layers[-1].size }};

// Whether all went well.
static bool run(unsigned long long events, long long* results) {
    static {{ input.word }} words[inputs];
    static long long mantissas[inputs];
    for (unsigned long long event = 0; event < events; ++event) {
        if (std::fread(words, sizeof words[0], inputs, stdin) != inputs) return false;
        for (std::size_t i = 0; i < inputs; ++i) mantissas[i] = words[i];
        if (SPARSEHLS_SYMBOL(mantissas, results + event * outputs, 1) != 0) {
            std::fprintf(stderr, "{{ name }}: there is no memory for the stack of the simulation\n");
            return false;
        }
    }
    return std::fwrite(results, sizeof results[0], events * outputs, stdout) == events * outputs && std::fflush(stdout) == 0;
}

int main() {
    unsigned long long events = 0;
    while (std::fread(&events, sizeof events, 1, stdin) == 1) {
        long long* const results = static_cast<long long*>(std::malloc(events * outputs * sizeof(long long) + 1));
        if (results == 0 || !run(events, results)) return 1;
        std::free(results);
    }
    return 0;
}
