/* Holds a pod's namespaces and does nothing else: the pods' first container in the lab.
 *
 * As a pid namespace's first process it must ask for the signals that shall end it, and
 * collect the processes that lost their parent.
 */
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>

int main(void)
{
    sigset_t awaited;
    int number;

    if (sigemptyset(&awaited) || sigaddset(&awaited, SIGCHLD) || sigaddset(&awaited, SIGINT) ||
        sigaddset(&awaited, SIGTERM) || sigprocmask(SIG_BLOCK, &awaited, NULL))
        return 1;
    while (sigwait(&awaited, &number) == 0) {
        if (number != SIGCHLD)
            return 0;
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
    }
    return 1;
}
