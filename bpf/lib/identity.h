/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* identity: who stands behind an address (protocol.md §5.3). */
#pragma once

#include "ipcache.h"

enum reserved_identity {
	IDENTITY_WORLD_IPV4 = 9,
	IDENTITY_WORLD_IPV6 = 10,
};

/* What nobody in the mesh has is the world. */
static __always_inline __u32 identity_of(const struct ipcache_entry *entry,
					 const struct in6_addr *addr)
{
	if (entry)
		return entry->identity;
	return addr_is_ipv4(addr) ? IDENTITY_WORLD_IPV4 : IDENTITY_WORLD_IPV6;
}
