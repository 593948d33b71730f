/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* mesh_container, and the tunnel key it leaves, which a test run does not show. */
#include "../mesh_container.bpf.c"

struct seen {
	__u32 vni;
	struct in6_addr local;
	struct in6_addr remote;
};

/* The first bytes of the packet become the tunnel key. */
SEC("tc")
int test_from_container(struct __sk_buff *skb)
{
	int verdict = from_container(skb);
	struct outer outer = {};
	struct seen seen;

	/* Read as if it had arrived: there the local address is the remote one. */
	if (tunnel_read(skb, &outer))
		return verdict;
	seen.vni = outer.vni;
	seen.local = outer.remote;
	seen.remote = outer.local;
	return bpf_skb_store_bytes(skb, 0, &seen, sizeof(seen), 0) ? -2 : verdict;
}

/* A CNI's program at the same hook that lets nothing through. */
SEC("tc")
int test_drop_all(struct __sk_buff *skb)
{
	(void)skb;
	return TCX_DROP;
}
