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

struct event {
	__u64 ns; /* CLOCK_MONOTONIC */
	__u8 kind;
	__u8 reason;
	__u8 direction;
	__u8 proto;
	__u32 ifindex;
	__u32 source_identity;
	__u32 destination_identity;
	struct in6_addr source;
	struct in6_addr destination;
	__be16 source_port;
	__be16 policy_port; /* the destination's, or the type of ICMP */
	__u32 bytes;
	__u32 rule;
	__u32 pad;
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

struct flow_identities {
	__u32 source;
	__u32 destination;
};

static __always_inline void event_tell(struct __sk_buff *skb, const struct l4 *l4,
				       const struct flow_identities *who, int refused,
				       enum direction direction, __u32 rule)
{
	__u64 now = bpf_ktime_get_ns();
	struct event *event =
	    event_is_affordable(now) ? bpf_ringbuf_reserve(&events, sizeof(*event), 0) : NULL;

	if (!event) {
		count(REASON_EVENT_LOST, direction, 0);
		return;
	}
	*event = (struct event){
	    .ns = now,
	    .kind = refused ? EVENT_DROP : EVENT_NEW_FLOW,
	    .reason = -refused,
	    .direction = direction,
	    .proto = l4->tuple.proto,
	    .ifindex = skb->ifindex,
	    .source_identity = who->source,
	    .destination_identity = who->destination,
	    .source = l4->tuple.source,
	    .destination = l4->tuple.destination,
	    .source_port = l4->tuple.source_port,
	    .policy_port = l4->policy_port,
	    .bytes = skb->len,
	    .rule = rule,
	};
	bpf_ringbuf_submit(event, 0);
}
