/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* At the tunnel device, packets from other nodes: delivered to the pod only if the node that sent
 * them is the one where the source address lives and the VNI is the identity of that address. A VNI
 * alone proves nothing: any host that reaches the tunnel port can write one.
 */
#include "lib/endpoint.h"
#include "lib/identity.h"
#include "lib/ipcache.h"
#include "lib/judge.h"
#include "lib/meta.h"
#include "lib/metrics.h"
#include "lib/packet.h"
#include "lib/probe.h"
#include "lib/tunnel.h"

/* 0 when the sender is who it says it is, or a negative reason. `identity` is what it counts as. */
static __always_inline int verify_source(const struct in6_addr *source, const struct outer *outer,
					 __u32 *identity)
{
	const struct ipcache_entry *entry = ipcache_lookup(source);
	const struct node *from;

	if (!entry)
		return -REASON_UNKNOWN_SOURCE;
	from = ipcache_node(entry);
	if (!from || from->state != NODE_ACTIVE || !addr_equal(&from->underlay, &outer->remote))
		return -REASON_FORGED_NODE;
	if (!identity_sends_as(entry->identity, outer->vni))
		return -REASON_IDENTITY_MISMATCH;
	*identity = entry->identity;
	return 0;
}

struct arrival {
	struct l4 l4;
	struct outcome outcome; /* until the source is verified with the identity that it claims */
	int unreadable;		/* why policy cannot judge it; 0: it can */
};

/* 0 when the endpoint may get it, or a negative reason. */
static __always_inline int judge_arrival(struct __sk_buff *skb, struct arrival *arrival,
					 const struct endpoint *to)
{
	struct judgement about = {
	    .subject = endpoint_subject(to),
	    .remote = arrival->outcome.source_identity,
	    .direction = POLICY_INGRESS,
	};

	arrival->outcome.destination_identity = about.subject;
	if (policy_scope == POLICY_SCOPE_NONE)
		return 0;
	if (arrival->unreadable)
		return arrival->unreadable;
	return judge(skb, &arrival->l4, &about, &arrival->outcome);
}

/* The ifindex of the endpoint that the packet is ready for, or a negative reason. */
static __always_inline int deliver(struct __sk_buff *skb, const struct outer *outer,
				   struct arrival *arrival)
{
	const struct endpoint *to;
	struct flow flow;
	int refused = flow_parse(skb, &flow);

	if (refused)
		return refused;
	if (policy_scope != POLICY_SCOPE_NONE)
		arrival->unreadable = l4_read(skb, &arrival->l4);
	refused = verify_source(&flow.source, outer, &arrival->outcome.source_identity);
	if (refused)
		return refused;
	to = bpf_map_lookup_elem(&ep_ip, &flow.destination);
	if (!to)
		return -REASON_UNKNOWN_ENDPOINT;
	refused = judge_arrival(skb, arrival, to);
	if (!refused)
		refused = ethernet_to_endpoint(skb, to);
	return refused ? refused : (int)to->ifindex;
}

static __always_inline int from_node(struct __sk_buff *skb, const struct outer *outer)
{
	struct arrival arrival = {.outcome = {.source_identity = outer->vni}};
	int ifindex = deliver(skb, outer, &arrival);
	int refused = ifindex < 0 ? ifindex : 0;

	conclude(skb, &arrival.l4, &arrival.outcome, refused, DIRECTION_INGRESS);
	return refused ? TCX_DROP : bpf_redirect_peer(ifindex, 0);
}

static __noinline int from_prober(struct __sk_buff *skb, const struct outer *outer)
{
	int reason = probe_receive(skb, outer);

	count(reason < 0 ? -reason : reason, DIRECTION_INGRESS, skb->len);
	return reason == REASON_PROBE_REFLECTED ? bpf_redirect(skb->ifindex, 0) : TCX_DROP;
}

static __always_inline int from_overlay(struct __sk_buff *skb)
{
	struct outer outer = {};
	int refused = tunnel_read(skb, &outer);

	if (refused) {
		count(-refused, DIRECTION_INGRESS, skb->len);
		return TCX_DROP;
	}
	if (skb->protocol == bpf_htons(PROBE_ETHERTYPE))
		return from_prober(skb, &outer);
	return from_node(skb, &outer);
}

SEC("tc")
int mesh_from_overlay(struct __sk_buff *skb)
{
	return from_overlay(skb);
}

char _license[] SEC("license") = "Dual BSD/GPL";
