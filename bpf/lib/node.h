/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* node: node index -> underlay address. One store moves every address of a node: ipcache entries
 * name its index. */
#pragma once

#include "types.h"

enum node_state {
	NODE_FREE = 0,
	NODE_ACTIVE = 1,
};

struct node {
	struct in6_addr underlay; /* where its tunnel packets go to and come from */
	__u32 cluster_id;	  /* 0: unknown */
	__u16 state;
	__u16 flags;
	__u64 reserved;
};
_Static_assert(sizeof(struct node) == 32, "layout is shared with agent/src/maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct node);
} node SEC(".maps");
