/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* tuple: what makes a flow the same flow. */
#pragma once

#include "types.h"

struct tuple {
	struct in6_addr source;
	struct in6_addr destination;
	__be16 source_port; /* of an ICMP echo its id, in both */
	__be16 destination_port;
	__u8 proto;
	__u8 pad[3];
};

/* The same flow as the other side sends it. */
static __always_inline struct tuple tuple_reverse(const struct tuple *tuple)
{
	return (struct tuple){
	    .source = tuple->destination,
	    .destination = tuple->source,
	    .source_port = tuple->destination_port,
	    .destination_port = tuple->source_port,
	    .proto = tuple->proto,
	};
}
