/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* events: what was decided of a flow, for people. Every drop and every new flow may be one; more
 * than event_rate a second on one CPU are only counted.
 */
#pragma once

#include "l4.h"
#include "metrics.h"

enum event_kind {
	EVENT_DROP = 1,
	EVENT_NEW_FLOW = 2,
};

/* How a packet belongs to the flow that it was judged as. */
enum relation {
	RELATION_FLOW = 0,    /* sent by who began it, or nothing is known of it */
	RELATION_ANSWER = 1,  /* sent by the other side */
	RELATION_RELATED = 2, /* an ICMP error about it */
};

struct event {
	__u64 ns; /* CLOCK_MONOTONIC */
	__u8 kind;
	__u8 reason;
	__u8 direction;
	__u8 proto;
	__u32 ifindex;
	__u32 source_identity; /* of the pod of this node: its subject; 0: not known */
	__u32 destination_identity;
	struct in6_addr source;
	struct in6_addr destination;
	__be16 source_port;
	__be16 policy_port; /* the destination's, or the type of ICMP */
	__u32 bytes;
	__u32 rule; /* number of the row that decided; 0: none */
	__u8 tcp_flags;
	__u8 icmp_code;
	__u8 relation;
	__u8 pad;
};
_Static_assert(sizeof(struct event) == 72, "layout is shared with agent/src/maps");

/* Used by nobody: through it the layout is in the object's BTF, where the agent's tests read it. */
const struct event *const volatile event_layout;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

struct event_budget {
	__u64 second;
	__u64 used;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct event_budget);
} event_budget SEC(".maps");

/* Setting: events a second and CPU. */
const volatile __u32 event_rate = 1000;

static __always_inline bool event_is_affordable(__u64 now)
{
	__u32 first = 0;
	struct event_budget *budget = bpf_map_lookup_elem(&event_budget, &first);
	__u64 second = now / 1000000000ULL;

	if (!budget)
		return false;
	if (budget->second != second) {
		budget->second = second;
		budget->used = 0;
	}
	return ++budget->used <= event_rate;
}

/* What was decided of a packet, and why. */
struct outcome {
	__u32 source_identity;
	__u32 destination_identity;
	__u32 rule;
	__u8 relation;
	bool is_new; /* allowed, and nothing was known of it */
	__u16 pad;
};

__global int event_tell(struct __sk_buff *skb, const struct l4 *l4, const struct outcome *outcome,
			int refused, enum direction direction)
{
	__u64 now = bpf_ktime_get_ns();
	struct event *event;

	if (!l4 || !outcome)
		return 0;
	event = event_is_affordable(now) ? bpf_ringbuf_reserve(&events, sizeof(*event), 0) : NULL;
	if (!event) {
		count(REASON_EVENT_LOST, direction, 0);
		return 0;
	}
	event->ns = now;
	event->kind = refused ? EVENT_DROP : EVENT_NEW_FLOW;
	event->reason = -refused;
	event->direction = direction;
	event->proto = l4->tuple.proto;
	event->ifindex = skb->ifindex;
	event->source_identity = outcome->source_identity;
	event->destination_identity = outcome->destination_identity;
	event->source = l4->tuple.source;
	event->destination = l4->tuple.destination;
	event->source_port = l4->tuple.source_port;
	event->policy_port = l4_policy_port(l4);
	event->bytes = skb->len;
	event->rule = outcome->rule;
	event->tcp_flags = l4->tcp_flags;
	event->icmp_code = l4->icmp_code;
	event->relation = outcome->relation;
	event->pad = 0;
	bpf_ringbuf_submit(event, 0);
	return 0;
}
