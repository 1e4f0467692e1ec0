/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The system call that no kernel has: inject_fault.c counts what a program does between two of them.
 */
#define MARK 0xfffff
