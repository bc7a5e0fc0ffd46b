/* {{ made_by }}
 *
 * {{ summary }}
 *
 * The library lib{{ name }} computes the network on this machine, bit for bit as the FPGA does. It has no state: every
 * function may be called from many threads at once. No function ends the program because of what it is given.
 *
 * An event is {{ inputs }} values in and {{ outputs }} out, row-major; events stand one after another.
 */
#ifndef {{ guard }}_LIBRARY_H_
#define {{ guard }}_LIBRARY_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef SPARSEHLS_ABI_VERSION
/* Changes if a function below does; {{ name }}_abi_version says which one a library has. */
#define SPARSEHLS_ABI_VERSION {{ abi }}

/* What the functions that compute return. */
enum sparsehls_status {
    SPARSEHLS_OK = 0,
    /* An array is a null pointer, and there are events. */
    SPARSEHLS_NULL_POINTER = 1,
    /* So many events are in no memory. */
    SPARSEHLS_TOO_MANY_EVENTS = 2,
    /* There is no memory to compute in; the results are not complete. */
    SPARSEHLS_NO_MEMORY = 3
};

/* A fixed-point format: a value is mantissa * 2^-fraction. */
struct sparsehls_format {
    /* 1 if the mantissa has a sign, or 0. */
    int32_t is_signed;
    /* Bits, with the sign. */
    int32_t width;
    /* Bits behind the binary point; may be negative, or more than there are bits. */
    int32_t fraction;
};
#elif SPARSEHLS_ABI_VERSION != {{ abi }}
#error "the libraries of this program are of different versions of cargo-sparsehls; build them again"
#endif

/* SPARSEHLS_ABI_VERSION of the library. */
uint32_t {{ name }}_abi_version(void);

/* Dimensions of an event, and of its result: how many, and which. */
uint32_t {{ name }}_input_rank(void);
const uint64_t* {{ name }}_input_shape(void);
uint32_t {{ name }}_output_rank(void);
const uint64_t* {{ name }}_output_shape(void);

/* Values of an event, and of its result: the products of those. */
uint64_t {{ name }}_inputs(void);
uint64_t {{ name }}_outputs(void);

/* The formats of these values. */
const struct sparsehls_format* {{ name }}_input_format(void);
const struct sparsehls_format* {{ name }}_output_format(void);

/* How far a result may be from that of Keras: 0 unless the network ends in a float function. */
double {{ name }}_tolerance(void);

/* Computes the results of events. A float that is not on the input grid is {{ rest }}, then {{ overflow }}; NaN,
 * infinities and subnormal numbers are taken as 0. They are computed in as many threads as given, 0 for one for each core;
 * the results do not depend on that. The arrays may not overlap. */
int32_t {{ name }}_predict(const float* input, float* output, uint64_t events, uint32_t threads);

/* The same for mantissas. Only the lowest {{ input.width }} bits of an input count. */
int32_t {{ name }}_predict_mantissas(const int64_t* input, int64_t* output, uint64_t events, uint32_t threads);

/* The mantissas of the inputs of events, and the numbers that mantissas of results stand for. */
int32_t {{ name }}_to_mantissas(const float* input, int64_t* mantissas, uint64_t events);
int32_t {{ name }}_to_floats(const int64_t* mantissas, float* output, uint64_t events);

#ifdef __cplusplus
}
#endif

#endif
