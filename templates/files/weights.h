// {{ made_by }}
//
// {{ title }}
// {{ note }}

#ifndef {{ guard }}_{{ name | upper }}_H_
#define {{ guard }}_{{ name | upper }}_H_

{% if row -%}
static const {{ type }} {{ name }}[{{ (values | length) // row }}][{{ row }}] = {
{%- for values in values | batch(row) %}
{%- if row <= columns %}
    { {{- values | join(", ") -}} }{% if not loop.last %},{% endif %}
{%- else %}
    {
{%- for line in values | batch(columns) %}
        {{ line | join(", ") }}{% if not loop.last %},{% endif %}
{%- endfor %}
    }{% if not loop.last %},{% endif %}
{%- endif %}
{%- endfor %}
};
{%- else -%}
static const {{ type }} {{ name }}[{{ values | length }}] = {
{%- for line in values | batch(columns) %}
    {{ line | join(", ") }}{% if not loop.last %},{% endif %}
{%- endfor %}
};
{%- endif %}

#endif
