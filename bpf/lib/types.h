/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Includes that every program needs, and addresses: 16 bytes, IPv4 as v4-mapped (::ffff:a.b.c.d).
 */
#pragma once

#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* A function that the verifier looks at once, and not again for everything that its callers may
 * have done before. It may be given NULL for all the verifier knows, and its arguments whole:
 * structures have no holes. */
#define __global __attribute__((noinline))

/* Verdicts of a tcx program; UAPI headers before 6.6 lack them. */
#define TCX_NEXT -1
#define TCX_DROP 2

static __always_inline struct in6_addr addr_from_ipv4(__be32 ipv4)
{
	struct in6_addr addr = {};

	addr.s6_addr32[2] = bpf_htonl(0xffff);
	addr.s6_addr32[3] = ipv4;
	return addr;
}

static __always_inline bool addr_is_ipv4(const struct in6_addr *addr)
{
	return !addr->s6_addr32[0] && !addr->s6_addr32[1] &&
	       addr->s6_addr32[2] == bpf_htonl(0xffff);
}

static __always_inline bool addr_equal(const struct in6_addr *a, const struct in6_addr *b)
{
	return a->s6_addr32[0] == b->s6_addr32[0] && a->s6_addr32[1] == b->s6_addr32[1] &&
	       a->s6_addr32[2] == b->s6_addr32[2] && a->s6_addr32[3] == b->s6_addr32[3];
}

/* Unspecified, all zero. */
static __always_inline bool addr_is_none(const struct in6_addr *addr)
{
	return !addr->s6_addr32[0] && !addr->s6_addr32[1] && !addr->s6_addr32[2] &&
	       !addr->s6_addr32[3];
}

/* Multicast, link-local, broadcast, unspecified: no router forwards them, so no other cluster can
 * have them. Neighbour discovery and the gateways of pods live here. */
static __always_inline bool addr_stays_on_link(const struct in6_addr *addr)
{
	if (!addr_is_ipv4(addr))
		return addr->s6_addr[0] == 0xff || addr_is_none(addr) ||
		       (addr->s6_addr[0] == 0xfe && (addr->s6_addr[1] & 0xc0) == 0x80);
	return addr->s6_addr[12] >= 224 || addr->s6_addr[12] == 0 ||
	       (addr->s6_addr[12] == 169 && addr->s6_addr[13] == 254);
}
