#include "shim.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Asked of the kernel itself: the library's way there, without a call, touches two pages and looks
 * for a symbol first, which takes longer than the few calls of one execution. */
uint64_t now_ms(void)
{
	struct timespec now;

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

/* The time that nobody can set, and the name of the boot that it counts from. */
bool since_boot(uint64_t *ns, char boot[BOOT_ID + 1])
{
	struct timespec now;
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	bool whole = read(fd, boot, BOOT_ID) == (ssize_t)BOOT_ID;

	close(fd);
	if (!whole || clock_gettime(CLOCK_BOOTTIME, &now) != 0)
		return false;
	boot[BOOT_ID] = '\0';
	*ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	return true;
}

void sleep_ms(uint64_t ms)
{
	struct timespec rest = {
		.tv_sec = (time_t)(ms / 1000u),
		.tv_nsec = (long)(ms % 1000u) * 1000000L,
	};

	nanosleep(&rest, NULL); /* woken early only means looking again early */
}
