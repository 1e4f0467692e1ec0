/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every module needs: cleanup attributes, checked integers, whole reads and writes. No state.
 * parse_unsigned takes hostile text.
 */
#ifndef SANDLOCK_UTIL_H
#define SANDLOCK_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#define cleanup_fd   __attribute__((cleanup(util_cleanup_fd)))
#define cleanup_free __attribute__((cleanup(util_cleanup_free)))
#define cleanup_file __attribute__((cleanup(util_cleanup_file)))

/* Closes *fd unless it is negative; keeps errno. */
void util_cleanup_fd(int *fd);
void util_cleanup_file(FILE **file);
void util_cleanup_free(void *pointer);

/* The value of *fd, which then no cleanup closes. */
int fd_take(int *fd);

/* Closes every descriptor from `first` on; 0 or a negative errno. */
int fd_close_from(int first);

/* Decimal digits only, no sign, no leading zero, the whole text; -EINVAL or -ERANGE above
 * `maximum`. */
int parse_unsigned(const char *text, uint64_t maximum, uint64_t *ret_value);

/* All of it or a negative errno; EINTR is retried. read_exact returns -EPIPE at an early end. */
int write_exact(int fd, const void *buffer, size_t length);
int read_exact(int fd, void *buffer, size_t length);

/* At most `limit` bytes up to the end of the file, which may be 0; -EFBIG beyond. */
ssize_t read_bounded(int fd, void *buffer, size_t limit);

/* FNV-1a, for tables and digests that no attacker gains by forging. */
#define HASH_START 0xcbf29ce484222325ULL
uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t length);

/* Prints text that may be anybody's: each byte that is not plain ASCII as \xNN, so that it moves no
 * cursor and shows nothing as something else. Returns how many characters that were. */
size_t text_print(FILE *stream, const char *text);

/* True where the `length` bytes of `text` match `pattern`, in which `*` stands for any run of
 * bytes, `/` and NUL too. */
bool pattern_matches(const char *pattern, const char *text, size_t length);

#endif
