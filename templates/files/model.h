// {{ made_by }}

#ifndef {{ guard }}_H_
#define {{ guard }}_H_

#include "defines.h"

// {{ summary }}
//
{%- for line in ports.order %}
// {{ line }}
{%- endfor %}
void {{ name }}({{ ports.input }}, {{ ports.output }});

#endif
