/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* service: frontend (v4-mapped address, port, protocol) -> extent of slots -> backends.
 * The agent fills a fresh extent first and then replaces the service's value in one update, so that
 * a reader sees the old set of backends or the new one and never a mixture.
 */
#pragma once

#include "backend.h"
#include "types.h"

struct service_key {
	struct in6_addr vip;
	__be16 port;
	__u8 proto;
	__u8 scope; /* 0: from anywhere */
	__u32 pad;
};
_Static_assert(sizeof(struct service_key) == 24, "layout is shared with agent/src/maps");

/* One 8-byte load, so that base and count belong together. */
union service_extent {
	struct {
		__u32 slot_base;
		__u16 count; /* how many slots from slot_base may be chosen now; preferred backends
				come first */
		__u16 flags;
	};
	__u64 word;
};

struct service {
	union service_extent extent;
	__u32 svc_id;
	__u32 affinity_timeout_s; /* 0: none */
	__u16 total;		  /* size of the extent, count included */
	__u16 reserved1;
	__u32 reserved2;
};
_Static_assert(sizeof(struct service) == 24, "layout is shared with agent/src/maps");

struct slot {
	__u32 backend;
	__u32 svc_id; /* whose extent this is: guards against a reused one */
};
_Static_assert(sizeof(struct slot) == 8, "layout is shared with agent/src/maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, struct service_key);
	__type(value, struct service);
} svc SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 131072);
	__type(key, __u32);
	__type(value, struct slot);
} slot SEC(".maps");

enum service_verdict {
	SERVICE_NONE,	    /* no such frontend */
	SERVICE_SELECTED,   /* the backend's address was written */
	SERVICE_NO_BACKEND, /* the frontend exists and has nobody behind it */
	SERVICE_STALE,	    /* changed under us every time */
};

/* Each attempt can only fail when the agent changed the service in that very moment. */
#define SERVICE_ATTEMPTS 4

/* One attempt; SERVICE_STALE asks for another. */
static __always_inline enum service_verdict service_try(const struct service_key *key, __u32 random,
							struct backend_addr *out)
{
	const volatile struct service *service = bpf_map_lookup_elem(&svc, key);
	union service_extent extent;
	const struct slot *chosen;
	__u32 svc_id, index;

	if (!service)
		return SERVICE_NONE;
	extent.word = service->extent.word;
	svc_id = service->svc_id;
	/* The kernel may hand a deleted element to another service at once, even while we hold it:
	 * what was read counts only if the key still leads to it.
	 */
	service = bpf_map_lookup_elem(&svc, key);
	if (!service || service->svc_id != svc_id || service->extent.word != extent.word)
		return SERVICE_STALE;
	if (!extent.count)
		return SERVICE_NO_BACKEND;
	index = extent.slot_base + random % extent.count;
	chosen = bpf_map_lookup_elem(&slot, &index);
	if (!chosen || chosen->svc_id != svc_id)
		return SERVICE_STALE;
	return backend_read(chosen->backend, svc_id, out) ? SERVICE_SELECTED : SERVICE_STALE;
}

static __always_inline enum service_verdict service_select(const struct service_key *key,
							   struct backend_addr *out)
{
	for (int attempt = 0; attempt < SERVICE_ATTEMPTS; attempt++) {
		enum service_verdict verdict = service_try(key, bpf_get_prandom_u32(), out);

		if (verdict != SERVICE_STALE)
			return verdict;
	}
	return SERVICE_STALE;
}
