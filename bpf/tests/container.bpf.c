/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* mesh_container, and the tunnel key it leaves, which a test run does not show. */
#include "../mesh_container.bpf.c"

/* The first bytes of the packet become: VNI, outer destination, outer source (u32 each, host
 * order). */
SEC("tc")
int test_from_container(struct __sk_buff *skb)
{
	int verdict = from_container(skb);
	struct bpf_tunnel_key key = {};
	__u32 seen[3];

	if (bpf_skb_get_tunnel_key(skb, &key, sizeof(key), 0))
		return verdict;
	seen[0] = key.tunnel_id;
	seen[1] = key.local_ipv4;
	seen[2] = key.remote_ipv4;
	return bpf_skb_store_bytes(skb, 0, seen, sizeof(seen), 0) ? -2 : verdict;
}

/* A CNI's program at the same hook that lets nothing through. */
SEC("tc")
int test_drop_all(struct __sk_buff *skb)
{
	(void)skb;
	return TCX_DROP;
}
