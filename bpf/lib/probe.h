/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* probe: does a packet get to another node and back by the tunnel? The agent sends a request, the
 * other node's program sends it back as the answer, ours writes down that it came. By node index:
 * what is under way, and what came back.
 */
#pragma once

#include <linux/if_ether.h>

#include "node_ip.h"
#include "packet.h"
#include "tunnel.h"

/* Local experimental EtherType 1 (IEEE 802): no stack delivers it anywhere. */
#define PROBE_ETHERTYPE 0x88b5
#define PROBE_MAGIC	0x636d7062 /* "cmpb" */

enum probe_kind {
	PROBE_REQUEST = 1,
	PROBE_ANSWER = 2,
};

/* All of a probe behind its Ethernet header: an answer is as long as the request. */
struct probe_frame {
	__be32 magic;
	__u8 kind;
	__u8 pad[3];
	__u64 token; /* the asking agent's, opaque to everybody else */
};
_Static_assert(sizeof(struct probe_frame) == 16, "layout is shared with agent/src/maps/probe.ts");

struct probe {
	struct in6_addr underlay; /* of the node that the agent's fields are about */
	__u64 token;		  /* of the last request; 0: none */
	__u64 sent_ns;		  /* when; CLOCK_MONOTONIC, as all times here */
	__u64 answered_token;	  /* written by the program, as the next two */
	__u64 answered_ns;
	__u64 reflected_ns; /* when a request of this node was last sent back */
	__u32 verdict;	    /* for the agent alone, also across its restarts */
	__u32 reserved;
};
_Static_assert(sizeof(struct probe) == 64, "layout is shared with agent/src/maps/probe.ts");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct probe);
} probe SEC(".maps");

/* Nodes ask once a second at most: what is more is not theirs. Whoever writes a node's address into
 * his requests gets it no more packets than this. */
#define PROBE_REFLECT_GAP_NS 100000000ULL

/* Sends a request back where it came from. A negative reason, or the positive one of success. */
static __always_inline int probe_reflect(struct __sk_buff *skb, const struct outer *from,
					 struct probe *probe)
{
	__u64 now = bpf_ktime_get_ns();
	__u8 kind = PROBE_ANSWER;
	int refused;

	if (now - probe->reflected_ns < PROBE_REFLECT_GAP_NS)
		return -REASON_PROBE_TOO_OFTEN;
	probe->reflected_ns = now;
	refused = tunnel_write(skb, from);
	if (refused)
		return refused;
	if (bpf_skb_store_bytes(skb, ETH_HLEN + offsetof(struct probe_frame, kind), &kind,
				sizeof(kind), BPF_F_RECOMPUTE_CSUM))
		return -REASON_REWRITE_FAILED;
	return REASON_PROBE_REFLECTED;
}

static __always_inline int probe_record(struct probe *probe, __u64 token)
{
	if (!token || token != probe->token)
		return -REASON_PROBE_UNEXPECTED;
	if (probe->answered_token == token)
		return -REASON_PROBE_UNEXPECTED; /* once more: the first time counts */
	probe->answered_ns = bpf_ktime_get_ns();
	probe->answered_token = token;
	return REASON_PROBE_ANSWERED;
}

/* REASON_PROBE_REFLECTED: to be redirected to the tunnel. REASON_PROBE_ANSWERED: done with. A
 * negative reason: refused. Nothing of it reaches an endpoint. */
static __always_inline int probe_receive(struct __sk_buff *skb, const struct outer *from)
{
	const struct probe_frame *frame;
	struct probe *with;
	__u32 index = node_index(&from->remote);

	if (!index)
		return -REASON_PROBE_UNKNOWN_NODE;
	with = bpf_map_lookup_elem(&probe, &index);
	if (!with)
		return -REASON_PROBE_UNKNOWN_NODE;
	frame = behind_ethernet(skb, sizeof(*frame));
	if (!frame || skb->len != ETH_HLEN + sizeof(*frame) ||
	    frame->magic != bpf_htonl(PROBE_MAGIC))
		return -REASON_PROBE_MALFORMED;
	if (frame->kind == PROBE_REQUEST)
		return probe_reflect(skb, from, with);
	if (frame->kind == PROBE_ANSWER)
		return probe_record(with, frame->token);
	return -REASON_PROBE_MALFORMED;
}
