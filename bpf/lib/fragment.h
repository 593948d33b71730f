/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* fragment: the ports of a fragmented packet, from its first fragment for those that follow. One
 * that comes before the first is dropped, as it would be judged without ports.
 */
#pragma once

#include "drop_reasons.h"
#include "packet.h"
#include "tuple.h"

struct fragment_key {
	struct in6_addr source;
	struct in6_addr destination;
	__u32 id;
	__u8 proto;
	__u8 pad[3];
};
_Static_assert(sizeof(struct fragment_key) == 40, "layout is part of the ABI: README.md");

struct fragment_ports {
	__be16 source_port;
	__be16 destination_port;
};
_Static_assert(sizeof(struct fragment_ports) == 4, "layout is part of the ABI: README.md");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct fragment_key);
	__type(value, struct fragment_ports);
} frag SEC(".maps");

static __always_inline struct fragment_key fragment_key_of(const struct flow *flow, __u32 id,
							   __u8 proto)
{
	return (struct fragment_key){
	    .source = flow->source,
	    .destination = flow->destination,
	    .id = id,
	    .proto = proto,
	};
}

static __always_inline void fragment_keep(const struct flow *flow, __u32 id,
					  const struct tuple *tuple)
{
	struct fragment_key key = fragment_key_of(flow, id, tuple->proto);
	struct fragment_ports ports = {tuple->source_port, tuple->destination_port};

	bpf_map_update_elem(&frag, &key, &ports, BPF_ANY);
}

static __always_inline int fragment_find(const struct flow *flow, __u32 id, __u8 proto,
					 struct tuple *out)
{
	struct fragment_key key = fragment_key_of(flow, id, proto);
	const struct fragment_ports *ports = bpf_map_lookup_elem(&frag, &key);

	if (!ports)
		return -REASON_FRAGMENT_UNKNOWN;
	out->source = flow->source;
	out->destination = flow->destination;
	out->proto = proto;
	out->source_port = ports->source_port;
	out->destination_port = ports->destination_port;
	return 0;
}
