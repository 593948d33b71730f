/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* backend: backend id -> address. A record belongs to one service; gen changes when the record
 * changes hands. */
#pragma once

#include "types.h"

enum backend_state {
	BACKEND_FREE = 0,
	BACKEND_ACTIVE = 1,
	BACKEND_TERMINATING = 2,
	BACKEND_QUARANTINED = 3,
};

struct backend {
	struct in6_addr addr;
	__be16 port;
	__u8 proto;
	__u8 state;
	__u32 svc_id;
	__u32 gen;
	__u16 cluster_id;
	__u16 zone;
};
_Static_assert(sizeof(struct backend) == 32, "layout is shared with agent/src/maps");

/* A backend as it was when it was chosen. */
struct chosen_backend {
	struct in6_addr addr;
	__be16 port;
	__u16 pad;
	__u32 svc_id;
	__u32 id;
	__u32 gen;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct backend);
} backend SEC(".maps");

/* False when the record is not, or no longer, an active backend of this service: the agent rewrites
 * records in place, so gen must be the same before and after the address is read.
 */
static __always_inline bool backend_read(__u32 id, __u32 svc_id, struct chosen_backend *out)
{
	const volatile struct backend *record = bpf_map_lookup_elem(&backend, &id);

	if (!record)
		return false;
	out->gen = record->gen;
	if (record->svc_id != svc_id || record->state != BACKEND_ACTIVE)
		return false;
	for (int word = 0; word < 4; word++)
		out->addr.s6_addr32[word] = record->addr.s6_addr32[word];
	out->port = record->port;
	out->svc_id = svc_id;
	out->id = id;
	return record->gen == out->gen;
}

/* Has the record ended, or changed hands, since it was chosen? One that drains has not. */
static __always_inline bool backend_is_gone(__u32 id, __u32 gen)
{
	const volatile struct backend *record = bpf_map_lookup_elem(&backend, &id);

	return !record || record->gen != gen || record->state == BACKEND_FREE;
}
