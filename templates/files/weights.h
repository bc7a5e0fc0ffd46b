// {{ made_by }}
//
// {{ title }}
// {{ note }}

#ifndef {{ guard }}_{{ name | upper }}_H_
#define {{ guard }}_{{ name | upper }}_H_

static const {{ type }} {{ name }}[{{ values | length }}] = {
{%- for row in values | batch(columns) %}
    {{ row | join(", ") }}{% if not loop.last %},{% endif %}
{%- endfor %}
};

#endif
