/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Collects a plan in memory and seals it into a memfd. The supervisor does not link it. Allocates.
 */
#ifndef SANDLOCK_PLAN_BUILD_H
#define SANDLOCK_PLAN_BUILD_H

#include "plan.h"

struct plan_builder;

struct plan_builder *plan_builder_new(void);
void plan_builder_free(struct plan_builder *builder);

/* The scalars (flags, uid, gid, session, and string offsets from plan_add_string) are set here
 * directly. */
struct plan_header *plan_builder_header(struct plan_builder *builder);

/* Each returns the index or offset of what was added, or a negative errno (-ENOMEM, -E2BIG).
 * Equal strings, and equal runs of ports, are stored once. */
int64_t plan_add_string(struct plan_builder *builder, const char *text);
int64_t plan_add_host(struct plan_builder *builder, const char *name); /* equal names once */
int64_t plan_add_ports(struct plan_builder *builder, const struct port_range *ports, uint32_t count);
int plan_add_rule(struct plan_builder *builder, const struct rule *rule);
int plan_add_bind(struct plan_builder *builder, struct port_range range);
int plan_add_local_bind(struct plan_builder *builder, const struct plan_local_bind *bind);
int plan_add_answer(struct plan_builder *builder, struct port_range range);
int plan_add_socket(struct plan_builder *builder, const struct plan_socket *socket);
int plan_add_file(struct plan_builder *builder, const struct plan_file *file);
int plan_add_limit(struct plan_builder *builder, const struct plan_limit *limit);
int plan_add_call(struct plan_builder *builder, const struct plan_call *call);

/* Sorts, computes the digest, writes all to `memfd` (empty, MFD_ALLOW_SEALING) and seals it. Of two
 * actions for one call the denial stays. -EINVAL for what plan_map would refuse, -E2BIG. */
int plan_seal(struct plan_builder *builder, int memfd);

/* After -E2BIG: which number is too large, and how large it may be. */
#define PLAN_EXCESS_MAX 160
void plan_builder_excess(const struct plan_builder *builder, char text[PLAN_EXCESS_MAX]);

#endif
