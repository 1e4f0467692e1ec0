/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A program of the 32-bit ABI that makes a plain connect by what the kernel offers it for calls:
 * sysenter or syscall in compatibility mode. Run by escape_callers.c, built without any library;
 * its exit status is the errno. The words are those of probe.h.
 */
#include <stdint.h>

#define AT_SYSINFO   32
#define SYS_EXIT     1
#define SYS_SOCKET   359
#define SYS_CONNECT  362
#define ENOSYS_      38
#define AF_INET_     2
#define SOCK_STREAM_ 1

__attribute__((used)) static void start(uintptr_t *words)
{
	const char *port = (const char *)words[3];
	unsigned number = 0;
	uint32_t address[4] = { 0, 0x0100007f };
	uintptr_t *entry = words + words[0] + 2;
	int result = -ENOSYS_;

	while (*port)
		number = number * 10 + (unsigned)(*port++ - '0');
	address[0] = AF_INET_ | (number >> 8 | (number & 0xff) << 8) << 16;
	while (*entry)
		entry++;
	for (entry++; entry[0] && entry[0] != AT_SYSINFO;)
		entry += 2;
	if (entry[0])
		__asm__ volatile("call *%%esi"
				 : "=a"(result)
				 : "a"(SYS_SOCKET), "b"(AF_INET_), "c"(SOCK_STREAM_), "d"(0),
				   "S"(entry[1])
				 : "memory");
	if (result >= 0)
		__asm__ volatile("call *%%esi"
				 : "=a"(result)
				 : "a"(SYS_CONNECT), "b"(result), "c"(address), "d"(16), "S"(entry[1])
				 : "memory");
	/* Where all calls are refused, this one is too. */
	__asm__ volatile("int $0x80" : : "a"(SYS_EXIT), "b"(-result));
	__builtin_trap();
}

__asm__(".globl _start\n_start:\n\tmov %esp, %eax\n\tpush %eax\n\tcall start\n");
