/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Service load-balancing at connect(): the socket is connected to a backend, so that no packet ever
 * carries the service's address and nothing has to be translated back.
 */
#include <linux/errno.h>

#include "lib/meta.h"
#include "lib/metrics.h"
#include "lib/service.h"

#define CONNECT_REFUSE	0
#define CONNECT_PROCEED 1

static __always_inline int refuse(enum reason reason)
{
	count(reason, DIRECTION_SOCKET, 0);
	/* Without an errno of our own connect() would say EPERM. */
	bpf_set_retval(-ECONNREFUSED);
	return CONNECT_REFUSE;
}

static __always_inline int connect4(struct bpf_sock_addr *ctx)
{
	struct service_key key = {
	    .vip = addr_from_ipv4(ctx->user_ip4),
	    .port = (__be16)ctx->user_port,
	    .proto = (__u8)ctx->protocol,
	};
	struct backend_addr to = {};

	switch (service_select(&key, &to)) {
	case SERVICE_NONE:
		return CONNECT_PROCEED;
	case SERVICE_NO_BACKEND:
		return refuse(REASON_NO_BACKEND);
	case SERVICE_STALE:
		return refuse(REASON_STALE_SERVICE);
	case SERVICE_SELECTED:
		break;
	}
	/* An IPv4 socket cannot reach an IPv6 backend. */
	if (!addr_is_ipv4(&to.addr))
		return refuse(REASON_UNSUPPORTED_PROTOCOL);
	ctx->user_ip4 = to.addr.s6_addr32[3];
	ctx->user_port = to.port;
	count(REASON_FORWARDED, DIRECTION_SOCKET, 0);
	return CONNECT_PROCEED;
}

SEC("cgroup/connect4")
int mesh_connect4(struct bpf_sock_addr *ctx)
{
	return ctx->protocol == IPPROTO_TCP ? connect4(ctx) : CONNECT_PROCEED;
}

char _license[] SEC("license") = "Dual BSD/GPL";
