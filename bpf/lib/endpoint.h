/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* endpoint: the pods of this node, by address (packets to them) and by host-side interface (packets
 * from them). */
#pragma once

#include <linux/if_ether.h>

#include "types.h"

struct endpoint {
	__u32 ifindex; /* host side of the veth pair */
	__u32 identity;
	__u32 id;
	__u32 flags;
	struct in6_addr addr;
	__u8 mac[ETH_ALEN];	 /* the pod's */
	__u8 host_mac[ETH_ALEN]; /* of the host side */
	__u32 subject;		 /* of its policy rows; 0: its identity */
};
_Static_assert(sizeof(struct endpoint) == 48, "layout is shared with agent/src/maps");

static __always_inline __u32 endpoint_subject(const struct endpoint *endpoint)
{
	return endpoint->subject ? endpoint->subject : endpoint->identity;
}

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct in6_addr);
	__type(value, struct endpoint);
} ep_ip SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct endpoint);
} ep_if SEC(".maps");
