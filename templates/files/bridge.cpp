// {{ made_by }}
//
// The simulation seen from outside of C++: events as mantissas, one 64-bit integer for each value.
//
// The model is included, in a namespace without a name: several simulations may end up in one program, and each has a
// conv1_config of its own. The linker would take one of them for all.

{% if stack %}#include "csim/stack.h"
{% endif -%}
#include "ap_fixed.h"
#include "ap_int.h"
#include "hls_stream.h"

// A static library gives the function a name that no other has.
#ifndef SPARSEHLS_SYMBOL
#define SPARSEHLS_SYMBOL {{ symbol }}
#endif

namespace {
#include "firmware/{{ name }}.cpp"
}  // namespace
{% if stack %}
static void compute(const long long* input, long long* output, unsigned long long events) {
{%- else %}
extern "C" void SPARSEHLS_SYMBOL(const long long* input, long long* output, unsigned long long events) {
{%- endif %}
    for (unsigned long long event = 0; event < events; ++event) {
        input_t in{% if input.row %}[{{ input.size // input.row }}][{{ input.row }}]{% else %}[{{ input.size }}]{% endif %};
        output_t out[{{ layers[-1].size }}];
        for (int i = 0; i < {{ input.size }}; ++i) {
            in{% if input.row %}[i / {{ input.row }}][i % {{ input.row }}]{% else %}[i]{% endif %}.range(input_t::width - 1, 0) = ap_uint<input_t::width>(input[event * {{ input.size }} + i]);
        }
        ::{{ name }}(in, out);
        for (int i = 0; i < {{ layers[-1].size }}; ++i) {
            const {{ "ap_int" if output.signed else "ap_uint" }}<output_t::width> bits = out[i].range(output_t::width - 1, 0);
            output[event * {{ layers[-1].size }} + i] = bits.to_int64();
        }
    }
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

extern "C" void SPARSEHLS_SYMBOL(const long long* input, long long* output, unsigned long long events) {
    Call call = {input, output, events};
    on_large_stack(compute_call, &call);
}
{%- endif %}
