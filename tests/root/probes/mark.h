/*
 * The system call that no kernel has: fault.c counts what a program does between two of them.
 * Included by fault.c and the programs that it runs.
 */
#define MARK 0xfffff
