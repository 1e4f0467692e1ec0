/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads and builds DNS messages. Distrusts every byte that is read: a client's, and a name server's.
 */
#include "dns_message.h"

#include <errno.h>
#include <string.h>

#define CLASS_IN 1U

#define FLAG_RESPONSE     0x8000U
#define FLAG_OPCODE       0x7800U
#define FLAG_TRUNCATED    0x0200U
#define FLAG_DESIRED      0x0100U
#define FLAG_AVAILABLE    0x0080U
#define FLAG_AUTHENTIC    0x0020U
#define FLAG_NOT_CHECKED  0x0010U
#define FLAG_RCODE        0x000fU
#define EDNS_DNSSEC_OK    0x8000U
#define OPTION_EDE        15U
#define NAME_AT_QUESTION  (0xc000U | DNS_HEADER_SIZE)
#define TTL_NEGATIVE_MAX  300U
#define TTL_NEGATIVE_NONE 5U /* of a negative answer that does not say how long it is true */
#define TTL_MAX           86400U

/* Parameters of SVCB and HTTPS that are addresses (RFC 9460). */
#define SVC_MANDATORY 0U
#define SVC_IPV4_HINT 4U
#define SVC_IPV6_HINT 6U

/* ---- reading ---- */

struct reader {
	const uint8_t *message;
	size_t length;
	size_t at;
	bool failed;
};

static uint16_t read16(struct reader *reader)
{
	const uint8_t *bytes = reader->message + reader->at;

	if (reader->failed || reader->length - reader->at < 2) {
		reader->failed = true;
		return 0;
	}
	reader->at += 2;
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static uint32_t read32(struct reader *reader)
{
	uint32_t high = read16(reader);

	return high << 16 | read16(reader);
}

static void read_name(struct reader *reader, struct dns_name *name)
{
	if (reader->failed || dns_name_read(reader->message, reader->length, &reader->at, name))
		reader->failed = true;
}

struct header {
	uint16_t id;
	uint16_t flags;
	uint16_t counts[4]; /* question, answer, authority, additional */
};

static struct header read_header(struct reader *reader)
{
	struct header header = { .id = read16(reader) };

	header.flags = read16(reader);
	for (size_t i = 0; i < 4; i++)
		header.counts[i] = read16(reader);
	return header;
}

/* A record whose data lies within the message. */
struct raw_record {
	struct dns_name owner;
	uint16_t type;
	uint16_t class;
	uint32_t ttl;
	uint16_t length;
	size_t data; /* offset */
};

static void read_record(struct reader *reader, struct raw_record *record)
{
	read_name(reader, &record->owner);
	record->type = read16(reader);
	record->class = read16(reader);
	record->ttl = read32(reader);
	record->length = read16(reader);
	record->data = reader->at;
	if (reader->failed || record->length > reader->length - reader->at)
		reader->failed = true;
	else
		reader->at += record->length;
}

/* ---- questions ---- */

/* The one additional record that a question may have. */
static int read_edns(struct reader *reader, struct dns_question *question)
{
	struct raw_record record = { .type = 0 };

	read_record(reader, &record);
	if (reader->failed || record.type != DNS_OPT || record.owner.length != 1)
		return DNS_FORMERR;
	question->edns = true;
	question->dnssec_ok = record.ttl & EDNS_DNSSEC_OK;
	if (record.class > DNS_UDP_MIN)
		question->size = record.class;
	return (record.ttl >> 16 & 0xff) == 0 ? DNS_NOERROR : DNS_BADVERS;
}

static int read_question(struct reader *reader, const struct header *header,
			 struct dns_question *question)
{
	uint16_t class;
	int rcode = DNS_NOERROR;

	if (header->flags & FLAG_OPCODE)
		return DNS_NOTIMP;
	if (header->counts[0] != 1 || header->counts[1] != 0 || header->counts[2] != 0 ||
	    header->counts[3] > 1)
		return DNS_FORMERR;
	read_name(reader, &question->name);
	question->type = read16(reader);
	class = read16(reader);
	/* There is nothing before it that a compressed name could point to. */
	if (reader->failed || reader->at != DNS_HEADER_SIZE + question->name.length + 4U)
		return DNS_FORMERR;
	memcpy(question->spelled, reader->message + DNS_HEADER_SIZE, question->name.length);
	question->named = true;
	if (header->counts[3] == 1)
		rcode = read_edns(reader, question);
	if (rcode == DNS_NOERROR && reader->at != reader->length)
		rcode = DNS_FORMERR;
	if (rcode == DNS_NOERROR && class != CLASS_IN) {
		/* The reply repeats what was asked, in our class. */
		question->named = false;
		rcode = DNS_REFUSED;
	}
	return rcode;
}

int dns_question_parse(const uint8_t *message, size_t length, struct dns_question *ret_question)
{
	struct reader reader = { message, length, 0, false };
	struct dns_question question = { .size = DNS_UDP_MIN };
	struct header header = read_header(&reader);
	int rcode;

	if (reader.failed || (header.flags & FLAG_RESPONSE))
		return -EBADMSG;
	question.id = header.id;
	question.recursion_desired = header.flags & FLAG_DESIRED;
	question.checking_disabled = header.flags & FLAG_NOT_CHECKED;
	rcode = read_question(&reader, &header, &question);
	*ret_question = question;
	return rcode;
}

/* ---- writing ---- */

struct writer {
	uint8_t *message;
	size_t size;
	size_t at;
	bool full;
};

static void write_bytes(struct writer *writer, const void *bytes, size_t length)
{
	if (writer->full || length > writer->size - writer->at) {
		writer->full = true;
		return;
	}
	memcpy(writer->message + writer->at, bytes, length);
	writer->at += length;
}

static void write16(struct writer *writer, unsigned value)
{
	const uint8_t bytes[] = { (uint8_t)(value >> 8), (uint8_t)value };

	write_bytes(writer, bytes, sizeof(bytes));
}

static void write32(struct writer *writer, uint32_t value)
{
	write16(writer, value >> 16);
	write16(writer, value & 0xffff);
}

static void write_header(struct writer *writer, const struct header *header)
{
	write16(writer, header->id);
	write16(writer, header->flags);
	for (size_t i = 0; i < 4; i++)
		write16(writer, header->counts[i]);
}

static void write_question(struct writer *writer, const uint8_t *name, size_t length, uint16_t type)
{
	write_bytes(writer, name, length);
	write16(writer, type);
	write16(writer, CLASS_IN);
}

/* `flags` are the upper half of what is a TTL in other records. */
static void write_edns(struct writer *writer, unsigned extended, unsigned flags, unsigned length)
{
	write_bytes(writer, "", 1);
	write16(writer, DNS_OPT);
	write16(writer, DNS_EDNS_SIZE);
	write16(writer, extended << 8);
	write16(writer, flags);
	write16(writer, length);
}

size_t dns_query_build(uint16_t id, const struct dns_name *name, uint16_t type, bool edns,
		       uint8_t message[DNS_QUERY_MAX])
{
	struct writer writer = { message, DNS_QUERY_MAX, 0, false };
	/* The bit says that we know what the reply's means (RFC 6840). */
	const struct header header = { id, FLAG_DESIRED | FLAG_AUTHENTIC, { 1, 0, 0, edns } };

	write_header(&writer, &header);
	write_question(&writer, name->bytes, name->length, type);
	if (edns)
		write_edns(&writer, 0, 0, 0);
	return writer.at;
}

/* ---- answers ---- */

static void append(struct dns_answer *answer, const void *bytes, size_t length)
{
	memcpy(answer->bytes + answer->length, bytes, length);
	answer->length += (uint32_t)length;
}

static bool append_fits(const struct dns_answer *answer, size_t length)
{
	return length <= DNS_ANSWER_MAX - answer->length;
}

static void append_ttl(struct dns_answer *answer, uint32_t ttl)
{
	/* The first bit is no sign, but nobody means it (RFC 2181). */
	if (ttl > TTL_MAX)
		ttl = ttl >> 31 ? 0 : TTL_MAX;
	if (ttl < answer->ttl)
		answer->ttl = ttl;
	append(answer,
	       (const uint8_t[]){ (uint8_t)(ttl >> 24), (uint8_t)(ttl >> 16), (uint8_t)(ttl >> 8),
				  (uint8_t)ttl },
	       4);
}

static void append_data(struct dns_answer *answer, uint32_t ttl, const void *data, size_t length)
{
	const uint8_t size[] = { (uint8_t)(length >> 8), (uint8_t)length };

	if (!append_fits(answer, 6 + length))
		return;
	append_ttl(answer, ttl);
	append(answer, size, sizeof(size));
	append(answer, data, length);
	answer->records++;
}

/* A name that fills the data of the record. */
static bool data_name(const struct reader *reader, const struct raw_record *record,
		      struct dns_name *ret_name)
{
	size_t at = record->data;

	return dns_name_read(reader->message, record->data + record->length, &at, ret_name) == 0 &&
	       at == record->data + record->length;
}

static bool mandatory_names_hint(const uint8_t *keys, size_t length)
{
	for (size_t i = 0; i + 1 < length; i += 2) {
		unsigned key = (unsigned)keys[i] << 8 | keys[i + 1];

		if (key == SVC_IPV4_HINT || key == SVC_IPV6_HINT)
			return true;
	}
	return false;
}

/* A service at the name itself, without hints of addresses: those come by A and AAAA alone, where
 * they are judged. An alias, or another name's service, is left out: clients then use the name. */
static void append_service(struct dns_answer *answer, const struct reader *message,
			   const struct raw_record *record)
{
	struct reader reader = { message->message, record->data + record->length, record->data,
				 false };
	struct dns_name service = { 0 };
	uint8_t data[DNS_UDP_MAX];
	struct writer writer = { data, sizeof(data), 0, false };
	uint16_t priority = read16(&reader);

	read_name(&reader, &service);
	if (reader.failed || priority == 0 ||
	    (service.length != 1 && !dns_name_equals(&service, &record->owner)))
		return;
	write16(&writer, priority);
	write_bytes(&writer, "", 1);
	while (!reader.failed && reader.at < reader.length) {
		uint16_t key = read16(&reader);
		uint16_t length = read16(&reader);
		const uint8_t *value = reader.message + reader.at;

		if (reader.failed || length > reader.length - reader.at)
			return;
		reader.at += length;
		if (key == SVC_MANDATORY && mandatory_names_hint(value, length))
			return;
		if (key == SVC_IPV4_HINT || key == SVC_IPV6_HINT)
			continue;
		write16(&writer, key);
		write16(&writer, length);
		write_bytes(&writer, value, length);
	}
	if (!reader.failed && !writer.full)
		append_data(answer, record->ttl, data, writer.at);
}

static void append_record(struct dns_answer *answer, const struct reader *reader,
			  const struct raw_record *record)
{
	const uint8_t *data = reader->message + record->data;
	struct dns_name name;

	switch (record->type) {
	case DNS_A:
		if (record->length == 4)
			append_data(answer, record->ttl, data, 4);
		break;
	case DNS_AAAA:
		if (record->length == 16)
			append_data(answer, record->ttl, data, 16);
		break;
	case DNS_CNAME:
	case DNS_PTR:
		if (data_name(reader, record, &name))
			append_data(answer, record->ttl, name.bytes, name.length);
		break;
	case DNS_SVCB:
	case DNS_HTTPS:
		append_service(answer, reader, record);
		break;
	}
}

/* The alias that `name` is, among the `count` records that follow; `name` becomes what it stands for. */
static bool follow_alias(struct reader reader, unsigned count, struct dns_name *name,
			 struct dns_answer *answer)
{
	struct raw_record record;
	struct dns_name target;

	while (count-- > 0) {
		read_record(&reader, &record);
		if (record.type != DNS_CNAME || record.class != CLASS_IN ||
		    !dns_name_equals(&record.owner, name) || !data_name(&reader, &record, &target))
			continue;
		if (!append_fits(answer, 5U + target.length))
			return false;
		append_ttl(answer, record.ttl);
		append(answer, &target.length, 1);
		append(answer, target.bytes, target.length);
		answer->aliases++;
		*name = target;
		return true;
	}
	return false;
}

/* How long a negative answer is true: the SOA in the authority section says so (RFC 2308). */
static uint32_t negative_ttl(struct reader *reader, unsigned count)
{
	struct raw_record record;

	while (count-- > 0) {
		struct reader data = *reader;
		struct dns_name name;
		uint32_t ttl;

		read_record(reader, &record);
		if (reader->failed || record.type != DNS_SOA || record.class != CLASS_IN)
			continue;
		data.at = record.data;
		read_name(&data, &name);
		read_name(&data, &name);
		for (size_t i = 0; i < 4; i++)
			(void)read32(&data);
		ttl = read32(&data);
		if (data.failed)
			continue;
		ttl = record.ttl < ttl ? record.ttl : ttl;
		return ttl < TTL_NEGATIVE_MAX ? ttl : TTL_NEGATIVE_MAX;
	}
	return TTL_NEGATIVE_NONE;
}

/* Everything is read once, so that what is looked for afterwards is sound. */
static bool records_are_sound(struct reader reader, unsigned count)
{
	struct raw_record record;

	while (count-- > 0 && !reader.failed)
		read_record(&reader, &record);
	return !reader.failed;
}

static void answer_fill(struct reader *reader, const struct header *header,
			const struct dns_name *asked, uint16_t type, struct dns_answer *answer)
{
	const struct reader start = *reader;
	struct dns_name name = *asked;

	while (type != DNS_CNAME && answer->aliases < DNS_ALIASES_MAX &&
	       follow_alias(start, header->counts[1], &name, answer))
		;
	for (unsigned i = 0; i < header->counts[1]; i++) {
		struct raw_record record;

		read_record(reader, &record);
		if (record.type == type && record.class == CLASS_IN &&
		    dns_name_equals(&record.owner, &name))
			append_record(answer, reader, &record);
	}
	if (answer->records == 0) {
		uint32_t ttl = negative_ttl(reader, header->counts[2]);

		answer->ttl = ttl < answer->ttl ? ttl : answer->ttl;
	}
}

static bool is_reply(struct reader *reader, const struct header *header, uint16_t id,
		     const struct dns_name *name, uint16_t type)
{
	struct dns_name asked = { 0 };

	if (reader->failed || header->id != id || !(header->flags & FLAG_RESPONSE) ||
	    (header->flags & FLAG_OPCODE) || header->counts[0] != 1)
		return false;
	read_name(reader, &asked);
	return read16(reader) == type && read16(reader) == CLASS_IN && !reader->failed &&
	       dns_name_equals(&asked, name);
}

int dns_answer_parse(const uint8_t *message, size_t length, uint16_t id,
		     const struct dns_name *name, uint16_t type, struct dns_answer *ret_answer)
{
	struct reader reader = { message, length, 0, false };
	struct header header = read_header(&reader);

	if (!is_reply(&reader, &header, id, name, type))
		return -EBADMSG;
	if (header.flags & FLAG_TRUNCATED)
		return -EAGAIN;
	if (!records_are_sound(reader, header.counts[1] + (unsigned)header.counts[2]))
		return -EBADMSG;
	ret_answer->rcode = header.flags & FLAG_RCODE;
	ret_answer->authentic = header.flags & FLAG_AUTHENTIC;
	ret_answer->aliases = 0;
	ret_answer->records = 0;
	ret_answer->ttl = TTL_MAX;
	ret_answer->length = 0;
	answer_fill(&reader, &header, name, type, ret_answer);
	return 0;
}

static uint32_t bytes32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

static uint32_t aliases_end(const struct dns_answer *answer)
{
	uint32_t at = 0;

	for (unsigned i = 0; i < answer->aliases; i++)
		at += 5U + answer->bytes[at + 4];
	return at;
}

bool dns_answer_next(struct dns_answer *answer, uint32_t *position, struct dns_record *ret_record)
{
	uint32_t at = *position ? *position : aliases_end(answer);
	uint8_t *bytes = answer->bytes + at;

	if (at >= answer->length)
		return false;
	*ret_record = (struct dns_record){
		.ttl = bytes32(bytes),
		.length = (uint16_t)(bytes[4] << 8 | bytes[5]),
		.data = bytes + 6,
	};
	*position = at + 6U + ret_record->length;
	return true;
}

bool dns_record_address(const struct dns_record *record, struct address *ret_address)
{
	struct address address = { .bytes = { [10] = 0xff, 0xff } };

	if (record->length == 4)
		memcpy(address.bytes + 12, record->data, 4);
	else if (record->length == 16)
		memcpy(address.bytes, record->data, 16);
	else
		return false;
	*ret_address = address;
	return true;
}

uint32_t dns_answer_drop(struct dns_answer *answer,
			 bool (*drops)(const struct dns_record *record, void *context), void *context)
{
	uint32_t end = aliases_end(answer);
	uint32_t position = 0;
	uint32_t dropped = 0;
	struct dns_record record;

	while (dns_answer_next(answer, &position, &record)) {
		uint32_t size = 6U + record.length;

		if (drops(&record, context)) {
			dropped++;
			continue;
		}
		memmove(answer->bytes + end, answer->bytes + position - size, size);
		end += size;
	}
	answer->length = end;
	answer->records = (uint16_t)(answer->records - dropped);
	return dropped;
}

/* ---- replies ---- */

static void write_ttl(struct writer *writer, uint32_t ttl, uint32_t age)
{
	write32(writer, ttl > age ? ttl - age : 0);
}

/* Each name is written once: what it owns points to it. Returns where the last one is. */
static unsigned write_aliases(struct writer *writer, const struct dns_answer *answer, uint32_t age)
{
	unsigned owner = NAME_AT_QUESTION;
	uint32_t at = 0;

	for (unsigned i = 0; i < answer->aliases; i++) {
		const uint8_t *alias = answer->bytes + at;

		write16(writer, owner);
		write16(writer, DNS_CNAME);
		write16(writer, CLASS_IN);
		write_ttl(writer, bytes32(alias), age);
		write16(writer, alias[4]);
		owner = 0xc000U | (unsigned)writer->at;
		write_bytes(writer, alias + 5, alias[4]);
		at += 5U + alias[4];
	}
	return owner;
}

static void write_answer(struct writer *writer, uint16_t type, struct dns_answer *answer, uint32_t age)
{
	unsigned owner = write_aliases(writer, answer, age);
	uint32_t position = 0;
	struct dns_record record;

	while (dns_answer_next(answer, &position, &record)) {
		write16(writer, owner);
		write16(writer, type);
		write16(writer, CLASS_IN);
		write_ttl(writer, record.ttl, age);
		write16(writer, record.length);
		write_bytes(writer, record.data, record.length);
	}
}

static void write_reply_edns(struct writer *writer, const struct dns_question *question,
			     unsigned rcode, enum dns_reason reason)
{
	bool says = reason != DNS_REASON_NONE;

	write_edns(writer, rcode >> 4, question->dnssec_ok ? EDNS_DNSSEC_OK : 0, says ? 6 : 0);
	if (says) {
		write16(writer, OPTION_EDE);
		write16(writer, 2);
		write16(writer, reason);
	}
}

static void write_reply(struct writer *writer, const struct dns_question *question, unsigned rcode,
			enum dns_reason reason, struct dns_answer *answer, uint32_t age,
			bool truncated)
{
	unsigned records = answer ? answer->aliases + answer->records : 0;
	struct header header = {
		.id = question->id,
		.flags = (uint16_t)(FLAG_RESPONSE | FLAG_AVAILABLE | (rcode & FLAG_RCODE)),
		.counts = { question->named, (uint16_t)records, 0, question->edns },
	};

	header.flags |= truncated ? FLAG_TRUNCATED : 0;
	header.flags |= question->recursion_desired ? FLAG_DESIRED : 0;
	header.flags |= question->checking_disabled ? FLAG_NOT_CHECKED : 0;
	header.flags |= answer && answer->authentic ? FLAG_AUTHENTIC : 0;
	write_header(writer, &header);
	if (question->named)
		write_question(writer, question->spelled, question->name.length, question->type);
	if (answer)
		write_answer(writer, question->type, answer, age);
	if (question->edns)
		write_reply_edns(writer, question, rcode, reason);
}

size_t dns_reply_build(const struct dns_question *question, unsigned rcode, enum dns_reason reason,
		       struct dns_answer *answer, uint32_t age, uint8_t *message, size_t size)
{
	struct writer writer = { message, size, 0, false };

	write_reply(&writer, question, rcode, reason, answer, age, false);
	if (writer.full) {
		writer = (struct writer){ message, size, 0, false };
		write_reply(&writer, question, rcode, reason, NULL, age, true);
	}
	return writer.full ? 0 : writer.at;
}
