// {{ made_by }}
//
// Asks the library whose path is the argument what it answers, as any program could that loads it. On standard input: the
// number of events as a 64-bit integer, their inputs as floats, and as mantissas of 64 bits. On standard output: the
// results of the former as floats, the mantissas of the former, and the results of the latter as mantissas; or what is wrong.

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib{{ name }}.h"

static const size_t inputs = {{ inputs }}, outputs = {{ outputs }};
// So that there are several shares.
static const uint32_t threads = 2;

template <typename Function>
static Function* function(void* library, const char* name) {
    void* const found = dlsym(library, name);
    if (!found) printf("%s\n", dlerror());
    return reinterpret_cast<Function*>(found);
}

static bool is_of_this(void* library) {
    uint32_t (*const abi)(void) = function<uint32_t(void)>(library, "{{ name }}_abi_version");
    uint64_t (*const in)(void) = function<uint64_t(void)>(library, "{{ name }}_inputs");
    uint64_t (*const out)(void) = function<uint64_t(void)>(library, "{{ name }}_outputs");
    return abi && in && out && abi() == SPARSEHLS_ABI_VERSION && in() == inputs && out() == outputs;
}

template <typename Value>
static Value* array(size_t count) {
    return static_cast<Value*>(calloc(count + 1, sizeof(Value)));
}

static bool answer(void* library, size_t events) {
    int32_t (*const predict)(const float*, float*, uint64_t, uint32_t) =
        function<int32_t(const float*, float*, uint64_t, uint32_t)>(library, "{{ name }}_predict");
    int32_t (*const predict_mantissas)(const int64_t*, int64_t*, uint64_t, uint32_t) =
        function<int32_t(const int64_t*, int64_t*, uint64_t, uint32_t)>(library, "{{ name }}_predict_mantissas");
    int32_t (*const to_mantissas)(const float*, int64_t*, uint64_t) =
        function<int32_t(const float*, int64_t*, uint64_t)>(library, "{{ name }}_to_mantissas");
    // Freed by the end of the program, of which a sanitizer has to know.
    static float *x, *y;
    static int64_t *in, *grid, *out;
    x = array<float>(events * inputs);
    y = array<float>(events * outputs);
    in = array<int64_t>(events * inputs);
    grid = array<int64_t>(events * inputs);
    out = array<int64_t>(events * outputs);
    return predict && predict_mantissas && to_mantissas && x && y && in && out && grid &&
           fread(x, sizeof *x, events * inputs, stdin) == events * inputs &&
           fread(in, sizeof *in, events * inputs, stdin) == events * inputs &&
           predict(x, y, events, threads) == SPARSEHLS_OK && to_mantissas(x, grid, events) == SPARSEHLS_OK &&
           predict_mantissas(in, out, events, threads) == SPARSEHLS_OK &&
           fwrite(y, sizeof *y, events * outputs, stdout) == events * outputs &&
           fwrite(grid, sizeof *grid, events * inputs, stdout) == events * inputs &&
           fwrite(out, sizeof *out, events * outputs, stdout) == events * outputs && fflush(stdout) == 0;
}

int main(int count, char** arguments) {
    void* const library = count == 2 ? dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL) : 0;
    if (!library) {
        printf("%s\n", dlerror());
        return 1;
    }
    uint64_t events = 0;
    return is_of_this(library) && fread(&events, sizeof events, 1, stdin) == 1 && answer(library, size_t(events)) ? 0 : 1;
}
