/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* affinity: (client, service) -> the backend that it was last sent to. An entry counts only while
 * the record of the backend says that it is the same one and takes connections, so the agent never
 * has to look for entries of a backend that ends.
 */
#pragma once

#include <linux/errno.h>

#include "backend.h"
#include "types.h"

enum affinity_client {
	AFFINITY_NETNS = 1, /* client is the cookie of a network namespace */
};

struct affinity_key {
	__u64 client;
	__u32 svc_id;
	__u32 kind;
};
_Static_assert(sizeof(struct affinity_key) == 16, "layout is part of the ABI: README.md");

struct affinity {
	__u64 last_used_ns; /* monotonic */
	__u32 backend;
	__u32 gen;
};
_Static_assert(sizeof(struct affinity) == 16, "layout is part of the ABI: README.md");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct affinity_key);
	__type(value, struct affinity);
} aff SEC(".maps");

enum affinity_state {
	AFFINITY_NONE,
	AFFINITY_VALID,
	AFFINITY_ENDED, /* timed out, or its backend takes no more connections */
};

#define NS_PER_S 1000000000ULL

/* Each hit begins the time-out anew. */
static __always_inline enum affinity_state
affinity_find(const struct affinity_key *key, __u32 timeout_s, struct chosen_backend *out)
{
	volatile struct affinity *known = bpf_map_lookup_elem(&aff, key);
	__u64 now = bpf_ktime_get_ns();
	__s64 unused_ns;
	__u32 gen;

	if (!known)
		return AFFINITY_NONE;
	gen = known->gen;
	/* Below zero when another CPU has used it since `now`. */
	unused_ns = now - known->last_used_ns;
	if (unused_ns >= (__s64)(timeout_s * NS_PER_S) ||
	    !backend_read(known->backend, key->svc_id, out) || out->gen != gen)
		return AFFINITY_ENDED;
	known->last_used_ns = now;
	return AFFINITY_VALID;
}

/* False when another CPU was faster: its choice is the client's. */
static __always_inline bool affinity_keep(const struct affinity_key *key, enum affinity_state found,
					  const struct chosen_backend *chosen)
{
	struct affinity value = {
	    .last_used_ns = bpf_ktime_get_ns(),
	    .backend = chosen->id,
	    .gen = chosen->gen,
	};
	__u64 flags = found == AFFINITY_NONE ? BPF_NOEXIST : BPF_ANY;

	return bpf_map_update_elem(&aff, key, &value, flags) != -EEXIST;
}
