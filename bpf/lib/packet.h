/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* packet: reading the addresses of an IPv4 or IPv6 packet, rewriting its Ethernet addresses.
 * Addresses decide where a packet goes, and they stand in the fixed headers: what is behind these
 * is for policy (l4.h) and for the receiving stack. */
#pragma once

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "drop_reasons.h"
#include "endpoint.h"
#include "types.h"

struct flow {
	struct in6_addr source;
	struct in6_addr destination;
};

/* The first `size` bytes behind the Ethernet header, NULL when the packet is shorter. */
static __always_inline void *behind_ethernet(struct __sk_buff *skb, __u32 size)
{
	void *header;

	/* A driver may leave the headers outside the linear part; a failed pull shows in the check
	 * below. */
	if ((void *)(long)skb->data + ETH_HLEN + size > (void *)(long)skb->data_end)
		bpf_skb_pull_data(skb, ETH_HLEN + size);
	header = (void *)(long)skb->data + ETH_HLEN;
	return header + size > (void *)(long)skb->data_end ? NULL : header;
}

static __always_inline int flow_parse_ipv4(struct __sk_buff *skb, struct flow *flow)
{
	const struct iphdr *ip = behind_ethernet(skb, sizeof(*ip));

	if (!ip)
		return -REASON_TRUNCATED;
	flow->source = addr_from_ipv4(ip->saddr);
	flow->destination = addr_from_ipv4(ip->daddr);
	return 0;
}

static __always_inline int flow_parse_ipv6(struct __sk_buff *skb, struct flow *flow)
{
	const struct ipv6hdr *ip = behind_ethernet(skb, sizeof(*ip));

	if (!ip)
		return -REASON_TRUNCATED;
	flow->source = ip->saddr;
	flow->destination = ip->daddr;
	/* On a wire there are no v4-mapped addresses (RFC 4291): here they would pass for IPv4. */
	if (addr_is_ipv4(&flow->source) || addr_is_ipv4(&flow->destination))
		return -REASON_UNSUPPORTED_PROTOCOL;
	return 0;
}

/* 0, or the negative reason why the packet has no addresses to read. */
static __always_inline int flow_parse(struct __sk_buff *skb, struct flow *flow)
{
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return flow_parse_ipv4(skb, flow);
	if (skb->protocol == bpf_htons(ETH_P_IPV6))
		return flow_parse_ipv6(skb, flow);
	return -REASON_UNSUPPORTED_PROTOCOL;
}

/* Addresses the frame to the endpoint: with another destination its stack would take the packet for
 * someone else's. */
static __always_inline int ethernet_to_endpoint(struct __sk_buff *skb, const struct endpoint *to)
{
	if (bpf_skb_store_bytes(skb, 0, to->mac, ETH_ALEN, 0) ||
	    bpf_skb_store_bytes(skb, ETH_ALEN, to->host_mac, ETH_ALEN, 0))
		return -REASON_REWRITE_FAILED;
	/* The tunnel device judged the old destination; kernels before 6.x deliver by this mark. */
	bpf_skb_change_type(skb, 0 /* PACKET_HOST */);
	return 0;
}
