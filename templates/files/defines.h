// {{ made_by }}
//
// Every type of the network. A value is mantissa * 2^-fraction; ap_fixed<W, I> has W bits, W - I of them behind the
// binary point. Each type is the narrowest that holds every mantissa that can occur, given after it.

#ifndef {{ guard }}_DEFINES_H_
#define {{ guard }}_DEFINES_H_

#include "ap_fixed.h"
#include "ap_int.h"

typedef {{ input.type }} input_t;  // {{ input.shape }}
{% for layer in layers %}
// {{ layer.title }}
typedef {{ layer.type }} {{ layer.id }}_t;  // {{ layer.range }}
{%- if layer.hash_type %}
typedef {{ layer.hash_type }} {{ layer.id }}_hash_t;
{%- endif %}
{%- endfor %}

typedef {{ layers[-1].id }}_t output_t;

#endif
