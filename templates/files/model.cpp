// {{ made_by }}
//
// {{ summary }}

#include "{{ name }}.h"

#include "parameters.h"

// Loops have labels, by which reports call them.
#pragma GCC diagnostic ignored "-Wunused-label"
{%- if processes | length > 1 %}
{%- for process in processes %}

{% if process.steps == 1 -%}
// A pipeline that takes an event in {{ interval }} cycle{{ "s" if interval != 1 }}.
{%- else -%}
// A loop of {{ process.steps }} steps for an event.
{%- endif %}
static void {{ process.name }}({{ process.parameters | join(", ") }}) {
#pragma HLS INLINE off
{%- if process.steps == 1 %}
#pragma HLS PIPELINE II={{ interval }}
{%- endif %}
{%- for line in process.lines %}
{{ line }}
{%- endfor %}
}
{%- endfor %}
{%- endif %}

void {{ name }}({{ ports.input }}, {{ ports.output }}) {
{%- for pragma in ports.pragmas %}
#pragma HLS {{ pragma }}
{%- endfor %}
{%- if processes | length == 1 %}
{%- if processes[0].steps == 1 %}
#pragma HLS PIPELINE II=1
{%- endif %}
{%- for line in processes[0].lines %}
{{ line }}
{%- endfor %}
{%- else %}
#pragma HLS DATAFLOW
{%- for process in processes %}
{%- for stream in process.streams %}
    {{ stream }}
{%- endfor %}
    {{ process.name }}({{ process.arguments | join(", ") }});
{%- endfor %}
{%- endif %}
}
