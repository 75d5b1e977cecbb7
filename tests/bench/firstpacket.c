/* Counts first packets that are lost: ADD by the executable, then at once a TCP connection from
 * inside of the pod to the node.
 *
 * firstpacket EXECUTABLE CNI_PATH CONF_FILE NODE_ADDRESS < lines of "CONTAINER_ID NETNS_PATH"
 *
 * A lost SYN is sent again after a second, so who is not connected after half of one has lost it.
 * Prints "lost N of M".
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TEXT = 256, PATIENCE_MS = 500 };

static void die(const char *what) {
    fprintf(stderr, "firstpacket: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void add(char **argv, const char *name, const char *path) {
    char id[TEXT + 32], netns[TEXT + 32], plugins[2 * TEXT];
    snprintf(id, sizeof id, "CNI_CONTAINERID=%s", name);
    snprintf(netns, sizeof netns, "CNI_NETNS=%s", path);
    snprintf(plugins, sizeof plugins, "CNI_PATH=%s", argv[2]);
    char *env[] = {"CNI_COMMAND=ADD", id, netns, plugins, "CNI_IFNAME=eth0",
                   getenv("MOORING_SOCKET") ? getenv("MOORING_SOCKET") - strlen("MOORING_SOCKET=") : "X=1", NULL};
    char *args[] = {argv[1], NULL};
    posix_spawn_file_actions_t files;
    pid_t pid;
    int status;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, argv[3], O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    if ((errno = posix_spawn(&pid, argv[1], &files, NULL, args, env))) die(argv[1]);
    if (waitpid(pid, &status, 0) < 0) die("waitpid");
    posix_spawn_file_actions_destroy(&files);
    if (status != 0) {
        fprintf(stderr, "firstpacket: ADD of %s failed\n", name);
        exit(1);
    }
}

/* Connects from inside of the pod; tells whether the first packet arrived. */
static int arrives(const char *path, int home, int listener, const struct sockaddr_in *to) {
    int pod = open(path, O_RDONLY | O_CLOEXEC);
    if (pod < 0 || setns(pod, CLONE_NEWNET) < 0) die(path);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) die("socket");
    if (connect(fd, (const struct sockaddr *)to, sizeof *to) < 0 && errno != EINPROGRESS) die("connect");
    struct pollfd waits = {.fd = fd, .events = POLLOUT};
    int ready = poll(&waits, 1, PATIENCE_MS);
    int fault = 0;
    socklen_t size = sizeof fault;
    if (ready > 0 && (getsockopt(fd, SOL_SOCKET, SO_ERROR, &fault, &size) < 0 || fault)) {
        errno = fault;
        die("connecting");
    }
    close(fd);
    if (setns(home, CLONE_NEWNET) < 0) die("going home");
    close(pod);
    if (ready > 0) {
        int peer = accept(listener, NULL, NULL);
        if (peer >= 0) close(peer);
    }
    return ready > 0;
}

int main(int argc, char **argv) {
    if (argc != 5) return fprintf(stderr, "usage: firstpacket EXECUTABLE CNI_PATH CONF_FILE NODE_ADDRESS\n"), 2;
    struct sockaddr_in here = {.sin_family = AF_INET};
    socklen_t size = sizeof here;
    int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (home < 0 || inet_pton(AF_INET, argv[4], &here.sin_addr) != 1) die(argv[4]);
    if (bind(listener, (struct sockaddr *)&here, sizeof here) < 0 || listen(listener, 128) < 0) die("listening");
    if (getsockname(listener, (struct sockaddr *)&here, &size) < 0) die("getsockname");
    char name[TEXT], path[TEXT];
    int all = 0, lost = 0;
    while (scanf("%255s %255s", name, path) == 2) {
        add(argv, name, path);
        lost += !arrives(path, home, listener, &here);
        all++;
    }
    printf("lost %d of %d\n", lost, all);
    return 0;
}
