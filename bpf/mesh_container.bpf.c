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

/* Settings, set before the program is loaded. */
const volatile __u32 local_cluster_id;
const volatile __u32 vxlan_ifindex;
/* This node's underlay address as other nodes know it; all zero: the routing table chooses. */
const volatile struct in6_addr local_underlay;

#define TUNNEL_TTL 64

static __always_inline bool node_is_remote(const struct node *node)
{
	return node && node->cluster_id && node->cluster_id != local_cluster_id;
}

/* 0, or a negative reason. */
static __always_inline int encapsulate(struct __sk_buff *skb, const struct node *to, __u32 identity)
{
	struct bpf_tunnel_key key = {.tunnel_id = identity, .tunnel_ttl = TUNNEL_TTL};

	if (to->state != NODE_ACTIVE || !addr_is_ipv4(&to->underlay))
		return -REASON_NO_TUNNEL_ENDPOINT;
	key.remote_ipv4 = bpf_ntohl(to->underlay.s6_addr32[3]);
	key.local_ipv4 = bpf_ntohl(local_underlay.s6_addr32[3]);
	if (bpf_skb_set_tunnel_key(skb, &key, sizeof(key), BPF_F_ZERO_CSUM_TX))
		return -REASON_ENCAP_FAILED;
	return 0;
}

/* 0 when the packet is ready for the tunnel, or a negative reason. */
static __always_inline int send_to_node(struct __sk_buff *skb, const struct flow *flow,
					const struct node *to)
{
	__u32 ifindex = skb->ifindex;
	const struct endpoint *from = bpf_map_lookup_elem(&ep_if, &ifindex);

	if (!from)
		return -REASON_UNKNOWN_ENDPOINT;
	if (!addr_equal(&flow->source, &from->addr))
		return -REASON_SPOOFED_SOURCE;
	return encapsulate(skb, to, from->identity);
}

static __always_inline int from_container(struct __sk_buff *skb)
{
	const struct ipcache_entry *entry;
	const struct node *to;
	struct flow flow;
	int refused;

	if (flow_parse(skb, &flow))
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
