/*
 * Which services of nsswitch.conf are asked for a group. Called by policy_find before the first one
 * is looked up. Distrusts the C library's default, for which the word of a living service that it
 * knows no such group also stands for a dead one before it.
 */
#ifndef SANDLOCK_POLICY_SERVICES_H
#define SANDLOCK_POLICY_SERVICES_H

#include <stdbool.h>

#define SERVICES_MAX 1024

/* From here on in this process a group that an installed service cannot look up is an error, unless
 * nsswitch.conf says what else is to be done there. 0 or -EIO. */
int services_heed_groups(void);

/* What the services of a line, behind its colon, become; false where they do not fit, or one cannot
 * be loaded. */
bool services_heed(const char *services, char ret_services[SERVICES_MAX]);

#endif
