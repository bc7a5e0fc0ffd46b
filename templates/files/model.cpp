// {{ made_by }}
//
// {{ summary }}

#include "{{ name }}.h"

#include "parameters.h"
{%- macro declare(array) %}
    {{ array.type }} {{ array.name }}[{{ array.size }}];
#pragma HLS ARRAY_PARTITION variable={{ array.name }} complete
{%- endmacro %}
{%- macro call(layer) %}
    // {{ layer.title }}
    // {{ layer.shape }}, {{ layer.type }}
    sparsehls::{{ layer.kernel }}<{{ layer.id }}_config>({{ layer.arguments | join(", ") }});
{%- endmacro %}
{%- set top %}{{ name }}(const input_t input{% if input.row %}[{{ input.size // input.row }}][{{ input.row }}]{% else %}[{{ input.size }}]{% endif %}, output_t output[{{ layers[-1].size }}]){% endset %}
{%- if processes | length > 1 %}
{%- for process in processes %}

{% if process.steps == 1 -%}
// A pipeline that takes an event in {{ interval }} cycle{{ "s" if interval != 1 }}.
{%- else -%}
// A loop of {{ process.steps }} steps for an event.
{%- endif %}
static void {{ process.name }}(
{%- if loop.first -%}
const input_t input{% if input.row %}[{{ input.size // input.row }}][{{ input.row }}]{% else %}[{{ input.size }}]{% endif %}
{%- else -%}
{% for array in process.takes %}const {{ array.type }} {{ array.name }}[{{ array.size }}]{% if not loop.last %}, {% endif %}{% endfor %}
{%- endif %}
{%- for array in process.gives %}, {{ array.type }} {{ array.name }}[{{ array.size }}]{% endfor %}) {
#pragma HLS INLINE off
{%- if process.steps == 1 %}
#pragma HLS PIPELINE II={{ interval }}
{%- endif %}
{%- for array in process.inner %}{{ declare(array) }}{% endfor %}
{%- for at in process.layers %}{{ call(layers[at]) }}{% endfor %}
}
{%- endfor %}
{%- endif %}

void {{ top }} {
{%- if input.row %}
// A row a cycle: {{ input.size // input.row }} words of {{ input.row }} values, read once and in order.
#pragma HLS ARRAY_RESHAPE variable=input complete dim=2
#pragma HLS ARRAY_PARTITION variable=output complete
#pragma HLS INTERFACE ap_fifo port=input
#pragma HLS INTERFACE ap_vld port=output
{%- else %}
#pragma HLS ARRAY_PARTITION variable=input complete
#pragma HLS ARRAY_PARTITION variable=output complete
#pragma HLS INTERFACE ap_vld port=input,output
{%- endif %}
{%- if processes | length == 1 %}
{%- if processes[0].steps == 1 %}
#pragma HLS PIPELINE II=1
{%- endif %}
{%- for array in processes[0].inner %}{{ declare(array) }}{% endfor %}
{%- for at in processes[0].layers %}{{ call(layers[at]) }}{% endfor %}
{%- else %}
#pragma HLS DATAFLOW
{%- for process in processes %}
{%- if not loop.last %}
{%- for array in process.gives %}{{ declare(array) }}{% endfor %}
{%- endif %}
    {{ process.name }}(
    {%- if loop.first %}input{% else %}{% for array in process.takes %}{{ array.name }}{% if not loop.last %}, {% endif %}{% endfor %}{% endif %}
    {%- for array in process.gives %}, {{ array.name }}{% endfor %});
{%- endfor %}
{%- endif %}
}
