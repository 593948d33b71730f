/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* conntrack: flows that an endpoint of this node began or accepted, so that answers are known as
 * such. It says nothing about verdicts: every packet is judged, an answer as the flow that it
 * belongs to.
 */
#pragma once

#include "l4.h"
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
	CT_NEW = 0,	    /* not answered, or the answer not taken */
	CT_ESTABLISHED = 1, /* both sides have sent */
	CT_CLOSING = 2,	    /* both have said that they are done, or one has reset it */
};

enum ct_seen {
	SEEN_ANSWER = 1,
	SEEN_END = 2,	     /* FIN of who began it */
	SEEN_ANSWER_END = 4, /* FIN of the other side */
};
#define SEEN_BOTH_ENDS (SEEN_END | SEEN_ANSWER_END)

struct ct {
	__u64 expires_ns;
	__u32 state;
	__u32 seen;
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

/* From here on ports are those that systems give to who begins a connection. */
#define FIRST_EPHEMERAL_PORT 32768

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

/* The flow that it answers: as the other side sends it, and seen the other way. */
static __always_inline struct ct_key ct_key_answered(const struct tuple *tuple, __u8 direction)
{
	return (struct ct_key){
	    .source = tuple->destination,
	    .destination = tuple->source,
	    .source_port = tuple->destination_port,
	    .destination_port = tuple->source_port,
	    .proto = tuple->proto,
	    .direction = direction == POLICY_INGRESS ? POLICY_EGRESS : POLICY_INGRESS,
	};
}

static __always_inline struct ct *ct_find(const struct ct_key *key, __u64 now)
{
	struct ct *found = bpf_map_lookup_elem(&ct, key);

	return found && found->expires_ns > now ? found : NULL;
}

/* What rules call the port: of ICMP only echoes are flows. */
static __always_inline __be16 ct_policy_port(const struct ct_key *key)
{
	bool is_ipv4 = addr_is_ipv4(&key->source);

	if (is_icmp(key->proto, is_ipv4))
		return bpf_htons(is_ipv4 ? ICMP_ECHO : ICMPV6_ECHO_REQUEST);
	return key->destination_port;
}

static __always_inline __u64 ct_lifetime_ns(__u8 proto, __u32 state)
{
	if (state == CT_CLOSING)
		return CT_CLOSING_S * NS_PER_SECOND;
	return (proto == IPPROTO_TCP && state == CT_ESTABLISHED ? CT_TCP_ESTABLISHED_S
								: CT_SHORT_S) *
	       NS_PER_SECOND;
}

static __always_inline __u32 ct_seen_of(const struct l4 *l4, bool is_answer)
{
	__u32 seen = is_answer ? SEEN_ANSWER : 0;

	if (!l4_is_tcp(l4))
		return seen;
	if (l4->tcp_flags & TCP_RST)
		seen |= SEEN_BOTH_ENDS;
	if (l4->tcp_flags & TCP_FIN)
		seen |= is_answer ? SEEN_ANSWER_END : SEEN_END;
	return seen;
}

/* A TCP connection stands when who began it has taken the answer: an answer alone does not make it
 * last. */
static __always_inline __u32 ct_state_after(__u32 state, __u32 seen, const struct l4 *l4,
					    bool is_answer)
{
	if ((seen & SEEN_BOTH_ENDS) == SEEN_BOTH_ENDS)
		return CT_CLOSING;
	if (!(seen & SEEN_ANSWER) || (l4_is_tcp(l4) && (is_answer || l4_is_syn(l4))))
		return state;
	return CT_ESTABLISHED;
}

/* Writes at most once a second while nothing changes: an entry that is written by every packet is
 * fought over by CPUs. */
static __always_inline void ct_touch(struct ct *entry, const struct l4 *l4, bool is_answer,
				     __u64 now)
{
	bool is_reopened = entry->state == CT_CLOSING && !is_answer && l4_is_syn(l4);
	__u32 before = is_reopened ? CT_NEW : entry->state;
	__u32 seen = (is_reopened ? 0 : entry->seen) | ct_seen_of(l4, is_answer);
	__u32 state = ct_state_after(before, seen, l4, is_answer);
	__u64 expires = now + ct_lifetime_ns(l4->tuple.proto, state);

	if (state == entry->state && seen == entry->seen &&
	    expires - entry->expires_ns < NS_PER_SECOND)
		return;
	entry->state = state;
	entry->seen = seen;
	entry->expires_ns = expires;
}

static __always_inline void ct_keep(const struct ct_key *key, __u64 now)
{
	struct ct value = {
	    .expires_ns = now + ct_lifetime_ns(key->proto, CT_NEW),
	    .state = CT_NEW,
	    .created_ns = now,
	};

	bpf_map_update_elem(&ct, key, &value, BPF_ANY);
}

static __always_inline bool ct_is_tracked(const struct l4 *l4)
{
	return l4->kind == L4_FLOW || l4->kind == L4_ECHO_REQUEST;
}

/* A SYN begins something, whatever was before it. */
static __always_inline bool ct_may_answer(const struct l4 *l4)
{
	return (l4->kind == L4_FLOW && !l4_is_syn(l4)) || l4->kind == L4_ECHO_REPLY;
}

/* In the middle of a connection that is not known: forgotten, or older than these programs. Who
 * began it? The one with the port that systems give to who begins. */
static __always_inline bool ct_looks_like_answer(const struct l4 *l4)
{
	if (!l4_is_tcp(l4) || l4_is_syn(l4))
		return false;
	return (l4->tcp_flags & TCP_SYN) ||
	       (bpf_ntohs(l4->tuple.source_port) < FIRST_EPHEMERAL_PORT &&
		bpf_ntohs(l4->tuple.destination_port) >= FIRST_EPHEMERAL_PORT);
}

/* An end or a reset begins nothing. */
static __always_inline bool ct_begins(const struct l4 *l4)
{
	return ct_is_tracked(l4) && !ct_looks_like_answer(l4) &&
	       !(l4_is_tcp(l4) && (l4->tcp_flags & (TCP_FIN | TCP_RST)));
}
