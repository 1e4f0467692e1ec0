/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A plan from builder to view, and every way in which its bytes or its memfd can be unsound.
 * Run by `make test`.
 * What is damaged is one field of a plan that was sound; damage by chance comes after it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "plan.h"
#include "plan_fixture.h"
#include "ruleset_fixture.h"
#include "util.h"

#define SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK)

static int memfd_of(const void *bytes, size_t size, int seals)
{
	int fd = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(write_exact(fd, bytes, size), 0);
	if (seals)
		assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

/* ---- round trip ---- */

static void plan_sealed_comes_back_whole(void **state)
{
	struct plan plan = mapped(sealed(builder_full()));
	const struct plan_header *header = plan.header;

	(void)state;
	assert_int_equal(header->flags, PLAN_DNS | PLAN_FILES);
	assert_int_equal(header->uid, 1000);
	assert_int_equal(header->gid, 100);
	assert_true(header->session == 0x1122334455667788);
	assert_string_equal(plan_string(&plan, 0), "");
	assert_string_equal(plan_string(&plan, header->user), "alice");
	assert_string_equal(plan_string(&plan, header->home), "/home/alice");
	assert_string_equal(plan_string(&plan, header->shell), "/bin/bash");
	assert_int_equal(header->hosts.count, 1);
	assert_string_equal(plan_string(&plan, plan.hosts[0]), "github.com");
	assert_int_equal(plan.sockets[0].line, 9);
	assert_string_equal(plan_string(&plan, plan.sockets[0].pattern), "/run/x*");
	assert_int_equal(plan.files[0].rights, FILE_READ | FILE_EXEC);
	assert_string_equal(plan_string(&plan, plan.files[0].path), "/usr");
	assert_int_equal(plan.limits[0].resource, RLIMIT_CORE);
	assert_int_equal(plan.ruleset.rule_count, 3);
	assert_string_equal(plan_string(&plan, plan.ruleset.rules[1].text), "@linklocal:*");
	assert_null(plan.ruleset.hosts);
	plan_unmap(&plan);
	assert_null(plan.header);
}

static void plan_sealed_decides(void **state)
{
	struct plan plan = mapped(sealed(builder_full()));
	void *index = indexed(&plan);
	struct endpoint endpoint = { .port = 22 };
	struct verdict verdict;

	(void)state;
	assert_int_equal(address_parse("10.20.255.1", &endpoint.address), 0);
	verdict = ruleset_decide(&plan.ruleset, PROTOCOL_TCP, &endpoint);
	assert_int_equal(verdict.kind, VERDICT_ALLOW);
	assert_string_equal(plan_string(&plan, verdict.rule->text), "10.20.0.0/16:443,22");
	assert_int_equal(address_parse("169.254.169.254", &endpoint.address), 0);
	verdict = ruleset_decide(&plan.ruleset, PROTOCOL_TCP, &endpoint);
	assert_int_equal(verdict.kind, VERDICT_DENY);
	assert_string_equal(plan_string(&plan, verdict.rule->text), "@linklocal:*");
	free(index);
	plan_unmap(&plan);
}

static void plan_without_rules_is_sound(void **state)
{
	struct plan plan = mapped(sealed(builder_minimal()));
	void *index = indexed(&plan);
	struct endpoint endpoint = { .port = 22 };

	(void)state;
	assert_int_equal(ruleset_decide(&plan.ruleset, PROTOCOL_TCP, &endpoint).kind, VERDICT_DENY);
	assert_false(plan_binds(&plan, 0));
	free(index);
	plan_unmap(&plan);
}

static void plan_sealed_can_not_change(void **state)
{
	cleanup_fd int fd = sealed(builder_minimal());

	(void)state;
	assert_int_equal(fcntl(fd, F_GET_SEALS), SEALS | F_SEAL_SEAL);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
}

/* ---- the memfd ---- */

static void map_without_each_seal_is_not_permitted(void **state)
{
	static const int seals[] = { F_SEAL_WRITE, F_SEAL_GROW, F_SEAL_SHRINK };
	struct plan plan = mapped(sealed(builder_full())), other;
	int fd;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(seals); i++) {
		fd = memfd_of(plan.header, plan.header->size, SEALS & ~seals[i]);
		assert_int_equal(plan_map(fd, &other), -EPERM);
		close(fd);
	}
	fd = memfd_of(plan.header, plan.header->size, 0);
	assert_int_equal(plan_map(fd, &other), -EPERM);
	close(fd);
	fd = memfd_of(plan.header, plan.header->size, SEALS);
	assert_int_equal(plan_map(fd, &other), 0);
	close(fd);
	plan_unmap(&other);
	plan_unmap(&plan);
}

static void map_of_what_is_no_memfd_is_not_permitted(void **state)
{
	struct plan plan;
	int ends[2];
	FILE *file = tmpfile();

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(plan_map(ends[0], &plan), -EPERM);
	assert_int_equal(plan_map(fileno(file), &plan), -EPERM);
	assert_int_equal(plan_map(-1, &plan), -EPERM);
	close(ends[0]);
	close(ends[1]);
	fclose(file);
}

static void map_of_any_other_length_is_invalid(void **state)
{
	struct plan plan = mapped(sealed(builder_full())), other;
	cleanup_free char *bytes = calloc(1, plan.header->size + 1);

	(void)state;
	memcpy(bytes, plan.header, plan.header->size);
	for (size_t size = 0; size <= plan.header->size + 1; size++) {
		cleanup_fd int fd = memfd_of(bytes, size, SEALS);

		if (size == plan.header->size)
			continue;
		assert_int_equal(plan_map(fd, &other), -EINVAL);
	}
	plan_unmap(&plan);
}

/* A file of the right length that does not own up to it. */
static void validate_size_field_must_be_the_length(void **state)
{
	struct plan plan = mapped(sealed(builder_full())), other;
	cleanup_free struct plan_header *copy = malloc(plan.header->size);

	(void)state;
	memcpy(copy, plan.header, plan.header->size);
	for (size_t size = 0; size < plan.header->size; size++) {
		copy->size = (uint32_t)size;
		assert_int_equal(plan_validate(copy, size, &other), -EINVAL);
		assert_int_equal(plan_validate(copy, plan.header->size, &other), -EINVAL);
	}
	plan_unmap(&plan);
}

static void map_beyond_the_limit_is_too_big(void **state)
{
	cleanup_fd int fd = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct plan plan;

	(void)state;
	assert_int_equal(ftruncate(fd, (off_t)PLAN_SIZE_MAX + 1), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, SEALS), 0);
	assert_int_equal(plan_map(fd, &plan), -E2BIG);
}

/* ---- one damaged field ---- */

/* A sound plan and a copy of exactly its size, which is damaged and mended again. */
struct patient {
	struct plan sound;
	struct plan_header *copy;
};

static struct patient patient_new(void)
{
	struct patient patient = { .sound = mapped(sealed(builder_full())) };

	patient.copy = malloc(patient.sound.header->size);
	memcpy(patient.copy, patient.sound.header, patient.sound.header->size);
	return patient;
}

static void patient_free(struct patient *patient)
{
	free(patient->copy);
	plan_unmap(&patient->sound);
}

static void *section(const struct patient *patient, struct plan_span span)
{
	return (char *)patient->copy + span.offset;
}

static void expect_refused(const struct patient *patient, const char *what)
{
	size_t size = patient->sound.header->size;
	struct plan plan;

	if (plan_validate(patient->copy, size, &plan) != -EINVAL)
		fail_msg("accepted: %s", what);
	memcpy(patient->copy, patient->sound.header, size);
	assert_int_equal(plan_validate(patient->copy, size, &plan), 0);
}

static void header_field_damaged_is_refused(void **state)
{
	struct patient patient = patient_new();
	struct plan_header *header = patient.copy;

	(void)state;
	header->magic ^= 1;
	expect_refused(&patient, "magic");
	header->version++;
	expect_refused(&patient, "version");
	header->size--;
	expect_refused(&patient, "size below");
	header->size++;
	expect_refused(&patient, "size above");
	header->flags |= PLAN_FLAGS + 1;
	expect_refused(&patient, "unknown flag");
	header->flags |= 1U << 31;
	expect_refused(&patient, "highest flag");
	header->digest = PLAN_DIGEST_NONE;
	expect_refused(&patient, "no digest");
	header->endpoints = PLAN_DIGEST_NONE;
	expect_refused(&patient, "no digest of endpoints");
	header->shell = 0;
	expect_refused(&patient, "no shell");
	header->shell = header->user;
	expect_refused(&patient, "relative shell");
	patient_free(&patient);
}

static void span_damaged_is_refused(void **state)
{
	static const uint32_t offsets[] = { 0, 1, 8, UINT32_MAX, UINT32_MAX - 7, 1U << 31 };
	static const uint32_t counts[] = { UINT32_MAX, 1U << 31, 1U << 30, 1U << 29, 1U << 28 };
	struct patient patient = patient_new();

	(void)state;
	for (size_t i = 0; i < SECTION_COUNT; i++) {
		struct plan_span *span = (void *)((char *)patient.copy + plan_layout[i].span);

		for (size_t j = 0; j < ARRAY_SIZE(offsets); j++) {
			span->offset = offsets[j];
			expect_refused(&patient, "offset of a section");
		}
		for (size_t j = 0; j < ARRAY_SIZE(counts); j++) {
			span->count = counts[j];
			expect_refused(&patient, "count of a section");
		}
		span->offset += 8;
		expect_refused(&patient, "section moved up");
		span->offset -= 8;
		expect_refused(&patient, "section moved down");
		span->count += 8;
		expect_refused(&patient, "section that overlaps the next");
	}
	patient_free(&patient);
}

static void strings_damaged_are_refused(void **state)
{
	struct patient patient = patient_new();
	struct plan_span strings = patient.copy->strings;
	char *text = section(&patient, strings);

	(void)state;
	text[0] = 'x';
	expect_refused(&patient, "first string not empty");
	text[strings.count - 1] = 'x';
	expect_refused(&patient, "last string without end");
	patient.copy->strings.count = 0;
	expect_refused(&patient, "no strings");
	patient_free(&patient);
}

static void plan_that_ends_before_its_strings_is_refused(void **state)
{
	struct plan plan = mapped(sealed(builder_full())), other;
	uint32_t size = plan.header->strings.offset;
	cleanup_free struct plan_header *copy = malloc(size);

	(void)state;
	memcpy(copy, plan.header, size);
	copy->size = size;
	copy->strings.count = 0;
	assert_int_equal(plan_validate(copy, size, &other), -EINVAL);
	plan_unmap(&plan);
}

static void string_offset_beyond_is_refused(void **state)
{
	struct patient patient = patient_new();
	struct plan_header *header = patient.copy;
	struct rule *rule = section(&patient, header->rules);
	struct plan_socket *socket = section(&patient, header->sockets);
	struct plan_file *file = section(&patient, header->files);
	uint32_t *host = section(&patient, header->hosts);
	uint32_t *const offsets[] = {
		&header->user, &header->home,  &header->shell, &header->policy,
		&rule->text,   &rule[2].label, &rule[2].file,  &socket->pattern,
		&socket->file, &file->path,    &file->file,    host,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		*offsets[i] = header->strings.count;
		expect_refused(&patient, "string just beyond");
		*offsets[i] = UINT32_MAX;
		expect_refused(&patient, "string far beyond");
	}
	patient_free(&patient);
}

static void element_damaged_is_refused(void **state)
{
	struct patient patient = patient_new();
	struct plan_header *header = patient.copy;
	struct plan_file *file = section(&patient, header->files);
	struct plan_limit *limit = section(&patient, header->limits);
	struct plan_call *call = section(&patient, header->calls);
	struct plan_socket *socket = section(&patient, header->sockets);
	struct port_range *bind = section(&patient, header->binds);

	(void)state;
	socket->kind = SOCKET_X11 + 1;
	expect_refused(&patient, "kind of socket");
	file->rights = 0;
	expect_refused(&patient, "file without rights");
	file->rights |= FILE_EXEC << 1;
	expect_refused(&patient, "unknown right");
	file->path = 0;
	expect_refused(&patient, "no path");
	file->path = header->user;
	expect_refused(&patient, "relative path");
	limit->resource = RLIM_NLIMITS;
	expect_refused(&patient, "unknown resource");
	limit->unused = 1;
	expect_refused(&patient, "unused field of a limit");
	call[0].action = CALL_ALLOW + 1;
	expect_refused(&patient, "unknown action");
	call[1].number = call[0].number;
	expect_refused(&patient, "the same call twice");
	call[1].number = call[0].number - 1;
	expect_refused(&patient, "calls unsorted");
	bind[0].low = bind[0].high + 1;
	expect_refused(&patient, "reversed bind");
	bind[1].low = bind[0].high;
	expect_refused(&patient, "binds that overlap");
	bind[1] = (struct port_range){ 1, 1 };
	expect_refused(&patient, "binds unsorted");
	patient_free(&patient);
}

/* What the ruleset refuses has tests of its own; here it is only asked. */
static void ruleset_damaged_is_refused(void **state)
{
	struct patient patient = patient_new();
	struct plan_header *header = patient.copy;
	struct rule *rule = section(&patient, header->rules);
	struct port_range *ports = section(&patient, header->ports);

	(void)state;
	rule->value = header->hosts.count;
	expect_refused(&patient, "host beyond the names");
	rule->target = TARGET_OWN + 1;
	expect_refused(&patient, "unknown target");
	ports[0] = (struct port_range){ 2, 1 };
	expect_refused(&patient, "reversed ports");
	patient_free(&patient);
}

/* The smallest plan with room made for `count` names, all of them "". */
static int validate_with_hosts(uint32_t count)
{
	struct plan plan = mapped(sealed(builder_minimal())), other;
	uint32_t size = plan.header->size, place = plan.header->hosts.offset;
	uint32_t grown = (uint32_t)plan_align(count * sizeof(uint32_t));
	cleanup_free struct plan_header *copy = calloc(1, size + grown);

	memcpy(copy, plan.header, place);
	memcpy((char *)copy + place + grown, (const char *)plan.header + place, size - place);
	plan_unmap(&plan);
	copy->size += grown;
	copy->hosts.count = count;
	for (size_t i = SECTION_HOSTS + 1; i < SECTION_COUNT; i++) {
		struct plan_span *span = (void *)((char *)copy + plan_layout[i].span);

		span->offset += grown;
	}
	return plan_validate(copy, copy->size, &other);
}

static void too_many_hosts_are_refused(void **state)
{
	(void)state;
	assert_int_equal(validate_with_hosts(PLAN_HOSTS_MAX), 0);
	assert_int_equal(validate_with_hosts(PLAN_HOSTS_MAX + 1), -EINVAL);
}

/* ---- damage by chance ---- */

/* Touches all that a user of the plan would; a sanitizer watches. */
static size_t plan_use(struct plan *plan)
{
	static const uint8_t bytes[] = { 10, 20, 255, 1 };
	void *index = indexed(plan);
	struct endpoint endpoint = { .port = 443 };
	size_t sum = strlen(plan_string(plan, plan->header->shell));

	endpoint.address.bytes[10] = endpoint.address.bytes[11] = 0xff;
	memcpy(endpoint.address.bytes + 12, bytes, sizeof(bytes));
	sum += ruleset_decide(&plan->ruleset, PROTOCOL_TCP, &endpoint).kind;
	for (uint32_t i = 0; i < plan->header->hosts.count; i++)
		sum += strlen(plan_string(plan, plan->hosts[i]));
	for (uint32_t i = 0; i < plan->ruleset.rule_count; i++)
		sum += strlen(plan_string(plan, plan->ruleset.rules[i].file));
	for (uint32_t i = 0; i < plan->header->sockets.count; i++)
		sum += strlen(plan_string(plan, plan->sockets[i].pattern));
	for (uint32_t i = 0; i < plan->header->files.count; i++)
		sum += strlen(plan_string(plan, plan->files[i].path));
	free(index);
	return sum + plan_binds(plan, 1);
}

static void random_damage_is_refused_or_harmless(void **state)
{
	struct patient patient = patient_new();
	uint32_t size = patient.sound.header->size, refused = 0, harmless = 0;
	uint64_t seed = 20261124;
	struct plan plan;

	(void)state;
	for (int round = 0; round < 100000; round++) {
		uint8_t *bytes = (uint8_t *)patient.copy;

		for (uint32_t flips = 1 + random_below(&seed, 3); flips > 0; flips--)
			bytes[random_below(&seed, size)] ^= (uint8_t)(1U << random_below(&seed, 8));
		if (plan_validate(patient.copy, size, &plan) == 0)
			harmless += plan_use(&plan) > 0;
		else
			refused++;
		memcpy(patient.copy, patient.sound.header, size);
	}
	assert_int_equal(refused + harmless, 100000);
	assert_true(refused > 10000 && harmless > 1000);
	patient_free(&patient);
}

static void place_of_the_user_is_home_or_temporary(void **state)
{
	static const struct {
		const char *path;
		bool users;
	} places[] = {
		{ "/home/alice", true },
		{ "/home/alice/x", true },
		{ "/home/alicex", false },
		{ "/home", false },
		{ "/", false },
		{ "/tmp", true },
		{ "/tmp/x", true },
		{ "/tmpx", false },
		{ "/var/tmp", true },
		{ "/dev/shm", true },
		{ "/run/screen", true },
		{ "/run/user/1000", true },
		{ "/run/user/1000/x", true },
		{ "/run/user/10001", false },
		{ "/run/user", false },
		{ "/etc", false },
		{ "/dev/null", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (plan_is_user_directory("/home/alice", 1000, places[i].path) != places[i].users)
			fail_msg("%s", places[i].path);
	assert_false(plan_is_user_directory("", 1000, "/etc"));
	assert_false(plan_is_user_directory("/", 1000, "/etc"));
	assert_true(plan_home_contains("/home/alice", "/home/alice/x"));
	assert_false(plan_home_contains("/home/alice", "/home/alice2"));
	assert_false(plan_home_contains("/", "/etc"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(place_of_the_user_is_home_or_temporary),
		cmocka_unit_test(plan_sealed_comes_back_whole),
		cmocka_unit_test(plan_sealed_decides),
		cmocka_unit_test(plan_without_rules_is_sound),
		cmocka_unit_test(plan_sealed_can_not_change),
		cmocka_unit_test(map_without_each_seal_is_not_permitted),
		cmocka_unit_test(map_of_what_is_no_memfd_is_not_permitted),
		cmocka_unit_test(map_of_any_other_length_is_invalid),
		cmocka_unit_test(validate_size_field_must_be_the_length),
		cmocka_unit_test(map_beyond_the_limit_is_too_big),
		cmocka_unit_test(header_field_damaged_is_refused),
		cmocka_unit_test(span_damaged_is_refused),
		cmocka_unit_test(strings_damaged_are_refused),
		cmocka_unit_test(plan_that_ends_before_its_strings_is_refused),
		cmocka_unit_test(string_offset_beyond_is_refused),
		cmocka_unit_test(element_damaged_is_refused),
		cmocka_unit_test(ruleset_damaged_is_refused),
		cmocka_unit_test(too_many_hosts_are_refused),
		cmocka_unit_test(random_damage_is_refused_or_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
