/* One message parsed again and again, and what each time took. */
#ifndef REPEAT_H
#define REPEAT_H
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline double spent(void) {
    struct timespec at;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return (double)at.tv_sec * 1e6 + (double)at.tv_nsec / 1e3;
}

/* Arguments: FILE TIMES.  Every parse must succeed: one that gives up early is quick. */
static inline int repeat(int (*parse)(const char *, size_t), int count, char **values) {
    static char text[65536];
    FILE *file = count == 3 ? fopen(values[1], "rb") : NULL;
    if (!file)
        return 2;
    size_t size = fread(text, 1, sizeof text, file);
    long times = atol(values[2]);
    double began = spent();
    for (long i = 0; i < times; i++)
        if (!parse(text, size)) {
            fputs("the message was not parsed\n", stderr);
            return 1;
        }
    printf("%.6f\n", (spent() - began) / (double)times);
    return 0;
}
#endif
