/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* fragment: what a fragmented packet is judged by, from its first fragment for those that follow.
 * One that comes before the first is dropped: without it nothing could be made of it either.
 */
#pragma once

#include "drop_reasons.h"
#include "packet.h"

struct fragment_key {
	struct in6_addr source;
	struct in6_addr destination;
	__u32 id;
	__u8 proto; /* of IPv4; IPv6 is put together without it */
	__u8 pad[3];
};
_Static_assert(sizeof(struct fragment_key) == 40, "layout is part of the ABI: README.md");

struct fragment_ports {
	__be16 source_port;
	__be16 destination_port;
	__u8 proto;
	__u8 icmp_type;
	__u8 icmp_code;
	__u8 pad;
};
_Static_assert(sizeof(struct fragment_ports) == 8, "layout is part of the ABI: README.md");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct fragment_key);
	__type(value, struct fragment_ports);
} frag SEC(".maps");

static __always_inline void fragment_keep(const struct fragment_key *key,
					  const struct fragment_ports *ports)
{
	bpf_map_update_elem(&frag, key, ports, BPF_ANY);
}

static __always_inline const struct fragment_ports *fragment_find(const struct fragment_key *key)
{
	return bpf_map_lookup_elem(&frag, key);
}
