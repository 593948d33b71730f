/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* At the host side of a pod's veth. From the pod: what policy lets out goes into the tunnel with
 * the pod's identity as VNI where it goes to another cluster. To the pod: what policy lets in.
 * Where policy is about the mesh alone, everything else belongs to the CNI and is passed on
 * untouched.
 */
#include "lib/endpoint.h"
#include "lib/identity.h"
#include "lib/ipcache.h"
#include "lib/judge.h"
#include "lib/meta.h"
#include "lib/metrics.h"
#include "lib/packet.h"
#include "lib/tunnel.h"

/* Settings, set before the program is loaded. */
const volatile __u32 local_cluster_id;
const volatile __u32 vxlan_ifindex;
/* This node's underlay addresses as other nodes know them; all zero: the routing table chooses. */
const volatile struct in6_addr local_underlay; /* IPv4 */
const volatile struct in6_addr local_underlay6;

static __always_inline bool node_is_remote(const struct node *node)
{
	return node && node->cluster_id && node->cluster_id != local_cluster_id;
}

/* 0 when the packet is ready for the tunnel, or a negative reason. */
static __always_inline int encapsulate(struct __sk_buff *skb, const struct node *to, __u32 identity)
{
	struct outer outer = {.remote = to->underlay, .vni = identity};

	if (to->state != NODE_ACTIVE || addr_is_none(&to->underlay))
		return -REASON_NO_TUNNEL_ENDPOINT;
	outer.local = addr_is_ipv4(&to->underlay) ? local_underlay : local_underlay6;
	return tunnel_write(skb, &outer);
}

/* An endpoint has several addresses, and sends from these alone: the one behind an address must sit
 * at this interface. NULL with the negative reason. */
static __always_inline const struct endpoint *sender_of(struct __sk_buff *skb,
							const struct in6_addr *source, int *refused)
{
	__u32 ifindex = skb->ifindex;
	const struct endpoint *from = bpf_map_lookup_elem(&ep_ip, source);

	if (from && from->ifindex == ifindex)
		return from;
	*refused = bpf_map_lookup_elem(&ep_if, &ifindex) ? -REASON_SPOOFED_SOURCE
							 : -REASON_UNKNOWN_ENDPOINT;
	return NULL;
}

/* 0 when the pod may send it, or a negative reason. `identity` is the pod's. */
static __always_inline int judge_egress(struct __sk_buff *skb, const struct flow *flow,
					const struct ipcache_entry *to, __u32 *identity)
{
	struct judgement about = {.direction = POLICY_EGRESS};
	const struct endpoint *from;
	int refused = 0;

	from = sender_of(skb, &flow->source, &refused);
	if (!from)
		return refused;
	*identity = from->identity;
	about.subject = endpoint_subject(from);
	about.remote = identity_of(to, &flow->destination);
	return judge(skb, &about, DIRECTION_EGRESS);
}

static __always_inline int from_container(struct __sk_buff *skb)
{
	const struct ipcache_entry *entry;
	const struct node *to;
	struct flow flow;
	bool is_crossing;
	__u32 identity = 0;
	int refused;

	if (flow_parse(skb, &flow) || addr_stays_on_link(&flow.destination))
		return TCX_NEXT;
	entry = ipcache_lookup(&flow.destination);
	to = entry ? ipcache_node(entry) : NULL;
	is_crossing = node_is_remote(to);
	if (!is_crossing && policy_scope != POLICY_SCOPE_ALL)
		return TCX_NEXT;
	refused = judge_egress(skb, &flow, entry, &identity);
	if (!refused && is_crossing)
		refused = encapsulate(skb, to, identity);
	count(-refused, DIRECTION_EGRESS, skb->len);
	if (refused)
		return TCX_DROP;
	/* The inner Ethernet addresses stay: the node that decapsulates writes its own. */
	return is_crossing ? bpf_redirect(vxlan_ifindex, 0) : TCX_NEXT;
}

/* Packets of other clusters do not come here: the tunnel's program judges and delivers them. */
static __always_inline int to_container(struct __sk_buff *skb)
{
	struct judgement about = {.direction = POLICY_INGRESS};
	const struct endpoint *to;
	struct flow flow;
	int refused;

	if (policy_scope != POLICY_SCOPE_ALL || flow_parse(skb, &flow) ||
	    addr_stays_on_link(&flow.destination) || addr_stays_on_link(&flow.source))
		return TCX_NEXT;
	to = bpf_map_lookup_elem(&ep_ip, &flow.destination);
	if (!to || to->ifindex != skb->ifindex) {
		refused = -REASON_UNKNOWN_ENDPOINT;
	} else {
		about.subject = endpoint_subject(to);
		about.remote = identity_of(ipcache_lookup(&flow.source), &flow.source);
		refused = judge(skb, &about, DIRECTION_INGRESS);
	}
	count(-refused, DIRECTION_INGRESS, skb->len);
	return refused ? TCX_DROP : TCX_NEXT;
}

SEC("tc")
int mesh_from_container(struct __sk_buff *skb)
{
	return from_container(skb);
}

SEC("tc")
int mesh_to_container(struct __sk_buff *skb)
{
	return to_container(skb);
}

char _license[] SEC("license") = "Dual BSD/GPL";
