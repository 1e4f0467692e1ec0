/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The grammar of network rules: [scheme://]target:ports. Pure.
 */
#include "policy_network.h"

#include <errno.h>
#include <string.h>

#include "util.h"

#define DIGITS          "0123456789"
#define LABEL_MAX       63
#define HOST_LENGTH_MAX 253
#define PORT_MAX        65535

/* Without an account, parts that depend on it are skipped. */
struct parser {
	const struct account *account;
	const char *text; /* the whole item, for messages */
	bool own;         /* @own is a target too */
	char *why;
};

#define reject(parser, ...) refuse((parser)->why, __VA_ARGS__)

/* Ports ------------------------------------------------------------------- */

static int parse_port(const struct parser *parser, const char *text, uint16_t lowest,
		      uint16_t *ret_port)
{
	char port[VALUE_MAX];
	uint64_t value;
	int error;

	if (value_expand(text, parser->account, 0, port, parser->why) < 0)
		return -EINVAL;
	error = parse_unsigned(port, PORT_MAX, &value);
	if (error == -ERANGE)
		return reject(parser, "port %s is above %d in \"%s\"", port, PORT_MAX, parser->text);
	if (error < 0)
		return reject(parser, "bad port \"%s\" in \"%s\", expected a number, lo-hi or *",
			      port, parser->text);
	if (value < lowest)
		return reject(parser, "port 0 in \"%s\", expected 1 to %d", parser->text, PORT_MAX);
	*ret_port = (uint16_t)value;
	return 0;
}

static int parse_range(const struct parser *parser, char *text, uint16_t lowest,
		       struct port_range *ret_range)
{
	struct port_range range;
	char *dash = strchr(text, '-');

	if (dash)
		*dash++ = '\0';
	if (parse_port(parser, text, lowest, &range.low) < 0)
		return -EINVAL;
	range.high = range.low;
	if (dash && parse_port(parser, dash, lowest, &range.high) < 0)
		return -EINVAL;
	if (range.high < range.low)
		return reject(parser, "reversed range %u-%u in \"%s\", expected the lower port first",
			      range.low, range.high, parser->text);
	*ret_range = range;
	return 0;
}

static int range_order(const void *left, const void *right)
{
	const struct port_range *a = left;
	const struct port_range *b = right;

	return a->low != b->low ? a->low - b->low : a->high - b->high;
}

static void ports_merge(struct net_ports *ports)
{
	uint32_t count = 0;

	qsort(ports->ranges, ports->count, sizeof(ports->ranges[0]), range_order);
	for (uint32_t i = 0; i < ports->count; i++) {
		struct port_range range = ports->ranges[i];
		struct port_range *last = count > 0 ? &ports->ranges[count - 1] : NULL;

		if (!last || range.low > (uint32_t)last->high + 1)
			ports->ranges[count++] = range;
		else if (range.high > last->high)
			last->high = range.high;
	}
	ports->count = count;
}

static int parse_ports(const struct parser *parser, const char *text, uint16_t lowest,
		       struct net_ports *ret_ports)
{
	char list[VALUE_MAX];
	char *next = list;
	char *part;

	ret_ports->count = 0;
	if (strcmp(text, "*") == 0)
		return 0;
	if (strlen(text) >= sizeof(list))
		return reject(parser, "too long");
	memcpy(list, text, strlen(text) + 1);
	while ((part = strsep(&next, ","))) {
		struct port_range *range = &ret_ports->ranges[ret_ports->count];

		if (part[0] == '\0' && !next)
			return reject(parser, "trailing comma in \"%s\", expected a port after it",
				      parser->text);
		if (part[0] == '\0')
			return reject(parser, "no port before a comma in \"%s\"", parser->text);
		if (strcmp(part, "*") == 0)
			return reject(parser, "* among other ports in \"%s\", expected it alone",
				      parser->text);
		if (ret_ports->count == NET_PORTS_MAX)
			return reject(parser, "more than %d ports in a rule", NET_PORTS_MAX);
		if (value_waits(part, parser->account))
			continue;
		if (parse_range(parser, part, lowest, range) < 0)
			return -EINVAL;
		ret_ports->count++;
	}
	ports_merge(ret_ports);
	return 0;
}

/* Targets ----------------------------------------------------------------- */

#define CLASS_WORDS "@global", "@loopback", "@private", "@linklocal"

/* `words`: CLASS_WORDS, and what else is good there. */
static int class_parse(const char *text, const char *const words[], enum address_class *ret_class,
		       char why[WHY_MAX])
{
	static const enum address_class classes[] = { CLASS_GLOBAL, CLASS_LOOPBACK, CLASS_PRIVATE,
						      CLASS_LINKLOCAL };

	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		if (strcmp(text, words[i]) != 0)
			continue;
		*ret_class = classes[i];
		return 0;
	}
	return refuse_word(why, "target", text, words);
}

int net_class_parse(const char *text, enum address_class *ret_class, char why[WHY_MAX])
{
	static const char *const words[] = { CLASS_WORDS, NULL };

	return class_parse(text, words, ret_class, why);
}

static int parse_length(const struct parser *parser, const char *text, struct prefix *prefix)
{
	char length[VALUE_MAX];
	uint64_t full = prefix->family == FAMILY_INET ? 32 : 128;
	uint64_t value;

	if (value_expand(text, parser->account, 0, length, parser->why) < 0)
		return -EINVAL;
	if (parse_unsigned(length, 128, &value) < 0)
		return reject(parser, "bad prefix length \"%s\" in \"%s\", expected 0 to %u",
			      length, parser->text, (unsigned)full);
	/* A mapped IPv4 address in brackets is IPv4, but its length was counted as IPv6. */
	if (prefix->family == FAMILY_INET && strchr(parser->text, '[')) {
		if (value < 96)
			return reject(parser, "host bits beyond /%s in \"%s\", expected 96 to 128",
				      length, parser->text);
		value -= 96;
	}
	if (value > full)
		return reject(parser, "prefix length %s in \"%s\", expected 0 to %u", length,
			      parser->text, (unsigned)full);
	prefix->length = (uint8_t)value;
	return 0;
}

static int finish_prefix(const struct parser *parser, const struct address *address,
			 const char *length, struct net_rule *rule)
{
	struct prefix prefix = { .address = *address, .family = (uint8_t)address_family(address) };
	struct address masked;
	char text[ADDRESS_TEXT_MAX];

	prefix.length = prefix.family == FAMILY_INET ? 32 : 128;
	if (length && !value_waits(length, parser->account) &&
	    parse_length(parser, length, &prefix) < 0)
		return -EINVAL;
	masked = address_mask(address, prefix.length);
	if (memcmp(&masked, address, sizeof(masked)) != 0) {
		address_format(&masked, text);
		return reject(parser, "host bits beyond the prefix in \"%s\", expected %s/%u",
			      parser->text, text, prefix.length);
	}
	rule->target = TARGET_PREFIX;
	rule->prefix = prefix;
	return 0;
}

/* Splits a "/length" off, and expands what is before it. 1: it can only be checked for an account,
 * and is taken for a host name until then. */
static int expand_address(const struct parser *parser, char *text, struct net_rule *rule,
			  char expanded[VALUE_MAX], char **ret_length)
{
	char *length = strchr(text, '/');

	if (length)
		*length++ = '\0';
	rule->target = TARGET_HOST;
	*ret_length = length;
	if (value_waits(text, parser->account))
		return 1;
	return value_expand(text, parser->account, 0, expanded, parser->why) < 0 ? -EINVAL : 0;
}

/* [IPv6] or [IPv6/len], without its brackets. */
static int parse_bracketed(const struct parser *parser, char *text, struct net_rule *rule)
{
	char expanded[VALUE_MAX];
	struct address address;
	char *length;
	int state = expand_address(parser, text, rule, expanded, &length);

	if (state != 0)
		return state < 0 ? state : 0;
	if (!strchr(expanded, ':') || address_parse(expanded, &address) < 0)
		return reject(parser, "bad IPv6 address \"%s\" in \"%s\"", expanded, parser->text);
	return finish_prefix(parser, &address, length, rule);
}

static bool label_is_good(const char *label, size_t length)
{
	if (length == 0 || length > LABEL_MAX || label[0] == '-' || label[length - 1] == '-')
		return false;
	return strspn(label, "abcdefghijklmnopqrstuvwxyz" DIGITS "-") >= length;
}

/* getaddrinfo would read such a name as an address: 10.1, 0x7f.1 and 010.0.0.1 too. */
static bool label_is_number(const char *label)
{
	return label[strspn(label, DIGITS)] == '\0' || strncmp(label, "0x", 2) == 0;
}

/* `host` is rule->host, or the part after its *. */
static int parse_host(const struct parser *parser, const char *text, char *host, struct net_rule *rule)
{
	const char *label = host;
	size_t length = strlen(text);

	if (length > HOST_LENGTH_MAX)
		return reject(parser, "host name of more than %d characters", HOST_LENGTH_MAX);
	for (size_t i = 0; i <= length; i++)
		host[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 'a' - 'A' : text[i]);
	for (;;) {
		size_t end = strcspn(label, ".");

		if (!label_is_good(label, end))
			return reject(parser,
				      "bad host name \"%s\" in \"%s\", expected letters, digits "
				      "and - between dots",
				      text, parser->text);
		if (label[end] == '\0')
			break;
		label += end + 1;
	}
	if (label_is_number(label))
		return reject(parser,
			      "malformed address \"%s\" in \"%s\", expected four decimal numbers",
			      text, parser->text);
	rule->target = TARGET_HOST;
	return 0;
}

/* IPv4, IPv4/len or a host name. */
static int parse_plain(const struct parser *parser, char *text, struct net_rule *rule)
{
	char expanded[VALUE_MAX];
	struct address address;
	char *length;
	int state = expand_address(parser, text, rule, expanded, &length);

	if (state != 0)
		return state < 0 ? state : 0;
	if (!strchr(expanded, ':') && address_parse(expanded, &address) == 0)
		return finish_prefix(parser, &address, length, rule);
	if (length)
		return reject(parser, "/ in \"%s\", expected address/length", parser->text);
	return parse_host(parser, expanded, rule->host, rule);
}

/* All names below a domain; `text` is what follows the *. */
static int parse_below(const struct parser *parser, const char *text, struct net_rule *rule)
{
	char expanded[VALUE_MAX];
	struct address address;

	rule->target = TARGET_HOST;
	if (value_waits(text, parser->account))
		return 0;
	if (value_expand(text, parser->account, 0, expanded, parser->why) < 0)
		return -EINVAL;
	if (address_parse(expanded, &address) == 0)
		return reject(parser, "address after the wildcard in \"%s\", expected *.domain",
			      parser->text);
	memcpy(rule->host, "*.", 2);
	return parse_host(parser, expanded, rule->host + 2, rule);
}

static int parse_target(const struct parser *parser, char *text, struct net_rule *rule)
{
	static const char *const words[] = { CLASS_WORDS, "@own", NULL };
	size_t length = strlen(text);

	rule->target = TARGET_ANY;
	rule->host[0] = '\0';
	if (length == 0 || strcmp(text, "*") == 0)
		return 0;
	if (strcmp(text, "@own") == 0) {
		rule->target = TARGET_OWN;
		return 0;
	}
	if (text[0] == '@') {
		rule->target = TARGET_CLASS;
		return parser->own ? class_parse(text, words, &rule->class, parser->why)
				   : net_class_parse(text, &rule->class, parser->why);
	}
	if (text[0] == '[') {
		text[length - 1] = '\0'; /* split_rule made sure that it is the ] */
		return parse_bracketed(parser, text + 1, rule);
	}
	if (strncmp(text, "*.", 2) == 0 && !strchr(text + 2, '*'))
		return parse_below(parser, text + 2, rule);
	if (strchr(text, '*'))
		return reject(parser,
			      "wildcard in the host name \"%s\", expected a whole name, *.domain or *",
			      text);
	return parse_plain(parser, text, rule);
}

/* The whole ----------------------------------------------------------------- */

static int parse_scheme(const struct parser *parser, char **text, struct net_rule *rule)
{
	static const char *const words[] = { "tcp", "udp", "icmp", NULL };
	char *end = strstr(*text, "://");

	rule->protocols = 0;
	if (!end)
		return 0;
	*end = '\0';
	for (size_t i = 0; words[i]; i++) {
		if (strcmp(*text, words[i]) == 0)
			rule->protocols = (uint8_t)(PROTOCOL_TCP << i);
	}
	if (!rule->protocols)
		return refuse_word(parser->why, "scheme", *text, words);
	*text = end + 3;
	return 0;
}

/* Splits `text` into the target and, after a colon, the ports (NULL where there is none). */
static int split_rule(const struct parser *parser, char *text, char **ret_ports)
{
	char *end = text;
	char *colon;

	if (text[0] == '[') {
		end = strchr(text, ']');
		if (!end || (end[1] != '\0' && end[1] != ':'))
			return reject(parser, "bad brackets in \"%s\", expected [address]:port",
				      parser->text);
		end++;
	}
	colon = strchr(end, ':');
	if (colon && (strchr(colon + 1, ':') || strchr(colon + 1, ']')))
		return reject(parser, "IPv6 without brackets in \"%s\", expected [address]:port",
			      parser->text);
	if (colon)
		*colon++ = '\0';
	*ret_ports = colon;
	return 0;
}

static int parse_icmp(const struct parser *parser, char *target, const char *ports,
		      struct net_rule *rule)
{
	if (ports)
		return reject(parser, "ports in \"%s\", expected icmp://host alone", parser->text);
	if (target[0] == '\0')
		return reject(parser, "expected icmp://host, got \"%s\"", parser->text);
	rule->ports.count = 0;
	return parse_target(parser, target, rule);
}

int net_rule_parse(const char *text, const struct account *account, struct net_rule *ret_rule,
		   char why[WHY_MAX])
{
	struct parser parser = { .account = account, .text = text, .own = true, .why = why };
	char buffer[VALUE_MAX];
	char *target = buffer;
	char *ports = NULL;

	if (strlen(text) >= sizeof(buffer))
		return refuse(why, "too long");
	memcpy(buffer, text, strlen(text) + 1);
	if (parse_scheme(&parser, &target, ret_rule) < 0 || split_rule(&parser, target, &ports) < 0)
		return -EINVAL;
	if (ret_rule->protocols == PROTOCOL_ICMP)
		return parse_icmp(&parser, target, ports, ret_rule);
	if (!ports || ports[0] == '\0')
		return refuse(why, "expected host:port or :port, got \"%s\"", text);
	if (parse_target(&parser, target, ret_rule) < 0)
		return -EINVAL;
	return parse_ports(&parser, ports, 1, &ret_rule->ports);
}

int net_bind_parse(const char *text, const struct account *account, struct net_rule *ret_bind,
		   char why[WHY_MAX])
{
	struct parser parser = { .account = account, .text = text, .why = why };
	char buffer[VALUE_MAX];
	char *ports = NULL;

	ret_bind->target = TARGET_ANY;
	ret_bind->host[0] = '\0';
	if (!strchr(text, ':'))
		return parse_ports(&parser, text, 0, &ret_bind->ports);
	if (strlen(text) >= sizeof(buffer))
		return refuse(why, "too long");
	memcpy(buffer, text, strlen(text) + 1);
	if (split_rule(&parser, buffer, &ports) < 0)
		return -EINVAL;
	if (!ports || ports[0] == '\0')
		return refuse(why, "expected ports or address:ports, got \"%s\"", text);
	if (parse_target(&parser, buffer, ret_bind) < 0)
		return -EINVAL;
	if (ret_bind->target == TARGET_OWN || (ret_bind->target == TARGET_HOST && ret_bind->host[0]))
		return refuse(why,
			      "\"%s\" is no address of this machine, expected an IP address, "
			      "@loopback, @private, @linklocal or @global before the ports",
			      text);
	return parse_ports(&parser, ports, 0, &ret_bind->ports);
}

int net_answer_parse(const char *text, const struct account *account, struct net_ports *ret_ports,
		     char why[WHY_MAX])
{
	const struct parser parser = { .account = account, .text = text, .why = why };

	if (strcmp(text, "*") == 0)
		return refuse(why, "\"*\", expected ports such as 60000-61000: sockets of these may "
				   "send to every address");
	return parse_ports(&parser, text, 1, ret_ports);
}
