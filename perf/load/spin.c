/* Keeps a core awake: an idle server's wake-ups would count as its work. */
#include <signal.h>
#include <sys/prctl.h>

int main(void) {
    volatile unsigned long turns = 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;)
        turns++;
}
