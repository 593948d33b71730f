/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* service: frontend (v4-mapped address, port, protocol) -> extent of slots -> backends.
 * The agent fills a fresh extent first and then replaces the service's value in one update, so that
 * a reader sees the old set of backends or the new one and never a mixture.
 */
#pragma once

#include "affinity.h"
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
	__u16 home_first; /* where those of this cluster stand that take connections, contiguous */
	__u16 home_count;
	__u16 reserved;
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

/* Who asks, and which of the backends that may be chosen it shall be when nothing else decides. */
struct service_client {
	__u64 netns_cookie; /* one pod, or the node with all that uses its network */
	__u32 draw;
	__u32 is_host; /* the node: the tunnel to other clusters is for pods */
};

/* A service as one reader saw it: its fields belong together. */
struct service_view {
	union service_extent extent;
	__u32 svc_id;
	__u32 affinity_timeout_s;
	__u16 home_first;
	__u16 home_count;
};

/* A reader that is held up while elements of its bucket are replaced can be led past one that was
 * there all the time: one miss proves nothing. */
static __always_inline const volatile struct service *service_find(const struct service_key *key)
{
	const volatile struct service *service = bpf_map_lookup_elem(&svc, key);

	return service ? service : bpf_map_lookup_elem(&svc, key);
}

/* SERVICE_SELECTED: there is something to choose from. */
static __always_inline enum service_verdict service_read(const struct service_key *key,
							 struct service_view *out)
{
	const volatile struct service *service = service_find(key);

	if (!service)
		return SERVICE_NONE;
	out->extent.word = service->extent.word;
	out->svc_id = service->svc_id;
	out->affinity_timeout_s = service->affinity_timeout_s;
	out->home_first = service->home_first;
	out->home_count = service->home_count;
	/* The kernel may hand a deleted element to another service at once, even while we hold it:
	 * what was read counts only if the key still leads to it.
	 */
	service = bpf_map_lookup_elem(&svc, key);
	if (!service || service->svc_id != out->svc_id || service->extent.word != out->extent.word)
		return SERVICE_STALE;
	return out->extent.count ? SERVICE_SELECTED : SERVICE_NO_BACKEND;
}

/* A host process takes a backend of its own cluster while there is one, preferred or not. */
static __always_inline __u32 service_index(const struct service_view *service,
					   const struct service_client *client)
{
	const union service_extent *extent = &service->extent;

	if (client->is_host && service->home_count)
		return extent->slot_base + service->home_first + client->draw % service->home_count;
	return extent->slot_base + client->draw % extent->count;
}

static __always_inline enum service_verdict service_draw(const struct service_view *service,
							 const struct service_client *client,
							 struct chosen_backend *out)
{
	__u32 index = service_index(service, client);
	const struct slot *chosen = bpf_map_lookup_elem(&slot, &index);

	if (!chosen || chosen->svc_id != service->svc_id)
		return SERVICE_STALE;
	return backend_read(chosen->backend, service->svc_id, out) ? SERVICE_SELECTED
								   : SERVICE_STALE;
}

/* The backend that this client had, while it still takes connections; else a new choice, kept. */
static __always_inline enum service_verdict service_stick(const struct service_view *service,
							  const struct service_client *client,
							  struct chosen_backend *out)
{
	struct affinity_key key = {
	    .client = client->netns_cookie,
	    .svc_id = service->svc_id,
	    .kind = AFFINITY_NETNS,
	};
	enum affinity_state known = affinity_find(&key, service->affinity_timeout_s, out);
	enum service_verdict verdict;

	if (known == AFFINITY_VALID)
		return SERVICE_SELECTED;
	verdict = service_draw(service, client, out);
	if (verdict != SERVICE_SELECTED)
		return verdict;
	return affinity_keep(&key, known, out) ? SERVICE_SELECTED : SERVICE_STALE;
}

/* One attempt; SERVICE_STALE asks for another. */
static __always_inline enum service_verdict service_try(const struct service_key *key,
							const struct service_client *client,
							struct chosen_backend *out)
{
	struct service_view service;
	enum service_verdict verdict = service_read(key, &service);

	if (verdict != SERVICE_SELECTED)
		return verdict;
	return service.affinity_timeout_s ? service_stick(&service, client, out)
					  : service_draw(&service, client, out);
}

/* Each attempt can only fail when the agent changed the service in that very moment, or another
 * CPU chose for the same client. */
#define SERVICE_ATTEMPTS 4

static __always_inline enum service_verdict service_select(const struct service_key *key,
							   struct service_client *client,
							   struct chosen_backend *out)
{
	for (int attempt = 0; attempt < SERVICE_ATTEMPTS; attempt++) {
		enum service_verdict verdict = service_try(key, client, out);

		if (verdict != SERVICE_STALE)
			return verdict;
		client->draw++;
	}
	return SERVICE_STALE;
}
