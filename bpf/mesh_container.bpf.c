/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* At the host side of a pod's veth, packets from the pod: those to other clusters go into the
 * tunnel with the pod's identity as VNI. Everything else belongs to the CNI and is passed on
 * untouched.
 */
#include "lib/endpoint.h"
#include "lib/ipcache.h"
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

/* 0, or a negative reason. */
static __always_inline int encapsulate(struct __sk_buff *skb, const struct node *to, __u32 identity)
{
	struct outer outer = {.remote = to->underlay, .vni = identity};

	if (to->state != NODE_ACTIVE || addr_is_none(&to->underlay))
		return -REASON_NO_TUNNEL_ENDPOINT;
	outer.local = addr_is_ipv4(&to->underlay) ? local_underlay : local_underlay6;
	return tunnel_write(skb, &outer);
}

/* An endpoint has several addresses, and sends from these alone: the one behind an address must sit
 * at this interface. 0 when the packet is ready for the tunnel, or a negative reason. */
static __always_inline int send_to_node(struct __sk_buff *skb, const struct flow *flow,
					const struct node *to)
{
	__u32 ifindex = skb->ifindex;
	const struct endpoint *from = bpf_map_lookup_elem(&ep_ip, &flow->source);

	if (from && from->ifindex == ifindex)
		return encapsulate(skb, to, from->identity);
	return bpf_map_lookup_elem(&ep_if, &ifindex) ? -REASON_SPOOFED_SOURCE
						     : -REASON_UNKNOWN_ENDPOINT;
}

static __always_inline int from_container(struct __sk_buff *skb)
{
	const struct ipcache_entry *entry;
	const struct node *to;
	struct flow flow;
	int refused;

	if (flow_parse(skb, &flow) || addr_stays_on_link(&flow.destination))
		return TCX_NEXT;
	entry = ipcache_lookup(&flow.destination);
	to = entry ? ipcache_node(entry) : NULL;
	if (!node_is_remote(to))
		return TCX_NEXT;
	refused = send_to_node(skb, &flow, to);
	count(-refused, DIRECTION_EGRESS, skb->len);
	/* The inner Ethernet addresses stay: the node that decapsulates writes its own. */
	return refused ? TCX_DROP : bpf_redirect(vxlan_ifindex, 0);
}

SEC("tc")
int mesh_from_container(struct __sk_buff *skb)
{
	return from_container(skb);
}

char _license[] SEC("license") = "Dual BSD/GPL";
