/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Ends connections to backends that are gone. The agent runs these iterators in each network
 * namespace after it has freed backend records. Which sockets were given a backend, and which
 * record that was, the sockets carry themselves: one that was connected to the same address
 * directly carries nothing and is left alone.
 *
 * Needs the kernel's bpf_sock_destroy() (6.5), so it is an object of its own.
 */
#include "lib/metrics.h"
#include "lib/reverse.h"

/* The parts of the kernel's types that are read; libbpf finds where they are. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct sock_common {
	__u16 skc_family;
	__be16 skc_dport;
	__be32 skc_daddr;
	struct in6_addr skc_v6_daddr;
};

struct udp_sock;
struct bpf_iter_meta;

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
};

struct bpf_iter__udp {
	struct bpf_iter_meta *meta;
	struct udp_sock *udp_sk;
};
#pragma clang attribute pop

extern int bpf_sock_destroy(struct sock_common *sk) __ksym;

#define AF_INET	 2
#define AF_INET6 10

/* Is it still connected to what it was given? One that was disconnected keeps its storage. */
static __always_inline bool is_peer(const struct sock_common *sk, const struct reverse_sock *kept)
{
	if (sk->skc_dport != kept->peer_port)
		return false;
	if (sk->skc_family == AF_INET)
		return kept->peer.s6_addr32[3] == sk->skc_daddr && addr_is_ipv4(&kept->peer);
	if (sk->skc_family != AF_INET6)
		return false;
	for (int word = 0; word < 4; word++)
		if (sk->skc_v6_daddr.s6_addr32[word] != kept->peer.s6_addr32[word])
			return false;
	return true;
}

static __always_inline int end_if_gone(struct sock_common *sk, const struct reverse_sock *kept)
{
	if (kept && is_peer(sk, kept) && backend_is_gone(kept->backend, kept->gen) &&
	    !bpf_sock_destroy(sk))
		count(REASON_BACKEND_GONE, DIRECTION_SOCKET, 0);
	return 0;
}

SEC("iter/tcp")
int mesh_term_tcp(struct bpf_iter__tcp *ctx)
{
	struct sock_common *sk = ctx->sk_common;

	return sk ? end_if_gone(sk, bpf_sk_storage_get(&rev_sk, sk, NULL, 0)) : 0;
}

SEC("iter/udp")
int mesh_term_udp(struct bpf_iter__udp *ctx)
{
	struct sock_common *sk = (struct sock_common *)ctx->udp_sk;

	return sk ? end_if_gone(sk, bpf_sk_storage_get(&rev_sk, sk, NULL, 0)) : 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
