/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* At the tunnel device, packets from other nodes: delivered to the pod only if the node that sent
 * them is the one where the source address lives and the VNI is the identity of that address. A VNI
 * alone proves nothing: any host that reaches the tunnel port can write one.
 */
#include "lib/endpoint.h"
#include "lib/ipcache.h"
#include "lib/meta.h"
#include "lib/metrics.h"
#include "lib/packet.h"

/* 0 when the sender is who it says it is, or a negative reason. */
static __always_inline int verify_source(const struct in6_addr *source,
					 const struct bpf_tunnel_key *key)
{
	struct in6_addr outer = addr_from_ipv4(bpf_htonl(key->remote_ipv4));
	const struct ipcache_entry *entry = ipcache_lookup(source);
	const struct node *from;

	if (!entry)
		return -REASON_UNKNOWN_SOURCE;
	from = ipcache_node(entry);
	if (!from || from->state != NODE_ACTIVE || !addr_equal(&from->underlay, &outer))
		return -REASON_FORGED_NODE;
	if (entry->identity != key->tunnel_id)
		return -REASON_IDENTITY_MISMATCH;
	return 0;
}

/* The ifindex of the endpoint that the packet is ready for, or a negative reason. */
static __always_inline int receive(struct __sk_buff *skb)
{
	struct bpf_tunnel_key key = {};
	const struct endpoint *to;
	struct flow flow;
	int refused;

	if (bpf_skb_get_tunnel_key(skb, &key, sizeof(key), 0))
		return -REASON_NO_TUNNEL_METADATA;
	refused = flow_parse(skb, &flow);
	if (!refused)
		refused = verify_source(&flow.source, &key);
	if (refused)
		return refused;
	to = bpf_map_lookup_elem(&ep_ip, &flow.destination);
	if (!to)
		return -REASON_UNKNOWN_ENDPOINT;
	refused = ethernet_to_endpoint(skb, to);
	return refused ? refused : (int)to->ifindex;
}

static __always_inline int from_overlay(struct __sk_buff *skb)
{
	int ifindex = receive(skb);

	count(ifindex < 0 ? -ifindex : REASON_FORWARDED, DIRECTION_INGRESS, skb->len);
	return ifindex < 0 ? TCX_DROP : bpf_redirect_peer(ifindex, 0);
}

SEC("tc")
int mesh_from_overlay(struct __sk_buff *skb)
{
	return from_overlay(skb);
}

char _license[] SEC("license") = "Dual BSD/GPL";
