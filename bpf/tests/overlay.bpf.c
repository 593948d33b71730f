/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* mesh_overlay on a packet that looks decapsulated: a test run cannot give a packet tunnel
 * metadata. */
#include "../mesh_overlay.bpf.c"

/* cb[0]: VNI, cb[1]: outer source address in host order, 0: no tunnel metadata. */
SEC("tc")
int test_from_overlay(struct __sk_buff *skb)
{
	/* What is set as the local address is what the receiving side reads as the remote one. */
	struct bpf_tunnel_key key = {.tunnel_id = skb->cb[0], .local_ipv4 = skb->cb[1]};

	if (key.local_ipv4 && bpf_skb_set_tunnel_key(skb, &key, sizeof(key), 0))
		return -2;
	return from_overlay(skb);
}
