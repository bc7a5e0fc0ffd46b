// {{ made_by }}
//
// {{ title }}
// {{ note }}

#ifndef {{ guard }}_{{ name | upper }}_H_
#define {{ guard }}_{{ name | upper }}_H_

static const {{ type }} {{ name }}{{ dims }} = {
{%- for line in lines %}
{{ line }}
{%- endfor %}
};

#endif
