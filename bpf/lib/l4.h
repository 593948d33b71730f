/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* l4: what policy judges a packet by: addresses, protocol, ports. ICMP echoes have their id where
 * ports are, so that an answer is known by it; an ICMP error has what it is about.
 */
#pragma once

#include "fragment.h"
#include "packet.h"
#include "tuple.h"

/* RFC 792 and RFC 4443; the kernel's own header of it needs a C library. */
enum icmp_type {
	ICMP_ECHOREPLY = 0,
	ICMP_DEST_UNREACH = 3,
	ICMP_SOURCE_QUENCH = 4,
	ICMP_ECHO = 8,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_PARAMETERPROB = 12,
	ICMPV6_FIRST_INFORMATIONAL = 128, /* below are errors */
	ICMPV6_ECHO_REQUEST = 128,
	ICMPV6_ECHO_REPLY = 129,
};
#define ICMP_HEADER_SIZE 8

enum l4_kind {
	L4_PLAIN = 0,
	L4_ICMP_ERROR = 1, /* `inner` is the packet that it is about */
};

struct l4 {
	struct tuple tuple;
	__be16 policy_port; /* destination port; of ICMP its type, which rules name */
	__u8 kind;
	__u8 tcp_flags;
	struct tuple inner;
};

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04

/* Extension headers in front of the transport; senders of more are not served. */
#define IPV6_EXTENSIONS_MAX 6

struct ip_header {
	struct flow flow;
	__u32 l4_offset;
	__u32 fragment_id;
	__u8 proto;
	bool is_fragment;	/* any fragment */
	bool is_later_fragment; /* without the transport's header */
};

static __always_inline int ipv4_header(struct __sk_buff *skb, __u32 offset, struct ip_header *out)
{
	struct iphdr ip;
	__u16 fragment;

	if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip)))
		return -REASON_TRUNCATED;
	fragment = bpf_ntohs(ip.frag_off);
	out->flow.source = addr_from_ipv4(ip.saddr);
	out->flow.destination = addr_from_ipv4(ip.daddr);
	out->l4_offset = offset + ip.ihl * 4;
	out->proto = ip.protocol;
	out->fragment_id = ip.id;
	out->is_later_fragment = (fragment & 0x1fff) != 0;
	out->is_fragment = (fragment & 0x3fff) != 0;
	return 0;
}

struct ipv6_extension {
	__u8 next;
	__u8 length; /* in 8 bytes, without the first */
	__be16 fragment_offset;
	__be32 fragment_id;
};

static __always_inline bool is_ipv6_extension(__u8 proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_DSTOPTS ||
	       proto == IPPROTO_FRAGMENT;
}

static __always_inline int ipv6_header(struct __sk_buff *skb, __u32 offset, struct ip_header *out)
{
	struct ipv6_extension extension;
	struct ipv6hdr ip;

	if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip)))
		return -REASON_TRUNCATED;
	out->flow.source = ip.saddr;
	out->flow.destination = ip.daddr;
	out->l4_offset = offset + sizeof(ip);
	out->proto = ip.nexthdr;
	out->is_fragment = out->is_later_fragment = false;
	for (int nth = 0; nth < IPV6_EXTENSIONS_MAX && is_ipv6_extension(out->proto); nth++) {
		if (bpf_skb_load_bytes(skb, out->l4_offset, &extension, sizeof(extension)))
			return -REASON_TRUNCATED;
		if (out->proto == IPPROTO_FRAGMENT) {
			out->is_fragment = true;
			out->is_later_fragment = (bpf_ntohs(extension.fragment_offset) & ~7) != 0;
			out->fragment_id = extension.fragment_id;
			out->l4_offset += 8;
		} else {
			out->l4_offset += 8 * (1 + extension.length);
		}
		out->proto = extension.next;
		if (out->is_later_fragment)
			break;
	}
	return is_ipv6_extension(out->proto) && !out->is_later_fragment
		   ? -REASON_UNSUPPORTED_PROTOCOL
		   : 0;
}

static __always_inline int ip_header_read(struct __sk_buff *skb, __u32 offset, bool is_ipv4,
					  struct ip_header *out)
{
	return is_ipv4 ? ipv4_header(skb, offset, out) : ipv6_header(skb, offset, out);
}

static __always_inline bool is_icmp_error(__u8 proto, __u8 type)
{
	if (proto == IPPROTO_ICMPV6)
		return type < ICMPV6_FIRST_INFORMATIONAL;
	return type == ICMP_DEST_UNREACH || type == ICMP_TIME_EXCEEDED ||
	       type == ICMP_PARAMETERPROB || type == ICMP_SOURCE_QUENCH;
}

static __always_inline bool is_icmp_echo(__u8 proto, __u8 type)
{
	if (proto == IPPROTO_ICMPV6)
		return type == ICMPV6_ECHO_REQUEST || type == ICMPV6_ECHO_REPLY;
	return type == ICMP_ECHO || type == ICMP_ECHOREPLY;
}

static __always_inline bool has_ports(__u8 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

struct l4_head {
	union {
		__be16 ports[2];
		struct {
			__u8 type;
			__u8 code;
			__u16 checksum;
			__be16 id; /* of an echo */
		} icmp;
	};
	__u16 rest;
};

/* Ports, or what stands for them. */
static __always_inline int tuple_read(struct __sk_buff *skb, const struct ip_header *ip,
				      struct tuple *out, __u8 *icmp_type)
{
	struct l4_head head = {};

	out->source = ip->flow.source;
	out->destination = ip->flow.destination;
	out->proto = ip->proto;
	out->source_port = out->destination_port = 0;
	if (has_ports(ip->proto)) {
		if (bpf_skb_load_bytes(skb, ip->l4_offset, &head.ports, sizeof(head.ports)))
			return -REASON_TRUNCATED;
		out->source_port = head.ports[0];
		out->destination_port = head.ports[1];
	} else if (ip->proto == IPPROTO_ICMP || ip->proto == IPPROTO_ICMPV6) {
		if (bpf_skb_load_bytes(skb, ip->l4_offset, &head.icmp, sizeof(head.icmp)))
			return -REASON_TRUNCATED;
		*icmp_type = head.icmp.type;
		if (is_icmp_echo(ip->proto, head.icmp.type))
			out->source_port = out->destination_port = head.icmp.id;
	}
	return 0;
}

/* 0, or the negative reason why the packet cannot be judged. */
static __always_inline int l4_read(struct __sk_buff *skb, struct l4 *out)
{
	bool is_ipv4 = skb->protocol == bpf_htons(ETH_P_IP);
	struct ip_header ip = {};
	__u8 icmp_type = 0;
	int refused = ip_header_read(skb, ETH_HLEN, is_ipv4, &ip);

	if (refused)
		return refused;
	if (ip.is_later_fragment) {
		refused = fragment_find(&ip.flow, ip.fragment_id, ip.proto, &out->tuple);
		out->policy_port = out->tuple.destination_port;
		return refused;
	}
	refused = tuple_read(skb, &ip, &out->tuple, &icmp_type);
	if (refused)
		return refused;
	out->policy_port = out->tuple.destination_port;
	if (ip.is_fragment)
		fragment_keep(&ip.flow, ip.fragment_id, &out->tuple);
	if (ip.proto == IPPROTO_TCP)
		return bpf_skb_load_bytes(skb, ip.l4_offset + 13, &out->tcp_flags, 1)
			   ? -REASON_TRUNCATED
			   : 0;
	if (ip.proto != IPPROTO_ICMP && ip.proto != IPPROTO_ICMPV6)
		return 0;
	out->policy_port = bpf_htons(icmp_type);
	if (!is_icmp_error(ip.proto, icmp_type))
		return 0;
	out->kind = L4_ICMP_ERROR;
	refused = ip_header_read(skb, ip.l4_offset + ICMP_HEADER_SIZE, is_ipv4, &ip);
	return refused ? refused : tuple_read(skb, &ip, &out->inner, &icmp_type);
}
