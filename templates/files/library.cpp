// {{ made_by }}
//
// The functions of lib{{ name }}.h, around the simulation of {{ name }}.

// What is declared here is all that others see of the library.
#pragma GCC visibility push(default)
#include "lib{{ name }}.h"
#pragma GCC visibility pop

#include <pthread.h>
#ifdef __linux__
#include <sched.h>
#endif
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern "C" int SPARSEHLS_SYMBOL(const long long* input, long long* output, unsigned long long events);

namespace {

__extension__ typedef __int128 wide;

const uint64_t inputs = {{ inputs }}, outputs = {{ outputs }};
const uint64_t input_shape[] = { {{- input_shape | join(", ") -}} };
const uint64_t output_shape[] = { {{- output_shape | join(", ") -}} };
const sparsehls_format input_format = { {{- input.signed }}, {{ input.width }}, {{ input.fraction -}} };
const sparsehls_format output_format = { {{- output.signed }}, {{ output.width }}, {{ output.fraction -}} };
// The lowest and the highest mantissa of an input.
const int64_t lowest = {{ lowest }}, highest = {{ highest }};

// Values that are computed at a time.
const uint64_t chunk_values = 1 << 15;
// The stack of a thread: what a simulation that needs a large one makes room for by itself is not in it.
const size_t stack = 1 << 21;
// More threads are of no use anywhere.
const uint64_t most_threads = 1024;
{%- if wraps %}

// The rest of a division, which is never negative.
wide modulo(wide number, wide size) {
    const wide rest = number % size;
    return rest < 0 ? rest + size : rest;
}
{%- endif %}
{% if by_element %}
// The quantizer rounds by the sign, which wrapping changes: out of range it is what quantizes.
struct Quantized {
    // Whether anything is left of the value.
    bool live;
    int64_t lowest, highest;
    // Bits below those that it keeps.
    int bits;
};

const Quantized quantized[] = {
{%- for format in by_element.formats %}
    { {{- format -}} },
{%- endfor %}
};
{%- if by_element.classes %}
const unsigned short classes[] = { {{- by_element.classes | join(", ") -}} };
{%- endif %}

int64_t quantize(wide whole, uint64_t at) {
{%- if by_element.classes %}
    const Quantized format = quantized[classes[at]];
{%- else %}
    (void)at;
    const Quantized format = quantized[0];
{%- endif %}
    if (!format.live) return 0;
    const wide one = wide(1) << format.bits;
    const wide rest = modulo(whole, one), below = (whole - rest) / one;
    const bool up = {{ by_element.rounds_up }};
    const wide size = wide(format.highest) - format.lowest + 1;
    return int64_t((modulo(below + (up ? 1 : 0) - format.lowest, size) + format.lowest) * one);
}
{% endif %}
// The mantissa of x, value number `at` of an event.
int64_t to_mantissa(float x, uint64_t at) {
    (void)at;
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint32_t exponent = (bits >> 23) & 0xff;
    if (exponent == 0 || exponent == 0xff) return 0;
    double scaled = double(x) * {{ input_scale }};
{%- if input.width <= 53 %}
    // Nearly all values of nearly all data are on the grid and in range.
    if (scaled >= double(lowest) && scaled <= double(highest)) {
        const int64_t whole = int64_t(scaled);
        if (double(whole) == scaled) return whole;
    }
{%- endif %}
    // Far beyond any format the lower bits are zero.
    if (scaled > 1e36) scaled = 1e36;
    if (scaled < -1e36) scaled = -1e36;
{%- if adds_half is not none %}
    // Keras adds one half in float32: the last number before one half makes 1 with it, as one half does.
    if ({{ adds_half }}(bits & 0x7fffff) == 0x7fffff && double(wide(scaled)) != scaled) {
        const uint32_t next_bits = bits + 1;
        float next;
        memcpy(&next, &next_bits, sizeof next);
        const double next_scaled = double(next) * {{ input_scale }};
        if (next_scaled <= double(highest) && next_scaled >= -double(highest)) scaled = next_scaled;
    }
{%- endif %}
    wide whole = wide(scaled);
    if (double(whole) > scaled) --whole;
{%- if odd %}
    // What lies between two points stays between them.
    if (double(whole) != scaled) whole |= 1;
{%- endif %}
    if (whole >= lowest && whole <= highest) return int64_t(whole);
{%- if by_element %}
    return quantize(whole, at);
{%- elif wraps %}
    return int64_t(modulo(whole - lowest, wide(highest) - lowest + 1) + lowest);
{%- else %}
    return whole < lowest ? lowest : highest;
{%- endif %}
}

float to_float(int64_t mantissa) { return float(double(mantissa) * {{ output_scale }}); }

// Events as floats or as mantissas: the other pointers are null.
struct Share {
    const float* floats;
    const int64_t* mantissas;
    float* to_floats;
    int64_t* to_mantissas;
    uint64_t events;
    int32_t status;
};

int32_t compute(Share& share, uint64_t first, uint64_t events, long long* in, long long* out) {
    for (uint64_t i = 0; i < events * inputs; ++i) {
        const uint64_t at = first * inputs + i;
        in[i] = share.floats ? to_mantissa(share.floats[at], i % inputs) : share.mantissas[at];
    }
    if (SPARSEHLS_SYMBOL(in, out, events) != 0) return SPARSEHLS_NO_MEMORY;
    for (uint64_t i = 0; i < events * outputs; ++i) {
        const uint64_t at = first * outputs + i;
        if (share.to_floats) {
            share.to_floats[at] = to_float(out[i]);
        } else {
            share.to_mantissas[at] = out[i];
        }
    }
    return SPARSEHLS_OK;
}

void* run(void* argument) {
    Share& share = *static_cast<Share*>(argument);
    const uint64_t widest = inputs > outputs ? inputs : outputs;
    uint64_t chunk = chunk_values / widest + 1;
    if (chunk > share.events) chunk = share.events;
    long long* const in = static_cast<long long*>(malloc(size_t(chunk * inputs) * sizeof(long long)));
    long long* const out = static_cast<long long*>(malloc(size_t(chunk * outputs) * sizeof(long long)));
    share.status = in && out ? SPARSEHLS_OK : SPARSEHLS_NO_MEMORY;
    for (uint64_t first = 0; share.status == SPARSEHLS_OK && first < share.events; first += chunk) {
        share.status = compute(share, first, chunk < share.events - first ? chunk : share.events - first, in, out);
    }
    free(in);
    free(out);
    return 0;
}

int32_t check(const void* input, const void* output, uint64_t events) {
    if (events == 0) return SPARSEHLS_OK;
    if (!input || !output) return SPARSEHLS_NULL_POINTER;
    const uint64_t widest = inputs > outputs ? inputs : outputs;
    return events > SIZE_MAX / sizeof(long long) / widest ? SPARSEHLS_TOO_MANY_EVENTS : SPARSEHLS_OK;
}

// The cores that this process may use, which on a shared machine are not all.
uint64_t cores() {
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return uint64_t(CPU_COUNT(&set));
#endif
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? uint64_t(online) : 1;
}

uint64_t thread_count(uint32_t threads, uint64_t events) {
    const uint64_t count = threads > 0 ? threads : cores();
    const uint64_t most = events < most_threads ? events : most_threads;
    return count < most ? count : most;
}

struct Worker {
    pthread_t thread;
    bool started;
    Share share;
};

// Whether a thread of its own has begun to compute the share.
bool start(Worker& worker) {
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return false;
    const bool started = pthread_attr_setstacksize(&attributes, stack) == 0 &&
                         pthread_create(&worker.thread, &attributes, run, &worker.share) == 0;
    pthread_attr_destroy(&attributes);
    return started;
}

// A share of `whole`, which may not be empty.
Share part(const Share& whole, uint64_t first, uint64_t events) {
    Share share = whole;
    if (share.floats) share.floats += first * inputs;
    if (share.mantissas) share.mantissas += first * inputs;
    if (share.to_floats) share.to_floats += first * outputs;
    if (share.to_mantissas) share.to_mantissas += first * outputs;
    share.events = events;
    return share;
}

int32_t run_all(Share whole, uint32_t threads) {
    const uint64_t count = thread_count(threads, whole.events);
    if (count <= 1) {
        if (whole.events > 0) run(&whole);
        return whole.status;
    }
    Worker* const workers = static_cast<Worker*>(calloc(size_t(count), sizeof(Worker)));
    if (!workers) return SPARSEHLS_NO_MEMORY;
    const uint64_t each = whole.events / count, more = whole.events % count;
    uint64_t first = 0;
    for (uint64_t i = 0; i < count; ++i) {
        const uint64_t events = each + (i < more ? 1 : 0);
        workers[i].share = part(whole, first, events);
        first += events;
        // The last share is the caller's, and so is what the system gives no thread for.
        workers[i].started = i + 1 < count && start(workers[i]);
        if (!workers[i].started) run(&workers[i].share);
    }
    int32_t status = SPARSEHLS_OK;
    for (uint64_t i = 0; i < count; ++i) {
        if (workers[i].started) pthread_join(workers[i].thread, 0);
        if (workers[i].share.status != SPARSEHLS_OK) status = workers[i].share.status;
    }
    free(workers);
    return status;
}

}  // namespace

uint32_t {{ name }}_abi_version(void) { return SPARSEHLS_ABI_VERSION; }
uint32_t {{ name }}_input_rank(void) { return sizeof input_shape / sizeof input_shape[0]; }
const uint64_t* {{ name }}_input_shape(void) { return input_shape; }
uint32_t {{ name }}_output_rank(void) { return sizeof output_shape / sizeof output_shape[0]; }
const uint64_t* {{ name }}_output_shape(void) { return output_shape; }
uint64_t {{ name }}_inputs(void) { return inputs; }
uint64_t {{ name }}_outputs(void) { return outputs; }
const sparsehls_format* {{ name }}_input_format(void) { return &input_format; }
const sparsehls_format* {{ name }}_output_format(void) { return &output_format; }
double {{ name }}_tolerance(void) { return {{ tolerance }}; }

int32_t {{ name }}_predict(const float* input, float* output, uint64_t events, uint32_t threads) {
    const int32_t status = check(input, output, events);
    const Share whole = {input, 0, output, 0, events, SPARSEHLS_OK};
    return status == SPARSEHLS_OK ? run_all(whole, threads) : status;
}

int32_t {{ name }}_predict_mantissas(const int64_t* input, int64_t* output, uint64_t events, uint32_t threads) {
    const int32_t status = check(input, output, events);
    const Share whole = {0, input, 0, output, events, SPARSEHLS_OK};
    return status == SPARSEHLS_OK ? run_all(whole, threads) : status;
}

int32_t {{ name }}_to_mantissas(const float* input, int64_t* mantissas, uint64_t events) {
    const int32_t status = check(input, mantissas, events);
    if (status != SPARSEHLS_OK) return status;
    for (uint64_t i = 0; i < events * inputs; ++i) mantissas[i] = to_mantissa(input[i], i % inputs);
    return status;
}

int32_t {{ name }}_to_floats(const int64_t* mantissas, float* output, uint64_t events) {
    const int32_t status = check(mantissas, output, events);
    if (status != SPARSEHLS_OK) return status;
    for (uint64_t i = 0; i < events * outputs; ++i) output[i] = to_float(mantissas[i]);
    return status;
}
