/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* packet: reading an IPv4 packet's addresses, rewriting its Ethernet addresses. */
#pragma once

#include <linux/if_ether.h>
#include <linux/ip.h>

#include "drop_reasons.h"
#include "endpoint.h"
#include "types.h"

struct flow {
	struct in6_addr source;
	struct in6_addr destination;
};

/* 0, or the negative reason why the packet has no IPv4 addresses to read. */
static __always_inline int flow_parse(struct __sk_buff *skb, struct flow *flow)
{
	const struct iphdr *ip;

	if (skb->protocol != bpf_htons(ETH_P_IP))
		return -REASON_UNSUPPORTED_PROTOCOL;
	/* A driver may leave the headers outside the linear part; a failed pull shows in the check
	 * below. */
	if ((void *)(long)skb->data + ETH_HLEN + sizeof(*ip) > (void *)(long)skb->data_end)
		bpf_skb_pull_data(skb, ETH_HLEN + sizeof(*ip));
	ip = (void *)(long)skb->data + ETH_HLEN;
	if ((void *)(ip + 1) > (void *)(long)skb->data_end)
		return -REASON_TRUNCATED;
	flow->source = addr_from_ipv4(ip->saddr);
	flow->destination = addr_from_ipv4(ip->daddr);
	return 0;
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
