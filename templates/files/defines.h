// {{ made_by }}
//
// Every type of the network. A value is mantissa * 2^-fraction; ap_fixed<W, I> has W bits, W - I of them behind the
// binary point. Each type is the narrowest that holds every mantissa that can occur, given after it.

#ifndef {{ guard }}_DEFINES_H_
#define {{ guard }}_DEFINES_H_

{% if ports.widest and ports.widest > 1024 -%}
// The vendor's types have up to 1024 bits unless more are asked for.
#ifndef AP_INT_MAX_W
#define AP_INT_MAX_W 4096
#endif
{% endif -%}
{% if ports.header == "axi_stream.h" -%}
#include "ap_axi_sdata.h"
{% endif -%}
#include "ap_fixed.h"
#include "ap_int.h"
{%- if ports.header == "axi_stream.h" %}
#include "hls_stream.h"
{%- endif %}

typedef {{ input.type }} input_t;  // {{ input.shape }}
{% for layer in layers %}
// {{ layer.title }}
typedef {{ layer.type }} {{ layer.id }}_t;  // {{ layer.range }}
{%- if layer.hash_type %}
typedef {{ layer.hash_type }} {{ layer.id }}_hash_t;
{%- endif %}
{%- endfor %}

typedef {{ layers[-1].id }}_t output_t;
{%- if ports.types %}

// The ports.
{%- for type in ports.types %}
{{ type }}
{%- endfor %}
{%- endif %}

#endif
