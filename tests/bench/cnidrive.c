/* Runs a CNI executable for many containers as a runtime does, and times each run.
 *
 * cnidrive EXECUTABLE CNI_PATH CONF_FILE VERB WORKERS < lines of "CONTAINER_ID NETNS_PATH"
 *
 * Prints one line "nanoseconds exit_status" for each container, then "wall nanoseconds".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 4096, TEXT = 256 };
struct job { char id[TEXT], netns[TEXT]; uint64_t took; int status; };

static void die(const char *what) {
    fprintf(stderr, "cnidrive: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void run(struct job *job, char **argv) {
    char verb[TEXT], id[TEXT + 32], netns[TEXT + 32], path[2 * TEXT];
    snprintf(verb, sizeof verb, "CNI_COMMAND=%s", argv[4]);
    snprintf(id, sizeof id, "CNI_CONTAINERID=%s", job->id);
    snprintf(netns, sizeof netns, "CNI_NETNS=%s", job->netns);
    snprintf(path, sizeof path, "CNI_PATH=%s", argv[2]);
    char *env[] = {verb, id, netns, path, "CNI_IFNAME=eth0", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                   getenv("MOORING_SOCKET") ? getenv("MOORING_SOCKET") - strlen("MOORING_SOCKET=") : "X=1", NULL};
    char *args[] = {argv[1], NULL};
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, argv[3], O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    pid_t pid;
    uint64_t start = now();
    if ((errno = posix_spawn(&pid, argv[1], &files, NULL, args, env))) die(argv[1]);
    if (waitpid(pid, &job->status, 0) < 0) die("waitpid");
    job->took = now() - start;
    posix_spawn_file_actions_destroy(&files);
}

int main(int argc, char **argv) {
    if (argc != 6) return fprintf(stderr, "usage: cnidrive EXECUTABLE CNI_PATH CONF_FILE VERB WORKERS\n"), 2;
    struct job *jobs = mmap(NULL, MOST * sizeof *jobs, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (jobs == MAP_FAILED) die("mmap");
    int count = 0, workers = atoi(argv[5]);
    while (count < MOST && scanf("%255s %255s", jobs[count].id, jobs[count].netns) == 2) count++;
    uint64_t start = now();
    for (int w = 0; w < workers; w++) {
        pid_t pid = fork();
        if (pid < 0) die("fork");
        if (pid == 0) {
            for (int i = w; i < count; i += workers) run(&jobs[i], argv);
            _exit(0);
        }
    }
    while (wait(NULL) > 0) {}
    uint64_t wall = now() - start;
    int failed = 0;
    for (int i = 0; i < count; i++) {
        int status = WIFEXITED(jobs[i].status) ? WEXITSTATUS(jobs[i].status) : 255;
        printf("%llu %d\n", (unsigned long long)jobs[i].took, status);
        failed += status != 0;
    }
    printf("wall %llu\n", (unsigned long long)wall);
    return failed != 0;
}
