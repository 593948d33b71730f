/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* judge: may a packet go to, or come from, an endpoint of this node? An answer is judged as the
 * flow that it answers, and an ICMP error as the flow that it is about, so that a rule that comes
 * later ends both directions at once.
 */
#pragma once

#include "conntrack.h"
#include "events.h"
#include "identity.h"
#include "l4.h"
#include "policy.h"

/* Setting: whose traffic is judged. */
enum policy_scope {
	POLICY_SCOPE_NONE = 0,
	POLICY_SCOPE_MESH = 1, /* what crosses clusters */
	POLICY_SCOPE_ALL = 2,  /* all of the pods' */
};
const volatile __u8 policy_scope;

struct judgement {
	__u32 subject;	/* identity of this node's endpoint */
	__u32 remote;	/* of the other side */
	__u8 direction; /* POLICY_INGRESS: to the endpoint */
	__u8 pad[3];
};

/* What is asked about a flow that is known. */
static __always_inline void ask_of(struct policy_question *asked, const struct ct_key *flow)
{
	asked->direction = flow->direction;
	asked->proto = flow->proto;
	asked->port = ct_policy_port(flow);
}

/* An ICMP error goes to who sent the packet that it is about. It is related if that packet was of a
 * flow between the endpoint and somebody else, whoever reports it. */
__global int ask_of_related(struct policy_question *asked, const struct l4 *l4)
{
	__u64 now = bpf_ktime_get_ns();
	struct ct_key flow;
	bool is_ingress;

	if (!asked || !l4)
		return 0;
	is_ingress = asked->direction == POLICY_INGRESS;
	if (!addr_equal(&l4->inner.source, &l4->tuple.destination))
		return 0;
	if (!is_ingress && !addr_equal(&l4->inner.destination, &l4->tuple.source))
		return 0;
	/* It answers the inner packet, or tells of an answer. */
	flow = ct_key_of(&l4->inner, is_ingress ? POLICY_EGRESS : POLICY_INGRESS);
	if (!ct_find(&flow, now)) {
		flow = ct_key_answered(&l4->inner, is_ingress ? POLICY_EGRESS : POLICY_INGRESS);
		if (!ct_find(&flow, now))
			return 0;
	}
	ask_of(asked, &flow);
	return 1;
}

/* In the middle of a connection that is not known: forgotten, or older than these programs. If it
 * looks like an answer, who began it has to be allowed as well: else a connection that was denied
 * could be kept up by the other side. */
static __always_inline int judge_stray(const struct l4 *l4, struct policy_question *asked,
				       struct outcome *outcome)
{
	struct ct_key answered = ct_key_answered(&l4->tuple, asked->direction);

	ask_of(asked, &answered);
	return policy_judge(asked, &outcome->rule);
}

/* Allowed, and nothing was known of it. */
static __always_inline void begin_flow(const struct l4 *l4, __u8 direction, __u64 now)
{
	struct ct_key key;

	if (l4_is_syn(l4)) {
		key = ct_key_answered(&l4->tuple, direction);
		bpf_map_delete_elem(&ct, &key);
	}
	key = ct_key_of(&l4->tuple, direction);
	ct_keep(&key, now);
}

/* 0 when it may pass, or a negative reason. */
static __always_inline int judge_flow(const struct l4 *l4, struct policy_question *asked,
				      struct outcome *outcome)
{
	__u64 now = bpf_ktime_get_ns();
	__u8 direction = asked->direction;
	struct ct *known = NULL;
	struct ct_key key;
	int refused;

	if (l4->kind == L4_ICMP_ERROR && ask_of_related(asked, l4)) {
		outcome->relation = RELATION_RELATED;
		asked->remote = identity_at(direction == POLICY_INGRESS ? &l4->inner.destination
									: &l4->inner.source);
	}
	if (ct_may_answer(l4)) {
		key = ct_key_answered(&l4->tuple, direction);
		known = ct_find(&key, now);
		if (known) {
			outcome->relation = RELATION_ANSWER;
			ask_of(asked, &key);
		}
	}
	refused = policy_judge(asked, &outcome->rule);
	if (refused || outcome->relation == RELATION_RELATED)
		return refused;
	if (!known && ct_is_tracked(l4)) {
		key = ct_key_of(&l4->tuple, direction);
		known = ct_find(&key, now);
	}
	if (known) {
		ct_touch(known, l4, outcome->relation == RELATION_ANSWER, now);
		return 0;
	}
	outcome->is_new = true;
	if (ct_looks_like_answer(l4))
		return judge_stray(l4, asked, outcome);
	if (ct_begins(l4))
		begin_flow(l4, direction, now);
	return 0;
}

/* For those that follow the first fragment. */
static __noinline void keep_first_fragment(const struct l4 *l4)
{
	bool is_ipv4 = addr_is_ipv4(&l4->tuple.source);
	struct fragment_key key = {
	    .source = l4->tuple.source,
	    .destination = l4->tuple.destination,
	    .id = l4->fragment_id,
	    .proto = is_ipv4 ? l4->tuple.proto : 0,
	};
	struct fragment_ports ports = {
	    .source_port = l4->tuple.source_port,
	    .destination_port = l4->tuple.destination_port,
	    .proto = l4->tuple.proto,
	    .icmp_type = l4->icmp_type,
	    .icmp_code = l4->icmp_code,
	};

	fragment_keep(&key, &ports);
}

/* 0 when it may pass, or a negative reason. */
__global int judge(struct __sk_buff *skb, const struct l4 *l4, const struct judgement *about,
		   struct outcome *outcome)
{
	struct policy_question asked = {};

	if (!l4 || !about || !outcome)
		return -REASON_POLICY_NOT_READY;
	asked.subject = about->subject;
	asked.remote = about->remote;
	asked.direction = about->direction;
	asked.proto = l4->tuple.proto;
	asked.port = l4_policy_port(l4);
	asked.bytes = skb->len;
	if (l4->is_first_fragment)
		keep_first_fragment(l4);
	return judge_flow(l4, &asked, outcome);
}

/* Counts what was decided and tells people of drops and of new flows; gives `refused` back. */
static __always_inline int conclude(struct __sk_buff *skb, const struct l4 *l4,
				    const struct outcome *outcome, int refused,
				    enum direction direction)
{
	count(-refused, direction, skb->len);
	if (policy_scope != POLICY_SCOPE_NONE && (refused || outcome->is_new))
		event_tell(skb, l4, outcome, refused, direction);
	return refused;
}
