/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* tuple: what makes a flow the same flow. */
#pragma once

#include "types.h"

struct tuple {
	struct in6_addr source;
	struct in6_addr destination;
	/* Of an ICMP echo its id is the port of who is asked: of a request the destination's, of a
	 * reply the source's. So a reply is the reverse of its request, and a request of nothing.
	 */
	__be16 source_port;
	__be16 destination_port;
	__u8 proto;
	__u8 pad[3];
};
