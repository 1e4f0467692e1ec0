/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads resolv.conf, nsswitch.conf and hosts. Distrusts the length of their lines.
 */
#include "dns_config.h"

#include <net/if.h>
#include <string.h>

#include "util.h"

#define LINE_SIZE     4096
#define BLANKS        " \t\r\n"
#define TIMEOUT_S     5U
#define TIMEOUT_S_MAX 30U
#define ATTEMPTS      2U
#define ATTEMPTS_MAX  5U
#define NDOTS_MAX     15U

/* The next word of the line, or NULL; a comment ends it. */
static char *word_next(char **line)
{
	char *word;

	do {
		word = strsep(line, BLANKS);
	} while (word && word[0] == '\0');
	return word && word[0] != '#' && word[0] != ';' ? word : NULL;
}

static void server_add(char *text, struct dns_config *config)
{
	struct dns_server *server = &config->servers[config->server_count];
	char *zone = strchr(text, '%');

	if (zone)
		*zone++ = '\0';
	if (config->server_count == DNS_SERVERS_MAX || address_parse(text, &server->address))
		return;
	server->scope = zone ? if_nametoindex(zone) : 0;
	config->server_count++;
}

static void search_set(char *line, struct dns_config *config)
{
	char *word;

	config->search_count = 0;
	while (config->search_count < DNS_SEARCH_MAX && (word = word_next(&line))) {
		if (dns_name_parse(word, &config->search[config->search_count]) == 0)
			config->search_count++;
	}
}

/* The number of an option like "ndots:2". */
static void option_number(const char *option, const char *name, uint32_t maximum, uint32_t *number)
{
	size_t length = strlen(name);
	uint64_t value;

	if (strncmp(option, name, length) != 0 || parse_unsigned(option + length, UINT32_MAX, &value))
		return;
	*number = value < maximum ? (uint32_t)value : maximum;
}

static void options_set(char *line, struct dns_config *config)
{
	uint32_t timeout_s = config->timeout_ms / 1000;
	char *word;

	while ((word = word_next(&line))) {
		option_number(word, "ndots:", NDOTS_MAX, &config->ndots);
		option_number(word, "timeout:", TIMEOUT_S_MAX, &timeout_s);
		option_number(word, "attempts:", ATTEMPTS_MAX, &config->attempts);
		config->rotate |= strcmp(word, "rotate") == 0;
		config->use_tcp |= strcmp(word, "use-vc") == 0;
	}
	config->timeout_ms = 1000 * (timeout_s ? timeout_s : 1);
	config->attempts = config->attempts ? config->attempts : 1;
}

static void resolv_conf_read(const char *path, struct dns_config *config)
{
	cleanup_file FILE *file = fopen(path, "re");
	char buffer[LINE_SIZE];

	while (file && fgets(buffer, sizeof(buffer), file)) {
		char *line = buffer;
		char *keyword = word_next(&line);
		char *word;

		if (!keyword)
			continue;
		if (strcmp(keyword, "nameserver") == 0 && (word = word_next(&line)))
			server_add(word, config);
		else if (strcmp(keyword, "search") == 0 || strcmp(keyword, "domain") == 0)
			search_set(line, config);
		else if (strcmp(keyword, "options") == 0)
			options_set(line, config);
	}
	if (config->server_count == 0 && address_parse("127.0.0.1", &config->servers[0].address) == 0)
		config->server_count = 1;
}

/* "files", "dns", and what asks a name server in its place. */
static void services_set(char *line, struct dns_config *config)
{
	char *word;

	config->hosts_file = false;
	config->hosts_file_first = false;
	config->dns = false;
	while ((word = word_next(&line))) {
		if (strcmp(word, "files") == 0) {
			config->hosts_file = true;
			config->hosts_file_first = !config->dns;
		}
		config->dns |= strcmp(word, "dns") == 0 || strcmp(word, "resolve") == 0;
	}
}

static void nsswitch_read(const char *path, struct dns_config *config)
{
	cleanup_file FILE *file = fopen(path, "re");
	char buffer[LINE_SIZE];

	while (file && fgets(buffer, sizeof(buffer), file)) {
		char *line = buffer + strspn(buffer, BLANKS);

		if (strncmp(line, "hosts:", 6) == 0)
			services_set(line + 6, config);
	}
}

void dns_config_read(const char *resolv_conf, const char *nsswitch_conf, struct dns_config *ret_config)
{
	*ret_config = (struct dns_config){
		.ndots = 1,
		.timeout_ms = 1000 * TIMEOUT_S,
		.attempts = ATTEMPTS,
		.hosts_file = true,
		.hosts_file_first = true,
		.dns = true,
	};
	resolv_conf_read(resolv_conf, ret_config);
	nsswitch_read(nsswitch_conf, ret_config);
}

void hosts_file_read(const char *path,
		     void (*found)(const struct dns_name *name, const struct address *address,
				   void *context),
		     void *context)
{
	cleanup_file FILE *file = fopen(path, "re");
	char buffer[LINE_SIZE];

	while (file && fgets(buffer, sizeof(buffer), file)) {
		char *line = buffer;
		char *word = word_next(&line);
		struct address address;
		struct dns_name name;

		if (!word || address_parse(word, &address))
			continue;
		while ((word = word_next(&line))) {
			if (dns_name_parse(word, &name) == 0)
				found(&name, &address, context);
		}
	}
}
