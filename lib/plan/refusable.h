/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The system calls that a session is refused unless its policy allows them: one table for the
 * filter and the policy reader. Everything else that is refused is refused always.
 */
#ifndef SANDLOCK_REFUSABLE_H
#define SANDLOCK_REFUSABLE_H

/* clang-format off */
#define REFUSABLE_CALLS(row)							\
	/* mounts, and ways to reach files past their paths */			\
	row(mount) row(umount2) row(pivot_root) row(fsopen) row(fspick)		\
	row(fsconfig) row(fsmount) row(move_mount) row(open_tree)		\
	row(open_tree_attr) row(mount_setattr) row(open_by_handle_at)		\
	/* the kernel's own machinery */					\
	row(bpf) row(perf_event_open) row(userfaultfd) row(init_module)		\
	row(finit_module) row(delete_module) row(kexec_load)			\
	row(kexec_file_load)							\
	/* keyrings outlive and cross sessions; request_key has the kernel	\
	 * resolve names outside of any session */				\
	row(add_key) row(request_key) row(keyctl)
/* clang-format on */

#endif
