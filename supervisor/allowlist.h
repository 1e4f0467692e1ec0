/*
 * The supervisor's own filter.
 * Called by sandlock-supervisor once, when all is set up but the listener.
 */
#ifndef SANDLOCK_ALLOWLIST_H
#define SANDLOCK_ALLOWLIST_H

/* From here on every call that is not in the list ends the process, and with it all that it would
 * have allowed. */
int allowlist_load(void);

#endif
