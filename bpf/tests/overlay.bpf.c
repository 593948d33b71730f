/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* mesh_overlay on a packet that looks decapsulated: a test run cannot give a packet tunnel
 * metadata. */
#include "../mesh_overlay.bpf.c"

#define MARK_OUTER_IPV6 6

/* What is set as the local address is what the receiving side reads as the remote one. */
static __always_inline int pretend_tunnel(struct __sk_buff *skb)
{
	struct bpf_tunnel_key key = {.tunnel_id = skb->cb[0]};

	if (skb->mark != MARK_OUTER_IPV6) {
		key.local_ipv4 = skb->cb[1];
		return key.local_ipv4 ? bpf_skb_set_tunnel_key(skb, &key, sizeof(key), 0) : 0;
	}
	key.local_ipv6[0] = skb->cb[1];
	key.local_ipv6[1] = skb->cb[2];
	key.local_ipv6[2] = skb->cb[3];
	key.local_ipv6[3] = skb->cb[4];
	return bpf_skb_set_tunnel_key(skb, &key, sizeof(key), BPF_F_TUNINFO_IPV6);
}

/* cb[0]: VNI, cb[1]: outer source address in host order, 0: no tunnel metadata. With the mark,
 * cb[1] to cb[4] are an IPv6 address. */
SEC("tc")
int test_from_overlay(struct __sk_buff *skb)
{
	return pretend_tunnel(skb) ? -2 : from_overlay(skb);
}

/* The same; then the first bytes of a packet that is sent back become where it goes: outer
 * destination (16 bytes). */
SEC("tc")
int test_sent_back(struct __sk_buff *skb)
{
	int verdict = pretend_tunnel(skb) ? -2 : from_overlay(skb);
	struct bpf_tunnel_key key = {};
	struct in6_addr to;

	/* Read back, what was set as the remote address is the local one. */
	if (!bpf_skb_get_tunnel_key(skb, &key, sizeof(key), 0))
		to = addr_from_ipv4(bpf_htonl(key.local_ipv4));
	else if (!bpf_skb_get_tunnel_key(skb, &key, sizeof(key), BPF_F_TUNINFO_IPV6))
		__builtin_memcpy(&to, key.local_ipv6, sizeof(to));
	else
		return -2;
	return bpf_skb_store_bytes(skb, 0, &to, sizeof(to), 0) ? -2 : verdict;
}
