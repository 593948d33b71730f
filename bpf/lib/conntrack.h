/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* conntrack: flows that an endpoint of this node began or accepted, so that answers are known as
 * such. It says nothing about verdicts: every packet is judged, an answer as the flow that it
 * belongs to.
 */
#pragma once

#include "policy.h"
#include "tuple.h"

struct ct_key {
	struct in6_addr source; /* of who began it */
	struct in6_addr destination;
	__be16 source_port;
	__be16 destination_port;
	__u8 proto;
	__u8 direction; /* as the endpoint sees it: POLICY_INGRESS, somebody came to it */
	__u16 pad;
};
_Static_assert(sizeof(struct ct_key) == 40, "layout is part of the ABI: README.md");

enum ct_state {
	CT_NEW = 0,
	CT_ESTABLISHED = 1, /* both sides have sent */
	CT_CLOSING = 2,
};

struct ct {
	__u64 expires_ns;
	__u32 state;
	__u32 pad;
	__u64 created_ns;
};
_Static_assert(sizeof(struct ct) == 24, "layout is part of the ABI: README.md");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 262144);
	__type(key, struct ct_key);
	__type(value, struct ct);
} ct SEC(".maps");

#define NS_PER_SECOND	     1000000000ULL
#define CT_TCP_ESTABLISHED_S 8000 /* longer than keepalives: 7200 s */
#define CT_SHORT_S	     60
#define CT_CLOSING_S	     10

static __always_inline struct ct_key ct_key_of(const struct tuple *tuple, __u8 direction)
{
	return (struct ct_key){
	    .source = tuple->source,
	    .destination = tuple->destination,
	    .source_port = tuple->source_port,
	    .destination_port = tuple->destination_port,
	    .proto = tuple->proto,
	    .direction = direction,
	};
}

static __always_inline struct ct *ct_find(const struct tuple *tuple, __u8 direction, __u64 now)
{
	struct ct_key key = ct_key_of(tuple, direction);
	struct ct *found = bpf_map_lookup_elem(&ct, &key);

	return found && found->expires_ns > now ? found : NULL;
}

static __always_inline __u64 ct_lifetime_ns(__u8 proto, __u32 state)
{
	if (state == CT_CLOSING)
		return CT_CLOSING_S * NS_PER_SECOND;
	return (proto == IPPROTO_TCP && state == CT_ESTABLISHED ? CT_TCP_ESTABLISHED_S
								: CT_SHORT_S) *
	       NS_PER_SECOND;
}

/* Writes at most once a second: an entry that is written by every packet is fought over by CPUs. */
static __always_inline void ct_touch(struct ct *entry, __u8 proto, __u32 state, __u64 now)
{
	__u64 expires = now + ct_lifetime_ns(proto, state);

	if (entry->state != state)
		entry->state = state;
	else if (expires - entry->expires_ns < NS_PER_SECOND)
		return;
	entry->expires_ns = expires;
}

/* True when the flow is new. */
static __always_inline bool ct_keep(const struct tuple *tuple, __u8 direction, __u64 now)
{
	struct ct_key key = ct_key_of(tuple, direction);
	struct ct value = {
	    .expires_ns = now + ct_lifetime_ns(tuple->proto, CT_NEW),
	    .state = CT_NEW,
	    .created_ns = now,
	};

	return !bpf_map_update_elem(&ct, &key, &value, BPF_ANY);
}
