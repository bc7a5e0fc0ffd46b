// {{ made_by }}
//
// {{ summary }}

#include "{{ name }}.h"

#include "parameters.h"

void {{ name }}(const input_t input[{{ input.size }}], output_t output[{{ layers[-1].size }}]) {
#pragma HLS ARRAY_PARTITION variable=input complete
#pragma HLS ARRAY_PARTITION variable=output complete
#pragma HLS INTERFACE ap_vld port=input,output
{%- if pipeline == "dataflow" %}
#pragma HLS DATAFLOW
{%- else %}
#pragma HLS PIPELINE
{%- endif %}
{% for layer in layers %}
    // {{ layer.title }}
    // {{ layer.shape }}, {{ layer.type }}
{%- if not loop.last %}
    {{ layer.id }}_t {{ layer.id }}[{{ layer.size }}];
#pragma HLS ARRAY_PARTITION variable={{ layer.id }} complete
{%- if layer.hash_type %}
    {{ layer.id }}_hash_t {{ layer.id }}_hash[{{ layer.hash_size }}];
#pragma HLS ARRAY_PARTITION variable={{ layer.id }}_hash complete
{%- endif %}
{%- endif %}
    sparsehls::{{ layer.kernel }}<{{ layer.id }}_config>({{ layer.arguments | join(", ") }});
{% endfor -%}
}
