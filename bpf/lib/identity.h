/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* identity: who stands behind an address (protocol.md §5.2, §5.3). */
#pragma once

#include "ipcache.h"

enum reserved_identity {
	IDENTITY_WORLD = 2,
	IDENTITY_REMOTE_NODE = 6,
	IDENTITY_KUBE_APISERVER = 7, /* which is a remote node as well */
	IDENTITY_WORLD_IPV4 = 9,
	IDENTITY_WORLD_IPV6 = 10,
};

#define IDENTITY_FIRST_ALLOCATED  256
#define IDENTITY_SCOPE_SHIFT	  24
#define IDENTITY_SCOPE_OF_NETWORK 1 /* a node's own numbers for networks that policies name */

/* What nobody in the mesh has is the world. */
static __always_inline __u32 identity_of(const struct ipcache_entry *entry,
					 const struct in6_addr *addr)
{
	if (entry)
		return entry->identity;
	return addr_is_ipv4(addr) ? IDENTITY_WORLD_IPV4 : IDENTITY_WORLD_IPV6;
}

__global __u32 identity_at(const struct in6_addr *addr)
{
	return addr ? identity_of(ipcache_lookup(addr), addr) : 0;
}

static __always_inline bool identity_is_world(__u32 identity)
{
	return identity == IDENTITY_WORLD || identity == IDENTITY_WORLD_IPV4 ||
	       identity == IDENTITY_WORLD_IPV6;
}

/* A pod's, known in the whole mesh. */
static __always_inline bool identity_is_of_cluster(__u32 identity)
{
	return identity >= IDENTITY_FIRST_ALLOCATED && !(identity >> IDENTITY_SCOPE_SHIFT);
}

/* Does who has the identity here send with this VNI? Networks are known to this node alone, and
 * which nodes serve the Kubernetes API is not known to all: they send as what everybody knows. */
static __always_inline bool identity_sends_as(__u32 identity, __u32 vni)
{
	if (identity == vni)
		return true;
	if (identity == IDENTITY_KUBE_APISERVER)
		return vni == IDENTITY_REMOTE_NODE;
	if (identity_is_world(identity) ||
	    identity >> IDENTITY_SCOPE_SHIFT == IDENTITY_SCOPE_OF_NETWORK)
		return identity_is_world(vni);
	return false;
}
