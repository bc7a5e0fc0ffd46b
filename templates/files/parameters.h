// {{ made_by }}
//
// What each layer is: one struct for each, with its sizes, its internal types and its constants.

#ifndef {{ guard }}_PARAMETERS_H_
#define {{ guard }}_PARAMETERS_H_

#include "defines.h"
#include "kernels/handover.h"
{% for kernel in kernels %}#include "kernels/{{ kernel }}"
{% endfor -%}
{% for weights in weights %}#include "weights/{{ weights }}.h"
{% endfor -%}
{% for layer in layers %}
// {{ layer.title }}
{%- for line in layer.notes %}
// {{ line }}
{%- endfor %}
{%- if layer.quotient %}
struct {{ layer.id }}_quotient_config {
    // The mean is the sum / {{ layer.quotient.divisor }}, in {{ layer.quotient.type }} with a last bit for what is left.
{%- for constant in layer.quotient.constants %}
    static const {{ constant.type }} {{ constant.name }} = {{ constant.value }};
{%- endfor %}
{%- for type in layer.quotient.types %}
    typedef {{ type.type }} {{ type.name }};
{%- endfor %}
};
{%- endif %}
{%- if layer.casts or not layer.absorbed %}
struct {{ layer.id }}_config {
{%- for constant in layer.constants %}
    static const {{ constant.type }} {{ constant.name }} = {{ constant.value }};
{%- endfor %}
{%- for type in layer.types %}
    typedef {{ type.type }} {{ type.name }};
{%- endfor %}
{%- if layer.active %}
    static bool is_active(const ::{{ layer.from }}& x) { return sparsehls::mantissa(x) {{ layer.active }}; }
{%- endif %}
{%- if layer.format_of %}
{%- if layer.sparse %}
    // The format of the pixel at this 1-based position.
{%- if layer.format_of == "one" %}
    template <class H>
    static format_t format(const H&, const H&, int) { return 0; }
{%- elif layer.format_of == "channel" %}
    template <class H>
    static format_t format(const H&, const H&, int channel) { return {{ layer.id }}_table[channel]; }
{%- else %}
    template <class H>
    static format_t format(const H& row, const H& column, int channel) {
#pragma HLS INLINE
        return {{ layer.id }}_table[((row - 1) * {{ layer.width }} + column - 1) * {{ layer.channels }} + channel];
    }
{%- endif %}
{%- elif layer.format_of == "one" %}
    static format_t format(int) { return 0; }
{%- else %}
    static format_t format(int index) {
#pragma HLS INLINE
        return {{ layer.id }}_table[index];
    }
{%- endif %}
{%- endif %}
{%- if layer.casts %}
{%- set source = "q" if layer.quotient else "x" %}
    static ::{{ layer.id }}_t quantize(const format_t&{% if layer.casts | length > 1 %} format{% endif %}, const ::{{ layer.from }}&{% if layer.reads %} x{% endif %}) {
#pragma HLS INLINE
{%- if layer.quotient and layer.reads %}
        const ::{{ layer.id }}_quotient_config::quotient_t q = sparsehls::exact_quotient< ::{{ layer.id }}_quotient_config>(x);
{%- endif %}
{%- if layer.casts | length == 1 %}
        return ::{{ layer.id }}_t({% if layer.casts[0] %}{{ layer.casts[0] }}({{ source }}){% else %}0{% endif %});
{%- elif layer.masks %}
        // Of each format half of its last bit, the bits that it keeps, and its sign.
        typedef {{ layer.masks.type }} sum_t;
        sum_t half = 0, keep = 0, sign = 0;
        switch (int(format)) {
{%- for mask in layer.masks.formats %}
{%- if mask.keep %}
        case {{ loop.index0 }}:
{%- if mask.half %} half = {{ mask.half }}LL;{% endif %} keep = {{ mask.keep }}LL;
{%- if mask.sign %} sign = {{ mask.sign }}LL;{% endif %} break;
{%- endif %}
{%- endfor %}
        default: break;
        }
        return sparsehls::add_and_mask< ::{{ layer.id }}_t, {{ layer.masks.left }}, {{ layer.masks.right }}>({{ source }}, half, keep, sign);
{%- else %}
        switch (int(format)) {
{%- for cast in layer.casts %}
        case {{ loop.index0 }}: return ::{{ layer.id }}_t({% if cast %}{{ cast }}({{ source }}){% else %}0{% endif %});
{%- endfor %}
        default: return ::{{ layer.id }}_t(0);
        }
{%- endif %}
    }
{%- endif %}
};
{%- endif %}
{% endfor %}
#endif
