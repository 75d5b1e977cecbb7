/* One TCP stream between two network namespaces.
 *
 * stream CLIENT_NETNS SERVER_NETNS ADDRESS PORT MILLISECONDS
 *
 * Client and server have a processor each where there are two. Prints MiB/s of what the server has
 * received; the first fifth of the time warms up and does not count.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 1 << 17 };

static void die(const char *what) {
    fprintf(stderr, "stream: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void enter(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWNET) < 0) die(path);
    close(fd);
}

static void pin(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof set, &set); /* a machine of one processor has no second */
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double receive(int fd, double seconds, char *buffer) {
    double begin = now(), counted_from = 0;
    uint64_t bytes = 0;
    for (;;) {
        ssize_t n = recv(fd, buffer, PIECE, 0);
        if (n <= 0) die("recv");
        double at = now();
        if (!counted_from && at - begin > seconds / 5) counted_from = at;
        else if (counted_from) bytes += (uint64_t)n;
        if (at - begin > seconds) return (double)bytes / (at - counted_from) / (1 << 20);
    }
}

int main(int argc, char **argv) {
    if (argc != 6) return fprintf(stderr, "usage: stream CLIENT_NETNS SERVER_NETNS ADDRESS PORT MILLISECONDS\n"), 2;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtol(argv[4], NULL, 10))};
    double seconds = (double)strtol(argv[5], NULL, 10) / 1000;
    char *buffer = calloc(1, PIECE);
    int ready[2], one = 1;
    if (seconds <= 0 || !buffer || inet_pton(AF_INET, argv[3], &address.sin_addr) != 1) return 2;
    if (pipe(ready) < 0) die("pipe");
    pid_t client = fork();
    if (client < 0) die("fork");
    if (client == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pin(1);
        enter(argv[1]);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || read(ready[0], buffer, 1) != 1) die("server did not start");
        if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) die("connect");
        while (send(fd, buffer, PIECE, MSG_NOSIGNAL) > 0) {}
        exit(0);
    }
    pin(0);
    enter(argv[2]);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval patience = {.tv_sec = 5};
    if (fd < 0) die("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
    if (listen(fd, 1) < 0 || write(ready[1], "1", 1) != 1) die("listen");
    int peer = accept(fd, NULL, NULL);
    if (peer < 0) die("accept");
    setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    printf("%.1f\n", receive(peer, seconds, buffer));
    kill(client, SIGKILL);
    waitpid(client, NULL, 0);
    return 0;
}
