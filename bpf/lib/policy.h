/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* policy: (subject, remote identity, direction, protocol and port) -> verdict. A row stands for a
 * prefix of 24 bits, 8 of protocol and 16 of port. The agent has folded every deny into the rows
 * inside it: the longest row decides, and between equal ones that of the identity before that for
 * anybody (docs/adr/0150-policy-rows.md).
 *
 * A hash probed at the few lengths that exist is several times faster than the kernel's trie once
 * there are many rows. Which lengths exist, policy_len says: the agent writes a row before its bit,
 * and takes the bit away before the row.
 */
#pragma once

#include "drop_reasons.h"
#include "types.h"

#define POLICY_ANYBODY	  0
#define POLICY_LENGTH_MAX 24
#define POLICY_PROTO_BITS 8

enum policy_direction {
	POLICY_INGRESS = 1,
	POLICY_EGRESS = 2,
};

struct policy_len_key {
	__u32 subject;
	__u32 remote;
	__u8 direction;
	__u8 pad[3];
};
_Static_assert(sizeof(struct policy_len_key) == 12, "layout is shared with agent/src/maps");

struct policy_key {
	__u32 subject;
	__u32 remote;
	__u8 direction;
	__u8 length;
	__u8 proto; /* 0 where length < 8 */
	__u8 pad1;
	__be16 port; /* bits behind the prefix are 0 */
	__u16 pad2;
};
_Static_assert(sizeof(struct policy_key) == 16, "layout is shared with agent/src/maps");

struct policy {
	__u8 deny;
	__u8 pad[3];
	__u32 rule; /* the agent's number of it; 0: none, nothing speaks of the subject */
	__u64 packets;
	__u64 bytes;
};
_Static_assert(sizeof(struct policy) == 24, "layout is shared with agent/src/maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 131072);
	__type(key, struct policy_len_key);
	__type(value, __u32); /* bit n: there are rows of length n; 0: known, and none */
} policy_len SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 131072);
	__type(key, struct policy_key);
	__type(value, struct policy);
} policy SEC(".maps");

struct policy_question {
	__u32 subject;
	__u32 remote;
	__u8 direction;
	__u8 proto;
	__be16 port;
	__u32 bytes;
};

/* Besides the lengths: something is known of them. */
#define POLICY_READY (1u << 31)

/* A reader that is held up while elements of its bucket are replaced can be led past one that was
 * there all the time: one miss proves nothing, and here it would lose a deny. */
static __always_inline __u32 policy_lengths(const struct policy_question *asked, __u32 remote)
{
	struct policy_len_key key = {
	    .subject = asked->subject, .remote = remote, .direction = asked->direction};
	const __u32 *lengths = bpf_map_lookup_elem(&policy_len, &key);

	if (!lengths)
		lengths = bpf_map_lookup_elem(&policy_len, &key);
	return lengths ? *lengths | POLICY_READY : 0;
}

static __always_inline struct policy *policy_row(const struct policy_question *asked, __u32 remote,
						 __u32 length)
{
	__u32 port_bits = length > POLICY_PROTO_BITS ? length - POLICY_PROTO_BITS : 0;
	struct policy_key key = {
	    .subject = asked->subject,
	    .remote = remote,
	    .direction = asked->direction,
	    .length = length,
	    .proto = length >= POLICY_PROTO_BITS ? asked->proto : 0,
	    .port = asked->port & bpf_htons(0xffff << (16 - port_bits)),
	};
	struct policy *row = bpf_map_lookup_elem(&policy, &key);

	return row ? row : bpf_map_lookup_elem(&policy, &key);
}

/* 0 when allowed, or a negative reason; `rule` is the number of what decided. */
__global int policy_judge(const struct policy_question *asked, __u32 *rule)
{
	struct policy *row = NULL;
	__u32 own, anybody;

	if (!asked || !rule)
		return -REASON_POLICY_NOT_READY;
	*rule = 0;
	own = asked->remote ? policy_lengths(asked, asked->remote) : 0;
	anybody = policy_lengths(asked, POLICY_ANYBODY);
	if (!own && !anybody)
		return -REASON_POLICY_NOT_READY;
	for (int length = POLICY_LENGTH_MAX; length >= 0 && !row; length--) {
		__u32 bit = 1u << length;

		if (own & bit)
			row = policy_row(asked, asked->remote, length);
		if (!row && anybody & bit)
			row = policy_row(asked, POLICY_ANYBODY, length);
	}
	if (!row)
		return -REASON_POLICY_NO_RULE;
	__sync_fetch_and_add(&row->packets, 1);
	__sync_fetch_and_add(&row->bytes, asked->bytes);
	*rule = row->rule;
	return row->deny ? -REASON_POLICY_DENIED : 0;
}
