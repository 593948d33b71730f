/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* metrics: (reason, direction) -> packets (for sockets: connects) and bytes, per CPU. */
#pragma once

#include "drop_reasons.h"
#include "types.h"

enum direction {
	DIRECTION_INGRESS = 1, /* to an endpoint */
	DIRECTION_EGRESS = 2,  /* from an endpoint */
	DIRECTION_SOCKET = 3,  /* connect() to a service */
};

struct metrics_key {
	__u8 reason;
	__u8 direction;
	__u16 pad;
};
_Static_assert(sizeof(struct metrics_key) == 4, "layout is shared with agent/src/maps");

struct metrics_value {
	__u64 count;
	__u64 bytes;
};
_Static_assert(sizeof(struct metrics_value) == 16, "layout is shared with agent/src/maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 256);
	__type(key, struct metrics_key);
	__type(value, struct metrics_value);
} metrics SEC(".maps");

static __always_inline void count(enum reason reason, enum direction direction, __u64 bytes)
{
	struct metrics_key key = {.reason = reason, .direction = direction};
	struct metrics_value *value = bpf_map_lookup_elem(&metrics, &key);

	if (!value) {
		struct metrics_value zero = {};

		/* Another CPU may have been first: its entry does as well. */
		bpf_map_update_elem(&metrics, &key, &zero, BPF_NOEXIST);
		value = bpf_map_lookup_elem(&metrics, &key);
		if (!value)
			return;
	}
	value->count++;
	value->bytes += bytes;
}
