/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* tunnel: the outer addresses of a packet that came by the tunnel device, and of one that is to
 * leave by it. The underlay may be IPv4 or IPv6, whatever is inside. */
#pragma once

#include "drop_reasons.h"
#include "types.h"

#define TUNNEL_TTL 64

struct outer {
	struct in6_addr local; /* all zero: the routing table chooses */
	struct in6_addr remote;
	__u32 vni;
};

/* 0, or the negative reason why the packet did not come by a tunnel. */
static __always_inline int tunnel_read(struct __sk_buff *skb, struct outer *outer)
{
	struct bpf_tunnel_key key = {};

	if (!bpf_skb_get_tunnel_key(skb, &key, sizeof(key), 0)) {
		outer->local = addr_from_ipv4(bpf_htonl(key.local_ipv4));
		outer->remote = addr_from_ipv4(bpf_htonl(key.remote_ipv4));
	} else if (!bpf_skb_get_tunnel_key(skb, &key, sizeof(key), BPF_F_TUNINFO_IPV6)) {
		__builtin_memcpy(&outer->local, key.local_ipv6, sizeof(outer->local));
		__builtin_memcpy(&outer->remote, key.remote_ipv6, sizeof(outer->remote));
	} else {
		return -REASON_NO_TUNNEL_METADATA;
	}
	outer->vni = key.tunnel_id;
	return 0;
}

/* 0 when the packet may be redirected to the tunnel device, or a negative reason. */
static __always_inline int tunnel_write(struct __sk_buff *skb, const struct outer *outer)
{
	struct bpf_tunnel_key key = {.tunnel_id = outer->vni, .tunnel_ttl = TUNNEL_TTL};
	/* Over IPv6 the outer UDP checksum is not optional: receivers drop packets without. */
	__u64 flags = BPF_F_TUNINFO_IPV6;

	if (addr_is_ipv4(&outer->remote)) {
		key.remote_ipv4 = bpf_ntohl(outer->remote.s6_addr32[3]);
		key.local_ipv4 = bpf_ntohl(outer->local.s6_addr32[3]);
		flags = BPF_F_ZERO_CSUM_TX;
	} else {
		__builtin_memcpy(key.remote_ipv6, &outer->remote, sizeof(outer->remote));
		__builtin_memcpy(key.local_ipv6, &outer->local, sizeof(outer->local));
	}
	if (bpf_skb_set_tunnel_key(skb, &key, sizeof(key), flags))
		return -REASON_ENCAP_FAILED;
	return 0;
}
