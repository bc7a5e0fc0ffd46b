// {{ made_by }}

#ifndef {{ guard }}_H_
#define {{ guard }}_H_

#include "defines.h"

// {{ summary }}
void {{ name }}(const input_t input{% if input.row %}[{{ input.size // input.row }}][{{ input.row }}]{% else %}[{{ input.size }}]{% endif %}, output_t output[{{ layers[-1].size }}]);

#endif
