// {{ made_by }}

#ifndef {{ guard }}_H_
#define {{ guard }}_H_

#include "defines.h"

// {{ summary }}
void {{ name }}({{ ports.input }}, {{ ports.output }});

#endif
