/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* mtu: a packet from a pod that is larger than the tunnel takes is answered as a router would
 * (RFC 792, RFC 4443): the pod's system then sends smaller ones. Nobody else can tell it; what
 * routers of the underlay say goes to the node.
 */
#pragma once

#include "l4.h"
#include "packet.h"

/* Settings: the largest packet of a pod that the tunnel takes, from its IP header; 0: any. */
const volatile __u32 tunnel_mtu;  /* over IPv4 */
const volatile __u32 tunnel_mtu6; /* over IPv6 */

/* How much of the packet the answer quotes: more than headers have, and less than any link takes.
 */
#define QUOTED_SIZE 128

#define ICMP_FRAGMENTATION_NEEDED 4 /* code of ICMP_DEST_UNREACH */
#define ICMPV6_PACKET_TOO_BIG	  2
#define IPV4_DONT_FRAGMENT	  0x4000
#define ANSWER_TTL		  64

struct icmp_too_big {
	__u8 type;
	__u8 code;
	__sum16 checksum;
	__be16 unused;
	__be16 mtu;
};

struct icmp6_too_big {
	__u8 type;
	__u8 code;
	__sum16 checksum;
	__be32 mtu;
};

/* Of what the card would cut into segments, the size of one with its headers. */
static __always_inline __u32 segment_size(struct __sk_buff *skb)
{
	struct ip_header ip = {};
	__u8 length = 0;

	if (ip_header_read(skb, ETH_HLEN, skb->protocol == bpf_htons(ETH_P_IP), &ip))
		return 0;
	if (ip.proto == IPPROTO_UDP)
		length = 8;
	else if (ip.proto == IPPROTO_TCP &&
		 !bpf_skb_load_bytes(skb, ip.offset + TCP_LENGTH_AT, &length, sizeof(length)))
		length = (length >> 4) * 4;
	return ip.offset - ETH_HLEN + length + skb->gso_size;
}

static __always_inline __u32 mtu_of(bool is_over_ipv4)
{
	return is_over_ipv4 ? tunnel_mtu : tunnel_mtu6;
}

static __always_inline bool mtu_allows(struct __sk_buff *skb, __u32 mtu)
{
	__u32 size = skb->len - ETH_HLEN;

	return !mtu || size <= mtu || (skb->gso_size && segment_size(skb) <= mtu);
}

/* The system may cut it in two: over IPv4 that happens to the packet of the tunnel, where routers
 * of an IPv6 underlay would drop it. */
static __always_inline bool may_be_fragmented(struct __sk_buff *skb, bool is_over_ipv4)
{
	struct iphdr ip;

	if (!is_over_ipv4 || skb->protocol != bpf_htons(ETH_P_IP) ||
	    bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)))
		return false;
	return !(ip.frag_off & bpf_htons(IPV4_DONT_FRAGMENT));
}

static __always_inline __sum16 checksum_fold(__u64 sum)
{
	for (int i = 0; i < 4; i++)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* Makes room for `size` bytes behind the Ethernet header, with what is quoted behind them. NULL
 * when it cannot be. */
static __always_inline void *quote_packet(struct __sk_buff *skb, __u32 size)
{
	void *ethernet, *end;
	__u8 mac[ETH_ALEN];

	if (bpf_skb_change_tail(skb, ETH_HLEN + QUOTED_SIZE, 0) ||
	    bpf_skb_adjust_room(skb, size, BPF_ADJ_ROOM_MAC, 0) ||
	    bpf_skb_pull_data(skb, ETH_HLEN + size + QUOTED_SIZE))
		return NULL;
	ethernet = (void *)(long)skb->data;
	end = (void *)(long)skb->data_end;
	if (ethernet + ETH_HLEN + size + QUOTED_SIZE > end)
		return NULL;
	__builtin_memcpy(mac, ethernet, ETH_ALEN);
	__builtin_memcpy(ethernet, ethernet + ETH_ALEN, ETH_ALEN);
	__builtin_memcpy(ethernet + ETH_ALEN, mac, ETH_ALEN);
	return ethernet + ETH_HLEN;
}

static __always_inline int answer_ipv4(struct __sk_buff *skb, __u32 mtu)
{
	const __u32 icmp_size = sizeof(struct icmp_too_big) + QUOTED_SIZE;
	struct iphdr *ip = quote_packet(skb, sizeof(*ip) + sizeof(struct icmp_too_big));
	struct icmp_too_big *icmp = (void *)(ip + 1);
	const struct iphdr *quoted = (void *)(icmp + 1);

	if (!ip)
		return -REASON_REWRITE_FAILED;
	*ip = (struct iphdr){
	    .version = 4,
	    .ihl = sizeof(*ip) / 4,
	    .tot_len = bpf_htons(sizeof(*ip) + icmp_size),
	    .ttl = ANSWER_TTL,
	    .protocol = IPPROTO_ICMP,
	    .saddr = quoted->daddr,
	    .daddr = quoted->saddr,
	};
	ip->check = checksum_fold(bpf_csum_diff(NULL, 0, (void *)ip, sizeof(*ip), 0));
	*icmp = (struct icmp_too_big){
	    .type = ICMP_DEST_UNREACH,
	    .code = ICMP_FRAGMENTATION_NEEDED,
	    .mtu = bpf_htons(mtu),
	};
	icmp->checksum = checksum_fold(bpf_csum_diff(NULL, 0, (void *)icmp, icmp_size, 0));
	return 0;
}

/* What an ICMPv6 checksum covers besides the message (RFC 8200, 8.1). */
struct pseudo_header {
	struct in6_addr source;
	struct in6_addr destination;
	__be32 size;
	__be32 proto;
};

static __always_inline int answer_ipv6(struct __sk_buff *skb, __u32 mtu)
{
	const __u32 icmp_size = sizeof(struct icmp6_too_big) + QUOTED_SIZE;
	struct ipv6hdr *ip = quote_packet(skb, sizeof(*ip) + sizeof(struct icmp6_too_big));
	struct icmp6_too_big *icmp = (void *)(ip + 1);
	const struct ipv6hdr *quoted = (void *)(icmp + 1);
	struct pseudo_header pseudo = {};
	__s64 sum;

	if (!ip)
		return -REASON_REWRITE_FAILED;
	pseudo.source = quoted->daddr;
	pseudo.destination = quoted->saddr;
	pseudo.size = bpf_htonl(icmp_size);
	pseudo.proto = bpf_htonl(IPPROTO_ICMPV6);
	*ip = (struct ipv6hdr){
	    .version = 6,
	    .payload_len = bpf_htons(icmp_size),
	    .nexthdr = IPPROTO_ICMPV6,
	    .hop_limit = ANSWER_TTL,
	    .saddr = pseudo.source,
	    .daddr = pseudo.destination,
	};
	*icmp = (struct icmp6_too_big){.type = ICMPV6_PACKET_TOO_BIG, .mtu = bpf_htonl(mtu)};
	sum = bpf_csum_diff(NULL, 0, (void *)&pseudo, sizeof(pseudo), 0);
	icmp->checksum = checksum_fold(bpf_csum_diff(NULL, 0, (void *)icmp, icmp_size, sum));
	return 0;
}

/* Turns the packet into the answer to its sender. 0, or a negative reason. */
__global int mtu_answer(struct __sk_buff *skb, __u32 mtu)
{
	return skb->protocol == bpf_htons(ETH_P_IP) ? answer_ipv4(skb, mtu) : answer_ipv6(skb, mtu);
}
