/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* meta: which layout the pinned maps beside it have, and who made them. Written and read by the
 * agent alone. abi_version stays first in every version: it is read before the rest is known.
 */
#pragma once

#include "types.h"

struct meta {
	__u32 abi_version; /* ABI_VERSION of the programs that the maps were made for */
	__u32 pad;
	__u8 object_sha256[32];
	__u8 boot_id[16];
	char agent_version[32]; /* of the agent that attached last; ends at the first 0 */
};
_Static_assert(sizeof(struct meta) == 88, "layout is shared with agent/src/maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct meta);
} meta SEC(".maps");
