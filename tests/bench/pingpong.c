/* Request and response of 64 bytes between two network namespaces.
 *
 * pingpong tcp|udp CLIENT_NETNS SERVER_NETNS ADDRESS PORT ROUNDS
 *
 * Client and server share one processor and block, so that the median shows the processor time of
 * both directions and not the wake-up of an idle virtual processor. Both go ahead of other processes. Prints "p50 p99" in
 * nanoseconds; the first tenth of the rounds warms up and does not count.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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

enum { SIZE = 64 };

static void die(const char *what) {
    fprintf(stderr, "pingpong: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void enter(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWNET) < 0) die(path);
    close(fd);
}

static void pin(void) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(0, &set);
    if (sched_setaffinity(0, sizeof set, &set) < 0) die("sched_setaffinity");
    /* Ahead of whoever else is at work here: their turns would be the tail. Where it is not allowed it is not so. */
    struct sched_param first = {.sched_priority = 50};
    sched_setscheduler(0, SCHED_FIFO, &first);
}

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void whole(int fd, char *buffer, int sending) {
    for (ssize_t done = 0; done < SIZE;) {
        ssize_t n = sending ? send(fd, buffer + done, SIZE - done, MSG_NOSIGNAL)
                            : recv(fd, buffer + done, SIZE - done, 0);
        if (n <= 0) {
            if (!sending && n == 0) exit(0);
            die(sending ? "send" : "recv");
        }
        done += n;
    }
}

static void serve(int type, const struct sockaddr_in *address, int ready) {
    char buffer[SIZE];
    int one = 1, fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    if (fd < 0) die("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (const struct sockaddr *)address, sizeof *address) < 0) die("bind");
    if (type == SOCK_STREAM && listen(fd, 1) < 0) die("listen");
    if (write(ready, "1", 1) != 1) die("ready");
    if (type == SOCK_STREAM) {
        int peer = accept(fd, NULL, NULL);
        if (peer < 0) die("accept");
        setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        for (;;) {
            whole(peer, buffer, 0);
            whole(peer, buffer, 1);
        }
    }
    for (;;) {
        struct sockaddr_in from;
        socklen_t length = sizeof from;
        if (recvfrom(fd, buffer, SIZE, 0, (struct sockaddr *)&from, &length) < 0) die("recvfrom");
        if (sendto(fd, buffer, SIZE, 0, (struct sockaddr *)&from, length) < 0) die("sendto");
    }
}

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    if (argc != 7) return fprintf(stderr, "usage: pingpong tcp|udp CLIENT_NETNS SERVER_NETNS ADDRESS PORT ROUNDS\n"), 2;
    int type = strcmp(argv[1], "udp") ? SOCK_STREAM : SOCK_DGRAM;
    long rounds = strtol(argv[6], NULL, 10);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtol(argv[5], NULL, 10))};
    if (rounds < 10 || inet_pton(AF_INET, argv[4], &address.sin_addr) != 1) return 2;
    uint64_t *took = calloc((size_t)rounds, sizeof *took);
    int ready[2];
    if (!took || pipe(ready) < 0) die("pipe");
    pin();
    pid_t server = fork();
    if (server < 0) die("fork");
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        enter(argv[3]);
        serve(type, &address, ready[1]);
    }
    char buffer[SIZE] = {0};
    close(ready[1]);
    if (read(ready[0], buffer, 1) != 1) die("server did not start");
    enter(argv[2]);
    int one = 1, fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    struct timeval patience = {.tv_sec = 5};
    if (fd < 0) die("socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) die("connect");
    if (type == SOCK_STREAM) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    for (long i = 0; i < rounds; i++) {
        uint64_t start = now();
        whole(fd, buffer, 1);
        whole(fd, buffer, 0);
        took[i] = now() - start;
    }
    close(fd);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    long skip = rounds / 10, counted = rounds - skip;
    qsort(took + skip, (size_t)counted, sizeof *took, by_value);
    printf("%llu %llu\n", (unsigned long long)took[skip + counted / 2],
           (unsigned long long)took[skip + counted * 99 / 100]);
    return 0;
}
