/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The capabilities of the calling process, by the system calls alone: the static programs have no
 * libcap-ng. Bounding sets and names are libcap-ng's.
 */
#ifndef SANDLOCK_CAPS_H
#define SANDLOCK_CAPS_H

#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>

#define CAP_BIT(capability) (1ULL << (capability))

/* Exactly these; nothing stays inheritable, and so nothing ambient. `effective` is part of
 * `permitted`. 0 or a negative errno. */
int caps_set(uint64_t permitted, uint64_t effective);

bool caps_is_effective(unsigned capability);

#endif
