/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Service load-balancing at the socket: it is connected to, or sends to, a backend, so that no
 * packet ever carries the service's address. Where the socket asks who its peer is, it is told the
 * service that it asked for.
 *
 * An IPv6 socket reaches IPv4 services as ::ffff:a.b.c.d, which is how every address is written
 * here: connect6 and recvmsg6 meet such addresses; datagrams to them pass sendmsg4.
 */
#include <linux/errno.h>

#include "lib/meta.h"
#include "lib/metrics.h"
#include "lib/reverse.h"
#include "lib/service.h"

/* Of the network namespace that the node's own processes are in; 0: unknown. */
const volatile __u64 host_netns_cookie;

enum decision {
	REFUSE = 0,  /* as the kernel understands it */
	PROCEED = 1, /* to where it was going */
	TRANSLATE,   /* to a backend */
};

/* Makes `peer`, which may be a service, one of its backends. */
static __always_inline enum decision decide(const struct service_key *service,
					    struct service_client *client,
					    struct chosen_backend *chosen, struct sock_peer *peer)
{
	enum reason reason = REASON_STALE_SERVICE;

	switch (service_select(service, client, chosen)) {
	case SERVICE_NONE:
		return PROCEED;
	case SERVICE_SELECTED:
		/* An IPv4 socket cannot reach an IPv6 backend, and the kernel lets no IPv6
		 * datagram be turned to an IPv4 one. */
		if (addr_is_ipv4(&chosen->addr) == addr_is_ipv4(&service->vip)) {
			count(REASON_FORWARDED, DIRECTION_SOCKET, 0);
			peer->addr = chosen->addr;
			peer->port = chosen->port;
			return TRANSLATE;
		}
		reason = REASON_UNSUPPORTED_PROTOCOL;
		break;
	case SERVICE_NO_BACKEND:
		reason = REASON_NO_BACKEND;
		break;
	case SERVICE_STALE:
		break;
	}
	count(reason, DIRECTION_SOCKET, 0);
	/* Without an errno of our own the caller would see EPERM. */
	bpf_set_retval(-ECONNREFUSED);
	return REFUSE;
}

static __always_inline struct service_key service_key_of(const struct sock_peer *peer, __u8 proto)
{
	return (struct service_key){.vip = peer->addr, .port = peer->port, .proto = proto};
}

static __always_inline struct service_client client_of(struct bpf_sock_addr *ctx, __u32 draw)
{
	__u64 netns_cookie = bpf_get_netns_cookie(ctx);

	return (struct service_client){
	    .netns_cookie = netns_cookie,
	    .draw = draw,
	    .is_host = netns_cookie == host_netns_cookie,
	};
}

static __always_inline enum decision sock_connect(struct bpf_sock_addr *ctx, struct sock_peer *peer)
{
	struct service_key service = service_key_of(peer, ctx->protocol);
	struct service_client client = client_of(ctx, bpf_get_prandom_u32());
	struct chosen_backend chosen = {};
	enum decision decision;

	if (ctx->protocol != IPPROTO_TCP && ctx->protocol != IPPROTO_UDP)
		return PROCEED;
	decision = decide(&service, &client, &chosen, peer);
	if (decision == TRANSLATE)
		reverse_keep_sock(ctx->sk, &service, &chosen);
	else
		reverse_forget_sock(ctx->sk);
	return decision;
}

/* Cookies follow each other: their low bits alone would send every n-th socket to one backend. */
static __always_inline __u32 draw_of_cookie(__u64 cookie)
{
	return (cookie * 0x9e3779b97f4a7c15ULL) >> 32;
}

static __always_inline enum decision sock_sendmsg(struct bpf_sock_addr *ctx, struct sock_peer *peer)
{
	struct service_key service = service_key_of(peer, IPPROTO_UDP);
	__u64 cookie = bpf_get_socket_cookie(ctx);
	/* The datagrams of one socket go to one backend while the backends are the same. */
	struct service_client client = client_of(ctx, draw_of_cookie(cookie));
	struct chosen_backend chosen = {};
	enum decision decision = decide(&service, &client, &chosen, peer);

	if (decision == TRANSLATE)
		reverse_keep_udp(cookie, &service, &chosen);
	return decision;
}

/* A connected socket is told as getpeername() tells it. */
static __always_inline bool sock_recvmsg(struct bpf_sock_addr *ctx, struct sock_peer *peer)
{
	return reverse_sock(ctx->sk, peer) || reverse_udp(bpf_get_socket_cookie(ctx), peer);
}

static __always_inline struct sock_peer peer4(const struct bpf_sock_addr *ctx)
{
	return (struct sock_peer){
	    .addr = addr_from_ipv4(ctx->user_ip4),
	    .port = (__be16)ctx->user_port,
	};
}

static __always_inline struct sock_peer peer6(const struct bpf_sock_addr *ctx)
{
	struct sock_peer peer = {.port = (__be16)ctx->user_port};

	for (int word = 0; word < 4; word++)
		peer.addr.s6_addr32[word] = ctx->user_ip6[word];
	return peer;
}

static __always_inline void set4(struct bpf_sock_addr *ctx, const struct sock_peer *peer)
{
	ctx->user_ip4 = peer->addr.s6_addr32[3];
	ctx->user_port = peer->port;
}

static __always_inline void set6(struct bpf_sock_addr *ctx, const struct sock_peer *peer)
{
	for (int word = 0; word < 4; word++)
		ctx->user_ip6[word] = peer->addr.s6_addr32[word];
	ctx->user_port = peer->port;
}

SEC("cgroup/connect4")
int mesh_connect4(struct bpf_sock_addr *ctx)
{
	struct sock_peer peer = peer4(ctx);
	enum decision decision = sock_connect(ctx, &peer);

	if (decision == TRANSLATE)
		set4(ctx, &peer);
	return decision != REFUSE;
}

SEC("cgroup/connect6")
int mesh_connect6(struct bpf_sock_addr *ctx)
{
	struct sock_peer peer = peer6(ctx);
	enum decision decision = sock_connect(ctx, &peer);

	if (decision == TRANSLATE)
		set6(ctx, &peer);
	return decision != REFUSE;
}

SEC("cgroup/sendmsg4")
int mesh_sendmsg4(struct bpf_sock_addr *ctx)
{
	struct sock_peer peer = peer4(ctx);
	enum decision decision = sock_sendmsg(ctx, &peer);

	if (decision == TRANSLATE)
		set4(ctx, &peer);
	return decision != REFUSE;
}

SEC("cgroup/sendmsg6")
int mesh_sendmsg6(struct bpf_sock_addr *ctx)
{
	struct sock_peer peer = peer6(ctx);
	enum decision decision = sock_sendmsg(ctx, &peer);

	if (decision == TRANSLATE)
		set6(ctx, &peer);
	return decision != REFUSE;
}

SEC("cgroup/recvmsg4")
int mesh_recvmsg4(struct bpf_sock_addr *ctx)
{
	struct sock_peer peer = peer4(ctx);

	if (sock_recvmsg(ctx, &peer))
		set4(ctx, &peer);
	return PROCEED;
}

SEC("cgroup/recvmsg6")
int mesh_recvmsg6(struct bpf_sock_addr *ctx)
{
	struct sock_peer peer = peer6(ctx);

	if (sock_recvmsg(ctx, &peer))
		set6(ctx, &peer);
	return PROCEED;
}

SEC("cgroup/getpeername4")
int mesh_getpeername4(struct bpf_sock_addr *ctx)
{
	struct sock_peer peer = peer4(ctx);

	if (reverse_sock(ctx->sk, &peer))
		set4(ctx, &peer);
	return PROCEED;
}

SEC("cgroup/getpeername6")
int mesh_getpeername6(struct bpf_sock_addr *ctx)
{
	struct sock_peer peer = peer6(ctx);

	if (reverse_sock(ctx->sk, &peer))
		set6(ctx, &peer);
	return PROCEED;
}

char _license[] SEC("license") = "Dual BSD/GPL";
