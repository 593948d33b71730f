/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* node_ip: underlay address -> node index: which node an outer packet comes from. */
#pragma once

#include "node.h"
#include "types.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, struct in6_addr);
	__type(value, __u32);
} node_ip SEC(".maps");

/* The index of the active node with this address; 0 when there is none. */
static __always_inline __u32 node_index(const struct in6_addr *underlay)
{
	const __u32 *index = bpf_map_lookup_elem(&node_ip, underlay);
	const struct node *found = index ? bpf_map_lookup_elem(&node, index) : NULL;

	/* The two maps are written one after the other. */
	if (!found || found->state != NODE_ACTIVE || !addr_equal(&found->underlay, underlay))
		return 0;
	return *index;
}
