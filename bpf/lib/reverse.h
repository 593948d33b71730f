/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* reverse: from the backend that a socket was given back to the service that it asked for.
 * Connected sockets carry it themselves, where nothing can evict it; datagrams of unconnected ones
 * are found by socket and peer.
 */
#pragma once

#include "backend.h"
#include "service.h"
#include "types.h"

struct reverse_sock {
	struct in6_addr peer; /* the backend's address as it was connected to */
	struct in6_addr vip;
	__be16 peer_port;
	__be16 vip_port;
	__u32 svc_id;
	__u32 backend;
	__u32 gen;
};
_Static_assert(sizeof(struct reverse_sock) == 48, "layout is part of the ABI: README.md");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct reverse_sock);
} rev_sk SEC(".maps");

struct reverse_udp_key {
	__u64 cookie;
	struct in6_addr peer;
	__be16 peer_port;
	__u16 pad1;
	__u32 pad2;
};
_Static_assert(sizeof(struct reverse_udp_key) == 32, "layout is part of the ABI: README.md");

struct reverse_udp {
	struct in6_addr vip;
	__be16 vip_port;
	__u16 pad;
	__u32 svc_id;
};
_Static_assert(sizeof(struct reverse_udp) == 24, "layout is part of the ABI: README.md");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct reverse_udp_key);
	__type(value, struct reverse_udp);
} rev_udp SEC(".maps");

/* Whom a socket talks to: a service as it asked for it, or the backend that it got. */
struct sock_peer {
	struct in6_addr addr;
	__be16 port;
};

/* Without memory for it the connection works, but shows the backend's address. */
static __always_inline void reverse_keep_sock(struct bpf_sock *sk,
					      const struct service_key *service,
					      const struct chosen_backend *to)
{
	struct reverse_sock value = {
	    .peer = to->addr,
	    .vip = service->vip,
	    .peer_port = to->port,
	    .vip_port = service->port,
	    .svc_id = to->svc_id,
	    .backend = to->id,
	    .gen = to->gen,
	};
	struct reverse_sock *kept =
	    bpf_sk_storage_get(&rev_sk, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);

	if (kept)
		*kept = value;
}

/* A socket may be connected again, to something that is no service. */
static __always_inline void reverse_forget_sock(struct bpf_sock *sk)
{
	bpf_sk_storage_delete(&rev_sk, sk);
}

static __always_inline void reverse_keep_udp(__u64 cookie, const struct service_key *service,
					     const struct chosen_backend *to)
{
	struct reverse_udp_key key = {.cookie = cookie, .peer = to->addr, .peer_port = to->port};
	struct reverse_udp value = {
	    .vip = service->vip, .vip_port = service->port, .svc_id = to->svc_id};
	const struct reverse_udp *known = bpf_map_lookup_elem(&rev_udp, &key);

	/* Most datagrams follow another one: reading is cheaper than writing. */
	if (!known || known->svc_id != value.svc_id || known->vip_port != value.vip_port ||
	    !addr_equal(&known->vip, &value.vip))
		bpf_map_update_elem(&rev_udp, &key, &value, BPF_ANY);
}

/* `peer` becomes the service that stands for it; false when none does. */
static __always_inline bool reverse_sock(struct bpf_sock *sk, struct sock_peer *peer)
{
	const struct reverse_sock *kept = bpf_sk_storage_get(&rev_sk, sk, NULL, 0);

	if (!kept || kept->peer_port != peer->port || !addr_equal(&kept->peer, &peer->addr))
		return false;
	peer->addr = kept->vip;
	peer->port = kept->vip_port;
	return true;
}

static __always_inline bool reverse_udp(__u64 cookie, struct sock_peer *peer)
{
	struct reverse_udp_key key = {
	    .cookie = cookie, .peer = peer->addr, .peer_port = peer->port};
	const struct reverse_udp *known = bpf_map_lookup_elem(&rev_udp, &key);

	if (!known)
		return false;
	peer->addr = known->vip;
	peer->port = known->vip_port;
	return true;
}
