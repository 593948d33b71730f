/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the verifier refuses: a look-up that is used unchecked. */
#include "../lib/node.h"

SEC("tc")
int test_rejected(struct __sk_buff *skb)
{
	__u32 index = skb->len;
	struct node *record = bpf_map_lookup_elem(&node, &index);

	return record->state;
}

char _license[] SEC("license") = "Dual BSD/GPL";
