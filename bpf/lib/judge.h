/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* judge: may a packet go to, or come from, an endpoint of this node? An answer is judged as the
 * flow that it answers, so that a rule that comes later ends both directions at once.
 */
#pragma once

#include "conntrack.h"
#include "events.h"
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
};

static __always_inline __u8 other_direction(__u8 direction)
{
	return direction == POLICY_INGRESS ? POLICY_EGRESS : POLICY_INGRESS;
}

static __always_inline __u32 tcp_state(const struct l4 *l4, __u32 before)
{
	if (l4->tcp_flags & (TCP_FIN | TCP_RST))
		return CT_CLOSING;
	if (l4->tcp_flags & TCP_SYN)
		return CT_NEW;
	return before == CT_CLOSING ? CT_CLOSING : CT_ESTABLISHED;
}

static __always_inline __u32 next_state(const struct l4 *l4, __u32 before)
{
	return l4->tuple.proto == IPPROTO_TCP ? tcp_state(l4, before) : CT_ESTABLISHED;
}

/* An ICMP error is about a packet that the endpoint sent: of a flow that it began, or answered. */
static __always_inline bool is_related(const struct l4 *l4, __u8 direction, __u64 now)
{
	struct tuple answered = tuple_reverse(&l4->inner);

	return ct_find(&l4->inner, other_direction(direction), now) ||
	       ct_find(&answered, direction, now);
}

/* 0 when it may pass, or a negative reason. Tells people of drops and of new flows. */
static __always_inline int judge_flow(struct __sk_buff *skb, const struct l4 *l4,
				      const struct judgement *about, enum direction hook)
{
	__u64 now = bpf_ktime_get_ns();
	struct tuple answered = tuple_reverse(&l4->tuple);
	struct policy_question asked = {
	    .subject = about->subject,
	    .remote = about->remote,
	    .direction = about->direction,
	    .proto = l4->tuple.proto,
	    .port = l4->policy_port,
	    .bytes = skb->len,
	};
	bool is_ingress = about->direction == POLICY_INGRESS;
	struct flow_identities who = {
	    .source = is_ingress ? about->remote : about->subject,
	    .destination = is_ingress ? about->subject : about->remote,
	};
	struct ct *known;
	bool is_new = false;
	__u32 rule = 0;
	int refused;

	if (l4->kind == L4_ICMP_ERROR && is_related(l4, about->direction, now))
		return 0;
	known = ct_find(&answered, other_direction(about->direction), now);
	if (known) {
		asked.direction = other_direction(about->direction);
		/* Of an ICMP echo the answer's type is another one: its request was judged. */
		asked.port = answered.destination_port;
		refused = l4->tuple.proto == IPPROTO_ICMP || l4->tuple.proto == IPPROTO_ICMPV6
			      ? 0
			      : policy_judge(&asked, &rule);
		if (!refused)
			ct_touch(known, l4->tuple.proto, next_state(l4, known->state), now);
	} else {
		refused = policy_judge(&asked, &rule);
		known = refused ? NULL : ct_find(&l4->tuple, about->direction, now);
		if (known)
			ct_touch(known, l4->tuple.proto, next_state(l4, known->state), now);
		else if (!refused)
			is_new = ct_keep(&l4->tuple, about->direction, now);
	}
	if (refused || is_new)
		event_tell(skb, l4, &who, refused, hook, rule);
	return refused;
}

static __always_inline int judge(struct __sk_buff *skb, const struct judgement *about,
				 enum direction hook)
{
	struct l4 l4 = {};
	int refused;

	if (policy_scope == POLICY_SCOPE_NONE)
		return 0;
	refused = l4_read(skb, &l4);
	return refused ? refused : judge_flow(skb, &l4, about, hook);
}
