// {{ made_by }}
//
// The arrays of {{ name }} are local, as hardware wants them, and do not fit on a usual stack. So the simulation runs in a
// thread with a stack of {{ stack }} bytes, of which the machine gives as much as is used.

#ifndef {{ guard }}_STACK_H_
#define {{ guard }}_STACK_H_

#include <pthread.h>

// Whether there was memory for that, and the function has run.
static inline bool on_large_stack(void* (*function)(void*), void* argument) {
    pthread_attr_t attributes;
    pthread_t thread;
    if (pthread_attr_init(&attributes) != 0) return false;
    const bool has_run = pthread_attr_setstacksize(&attributes, {{ stack }}) == 0 &&
                         pthread_create(&thread, &attributes, function, argument) == 0 && pthread_join(thread, 0) == 0;
    pthread_attr_destroy(&attributes);
    return has_run;
}

#endif
