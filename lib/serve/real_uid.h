/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The real uid, by which the kernel counts what a process uses, and which receivers see. Under PAM
 * all supervisors have the service account's: what is done for a session is charged to its user,
 * whose uid is taken for that moment. Effective and saved uid do not change.
 */
#ifndef SANDLOCK_REAL_UID_H
#define SANDLOCK_REAL_UID_H

#include <sys/types.h>

/* 0 or a negative errno. */
int real_uid_take(uid_t uid);

#endif
