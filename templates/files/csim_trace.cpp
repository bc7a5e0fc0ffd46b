// {{ made_by }}
//
// The calls of firmware/{{ name }}.cpp, one event, every value on the way: reads the mantissas of an event as text and
// prints for each layer a line with its mantissas and, if it is sparse, a line with its hash.

#include <cstdio>
{%- if stack %}

#include "csim/stack.h"
{%- endif %}

#include "firmware/parameters.h"

#pragma GCC diagnostic ignored "-Wunused-label"

// A mantissa as a number, with its sign if the type has one.
template <int W, int I>
static long long number(const ap_fixed<W, I>& x) {
    return sparsehls::mantissa(x).to_int64();
}

template <int W, int I>
static long long number(const ap_ufixed<W, I>& x) {
    return sparsehls::mantissa(x).to_int64();
}

template <int W>
static long long number(const ap_uint<W>& x) {
    return x.to_int64();
}

template <class T>
static void print(const T* values, int count) {
    for (int i = 0; i < count; ++i) std::printf("%lld ", number(values[i]));
    std::printf("\n");
}

static int trace() {
    static input_t x_in{% if input.row %}[{{ input.size // input.row }}][{{ input.row }}]{% else %}[{{ input.size }}]{% endif %};
    for (int i = 0; i < {{ input.size }}; ++i) {
        long long mantissa = 0;
        if (std::scanf("%lld", &mantissa) != 1) return 1;
        x_in{% if input.row %}[i / {{ input.row }}][i % {{ input.row }}]{% else %}[i]{% endif %}.range(input_t::width - 1, 0) = ap_uint<input_t::width>(mantissa);
    }
{%- for layer in traced %}
{%- if not layer.lines %}
    std::printf("-\n");  // {{ layer.id }} has no values of its own
{%- else %}
{%- for array in layer.writes %}
    static {{ array[0] }} {{ array[1] }}[{{ array[2] }}];
{%- endfor %}
    {
{%- for line in layer.lines %}
{{ line }}
{%- endfor %}
    }
{%- for array in layer.writes %}
    ::print({{ array[1] }}, {{ array[2] }});
{%- endfor %}
{%- endif %}
{%- endfor %}
    return 0;
}
{%- if stack %}

static void* run_trace(void* result) {
    *static_cast<int*>(result) = trace();
    return 0;
}
{%- endif %}

int main() {
{%- if stack %}
    int result = 1;
    if (!on_large_stack(run_trace, &result)) std::fprintf(stderr, "{{ name }}: there is no memory for the stack of the simulation\n");
    return result;
{%- else %}
    return trace();
{%- endif %}
}
