/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* l4: what policy judges a packet by: addresses, protocol, ports, of ICMP the type. An ICMP error
 * has what it is about.
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
	ICMPV6_MLD_QUERY = 130, /* up to 137: groups (RFC 2710), neighbours (RFC 4861) */
	ICMPV6_REDIRECT = 137,
	ICMPV6_MLD2_REPORT = 143, /* RFC 3810 */
};
#define ICMP_HEADER_SIZE 8

enum l4_kind {
	L4_FLOW = 0,	     /* has ports, or is of a protocol without any */
	L4_ECHO_REQUEST = 1, /* the same by its id */
	L4_ECHO_REPLY = 2,
	L4_ICMP_ERROR = 3, /* `inner` is the packet that it is about */
	L4_ICMP_OTHER = 4, /* belongs to no flow */
};

#define TCP_FIN	      0x01
#define TCP_SYN	      0x02
#define TCP_RST	      0x04
#define TCP_ACK	      0x10
#define TCP_FLAGS_AT  13 /* in its header */
#define TCP_LENGTH_AT 12 /* in the high 4 bits: 4 bytes each */

struct l4 {
	struct tuple tuple;
	struct tuple inner;
	__u32 fragment_id; /* of the first fragment */
	__u8 kind;
	__u8 tcp_flags;
	__u8 icmp_type;
	__u8 icmp_code;
	__u8 hop_limit;
	bool is_first_fragment;
	__u16 pad;
};

/* Extension headers in front of the transport; senders of more are not served. */
#define IPV6_EXTENSIONS_MAX 6

struct ip_header {
	struct fragment_key fragment; /* with the addresses */
	__u32 offset;		      /* of what is behind it and its extensions */
	__u8 proto;
	__u8 hop_limit;
	bool is_ipv4;
	bool is_fragment;	/* any fragment, but not one that is all of its packet */
	bool is_later_fragment; /* without the transport's header */
};

static __always_inline int ipv4_header(struct __sk_buff *skb, __u32 offset, struct ip_header *out)
{
	struct iphdr ip;
	__u16 fragment;

	if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip)) || ip.version != 4 ||
	    ip.ihl * 4 < sizeof(ip))
		return -REASON_TRUNCATED;
	fragment = bpf_ntohs(ip.frag_off);
	out->fragment = (struct fragment_key){
	    .source = addr_from_ipv4(ip.saddr),
	    .destination = addr_from_ipv4(ip.daddr),
	    .id = ip.id,
	    .proto = ip.protocol,
	};
	out->offset = offset + ip.ihl * 4;
	out->proto = ip.protocol;
	out->hop_limit = ip.ttl;
	out->is_ipv4 = true;
	out->is_later_fragment = (fragment & 0x1fff) != 0;
	out->is_fragment = (fragment & 0x3fff) != 0; /* or more of them follow */
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

static __always_inline void ipv6_fragment_header(const struct ipv6_extension *extension,
						 struct ip_header *out)
{
	__u16 fragment = bpf_ntohs(extension->fragment_offset);

	out->is_later_fragment = (fragment & ~7) != 0;
	out->is_fragment = (fragment & ~6) != 0; /* or more of them follow */
	out->fragment.id = extension->fragment_id;
}

/* Steps over one header. Fragments of fragments nobody sends but to deceive. */
static __always_inline int ipv6_step(struct __sk_buff *skb, struct ip_header *out)
{
	struct ipv6_extension extension;

	if (bpf_skb_load_bytes(skb, out->offset, &extension, sizeof(extension)))
		return -REASON_TRUNCATED;
	if (out->proto != IPPROTO_FRAGMENT) {
		out->offset += 8 * (1 + extension.length);
	} else {
		if (out->is_fragment)
			return -REASON_UNSUPPORTED_PROTOCOL;
		ipv6_fragment_header(&extension, out);
		out->offset += sizeof(extension);
	}
	out->proto = extension.next;
	return 0;
}

static __always_inline int ipv6_header(struct __sk_buff *skb, __u32 offset, struct ip_header *out)
{
	struct ipv6hdr ip;
	int refused = 0;

	if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip)) || ip.version != 6)
		return -REASON_TRUNCATED;
	out->fragment = (struct fragment_key){.source = ip.saddr, .destination = ip.daddr};
	out->offset = offset + sizeof(ip);
	out->proto = ip.nexthdr;
	out->hop_limit = ip.hop_limit;
	out->is_ipv4 = out->is_fragment = out->is_later_fragment = false;
	for (int nth = 0; nth < IPV6_EXTENSIONS_MAX && !refused && !out->is_later_fragment &&
			  is_ipv6_extension(out->proto);
	     nth++)
		refused = ipv6_step(skb, out);
	if (refused || out->is_later_fragment)
		return refused;
	return is_ipv6_extension(out->proto) ? -REASON_UNSUPPORTED_PROTOCOL : 0;
}

static __always_inline int ip_header_read(struct __sk_buff *skb, __u32 offset, bool is_ipv4,
					  struct ip_header *out)
{
	return is_ipv4 ? ipv4_header(skb, offset, out) : ipv6_header(skb, offset, out);
}

static __always_inline bool has_ports(__u8 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

/* ICMP of the other family is a protocol like any other: nobody listens to it. */
static __always_inline bool is_icmp(__u8 proto, bool is_ipv4)
{
	return proto == (is_ipv4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

static __always_inline enum l4_kind icmp_kind(__u8 type, bool is_ipv4)
{
	if (type == (is_ipv4 ? ICMP_ECHO : ICMPV6_ECHO_REQUEST))
		return L4_ECHO_REQUEST;
	if (type == (is_ipv4 ? ICMP_ECHOREPLY : ICMPV6_ECHO_REPLY))
		return L4_ECHO_REPLY;
	if (!is_ipv4)
		return type < ICMPV6_FIRST_INFORMATIONAL ? L4_ICMP_ERROR : L4_ICMP_OTHER;
	return type == ICMP_DEST_UNREACH || type == ICMP_TIME_EXCEEDED ||
		       type == ICMP_PARAMETERPROB || type == ICMP_SOURCE_QUENCH
		   ? L4_ICMP_ERROR
		   : L4_ICMP_OTHER;
}

struct icmp_head {
	__u8 type;
	__u8 code;
	__u16 checksum;
	__be16 id; /* of an echo */
};

static __always_inline int icmp_ports(struct __sk_buff *skb, const struct ip_header *ip,
				      struct fragment_ports *out)
{
	struct icmp_head head;
	enum l4_kind kind;

	if (bpf_skb_load_bytes(skb, ip->offset, &head, sizeof(head)))
		return -REASON_TRUNCATED;
	kind = icmp_kind(head.type, ip->is_ipv4);
	out->icmp_type = head.type;
	out->icmp_code = head.code;
	if (kind == L4_ECHO_REQUEST)
		out->destination_port = head.id;
	if (kind == L4_ECHO_REPLY)
		out->source_port = head.id;
	return 0;
}

/* Ports, or what stands for them. `out` comes empty. */
static __always_inline int ports_read(struct __sk_buff *skb, const struct ip_header *ip,
				      struct fragment_ports *out)
{
	const struct fragment_ports *first;

	if (ip->is_later_fragment) {
		first = fragment_find(&ip->fragment);
		if (!first)
			return -REASON_FRAGMENT_UNKNOWN;
		*out = *first;
		return 0;
	}
	out->proto = ip->proto;
	if (is_icmp(ip->proto, ip->is_ipv4))
		return icmp_ports(skb, ip, out);
	if (!has_ports(ip->proto))
		return 0;
	return bpf_skb_load_bytes(skb, ip->offset, &out->source_port, 2 * sizeof(__be16))
		   ? -REASON_TRUNCATED
		   : 0;
}

static __always_inline struct tuple tuple_of(const struct ip_header *ip,
					     const struct fragment_ports *ports)
{
	return (struct tuple){
	    .source = ip->fragment.source,
	    .destination = ip->fragment.destination,
	    .source_port = ports->source_port,
	    .destination_port = ports->destination_port,
	    .proto = ports->proto,
	};
}

/* What the error is about. One that cannot be read is about nothing. */
static __always_inline void inner_read(struct __sk_buff *skb, const struct ip_header *outer,
				       struct l4 *out)
{
	struct fragment_ports ports = {};
	struct ip_header ip = {};

	out->kind = L4_ICMP_OTHER;
	if (outer->is_later_fragment ||
	    ip_header_read(skb, outer->offset + ICMP_HEADER_SIZE, outer->is_ipv4, &ip) ||
	    ports_read(skb, &ip, &ports))
		return;
	out->inner = tuple_of(&ip, &ports);
	out->kind = L4_ICMP_ERROR;
}

/* 0, or the negative reason why the packet cannot be judged; what could be read is there. */
__global int l4_read(struct __sk_buff *skb, struct l4 *out)
{
	struct fragment_ports ports = {};
	struct ip_header ip = {};
	int refused;

	if (!out)
		return -REASON_TRUNCATED;
	refused = ip_header_read(skb, ETH_HLEN, skb->protocol == bpf_htons(ETH_P_IP), &ip);

	ports.proto = ip.proto;
	if (!refused)
		refused = ports_read(skb, &ip, &ports);
	out->tuple = tuple_of(&ip, &ports);
	if (refused)
		return refused;
	out->hop_limit = ip.hop_limit;
	out->icmp_type = ports.icmp_type;
	out->icmp_code = ports.icmp_code;
	out->fragment_id = ip.fragment.id;
	out->is_first_fragment = ip.is_fragment && !ip.is_later_fragment;
	if (is_icmp(ports.proto, ip.is_ipv4)) {
		out->kind = icmp_kind(ports.icmp_type, ip.is_ipv4);
		if (out->kind == L4_ICMP_ERROR)
			inner_read(skb, &ip, out);
	}
	if (ports.proto != IPPROTO_TCP || ip.is_later_fragment)
		return 0;
	return bpf_skb_load_bytes(skb, ip.offset + TCP_FLAGS_AT, &out->tcp_flags, 1)
		   ? -REASON_TRUNCATED
		   : 0;
}

static __always_inline bool l4_is_icmp(const struct l4 *l4)
{
	return is_icmp(l4->tuple.proto, addr_is_ipv4(&l4->tuple.source));
}

/* What rules call the port. */
static __always_inline __be16 l4_policy_port(const struct l4 *l4)
{
	return l4_is_icmp(l4) ? bpf_htons(l4->icmp_type) : l4->tuple.destination_port;
}

static __always_inline bool l4_is_tcp(const struct l4 *l4)
{
	return l4->tuple.proto == IPPROTO_TCP;
}

/* Begins a connection. */
static __always_inline bool l4_is_syn(const struct l4 *l4)
{
	return l4_is_tcp(l4) &&
	       (l4->tcp_flags & (TCP_SYN | TCP_ACK | TCP_FIN | TCP_RST)) == TCP_SYN;
}

/* Neighbours and groups of a link (IPv6): without them a pod reaches nobody. What comes from beyond
 * the link has a hop limit below 255, or no address of the link. */
static __always_inline bool l4_is_of_link(const struct l4 *l4)
{
	if (!l4_is_icmp(l4) || addr_is_ipv4(&l4->tuple.source))
		return false;
	if (l4->icmp_type != ICMPV6_MLD2_REPORT &&
	    (l4->icmp_type < ICMPV6_MLD_QUERY || l4->icmp_type > ICMPV6_REDIRECT))
		return false;
	return l4->hop_limit == 255 || addr_stays_on_link(&l4->tuple.destination);
}
