// {{ made_by }}

#ifndef {{ guard }}_H_
#define {{ guard }}_H_

#include "defines.h"

// {{ summary }}
void {{ name }}(const input_t input[{{ input.size }}], output_t output[{{ layers[-1].size }}]);

#endif
