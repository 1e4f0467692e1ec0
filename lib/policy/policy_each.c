/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The values of a policy, one after the other, as they hold for an account.
 */
#include <string.h>

#include "policy.h"
#include "policy_model.h"
#include "policy_values.h"
#include "util.h"

/* What an item means for the account; as written where it cannot be expanded, which planning
 * reports. */
static void visit_item(const struct setting *setting, const struct item *item,
		       const struct account *account, policy_visit visit, void *context)
{
	char expanded[VALUE_MAX];
	char why[WHY_MAX];
	const struct policy_value value = {
		.section = setting->key->section,
		.key = setting->name,
		.text = value_expand(item->text, account, 0, expanded, why) == 0 ? expanded
										 : item->text,
		.file = setting->file,
		.line = item->line,
	};

	visit(&value, context);
}

void policy_each(const struct policy *policy, const struct account *account, policy_visit visit,
		 void *context)
{
	for (size_t i = 0; i < policy->setting_count; i++) {
		const struct setting *setting = &policy->settings[i];

		for (size_t j = 0; !setting->superseded && j < setting->item_count; j++)
			visit_item(setting, &setting->items[j], account, visit, context);
	}
}
