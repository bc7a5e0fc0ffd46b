// {{ made_by }}
//
// The simulation seen from outside of C++: events as mantissas, one 64-bit integer for each value.
//
// The model is included, in a namespace without a name: several simulations may end up in one program, and each has a
// conv1_config of its own. The linker would take one of them for all.

{% if stack %}#include <cstdlib>

#include "csim/stack.h"
{% endif -%}
{% if ports.widest and ports.widest > 1024 %}#define AP_INT_MAX_W 4096
{% endif -%}
{% if ports.header == "axi_stream.h" %}#include "ap_axi_sdata.h"
{% endif -%}
#include "ap_fixed.h"
#include "ap_int.h"
#include "hls_stream.h"

// A static library gives the function a name that no other has. It returns 0, or 1 if there is no memory for its stack.
#ifndef SPARSEHLS_SYMBOL
#define SPARSEHLS_SYMBOL {{ symbol }}
#endif

namespace {
#include "firmware/{{ name }}.cpp"
}  // namespace
{% if stack %}
static void compute(const long long* input, long long* output, unsigned long long events) {
{%- else %}
extern "C" int SPARSEHLS_SYMBOL(const long long* input, long long* output, unsigned long long events) {
{%- endif %}
    for (unsigned long long event = 0; event < events; ++event) {
        {{ ports.bench.input }};
{%- if ports.bench.words > 1 %}
        for (int word = 0; word < {{ ports.bench.words }}; ++word) {
            for (int i = 0; i < {{ ports.bench.per_word }}; ++i) {
                {{ ports.bench.put }} =
                    ap_uint<input_t::width>(input[event * {{ input.size }} + word * {{ ports.bench.per_word }} + i]);
            }
        }
{%- else %}
        for (int i = 0; i < {{ input.size }}; ++i) {
            {{ ports.bench.put }} = ap_uint<input_t::width>(input[event * {{ input.size }} + i]);
        }
{%- endif %}
{%- for line in ports.bench.finish %}
        {{ line }}
{%- endfor %}
        {{ ports.bench.output }};
        ::{{ name }}({{ ports.bench.argument }}, out);
{%- for line in ports.bench.begin %}
        {{ line }}
{%- endfor %}
        for (int i = 0; i < {{ layers[-1].size }}; ++i) {
            const {{ "ap_int" if output.signed else "ap_uint" }}<output_t::width> bits = {{ ports.bench.get }};
            output[event * {{ layers[-1].size }} + i] = bits.to_int64();
        }
    }
{%- if not stack %}
    return 0;
{%- endif %}
}
{%- if stack %}

namespace {
struct Call {
    const long long* input;
    long long* output;
    unsigned long long events;
};
}  // namespace

static void* compute_call(void* argument) {
    const Call* const call = static_cast<const Call*>(argument);
    compute(call->input, call->output, call->events);
    return 0;
}

extern "C" int SPARSEHLS_SYMBOL(const long long* input, long long* output, unsigned long long events) {
    Call call = {input, output, events};
    const bool has_run = on_large_stack(compute_call, &call);
#ifdef SPARSEHLS_ABORT
    // The functions of the Rust bindings give results and nothing else.
    if (!has_run) std::abort();
#endif
    return has_run ? 0 : 1;
}
{%- endif %}
