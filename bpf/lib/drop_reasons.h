/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Why something was decided as it was: the key of the metrics map. Numbers are stable and never
 * reused. To read them on a node: bpftool map dump name metrics
 */
#pragma once

enum reason {
	REASON_FORWARDED = 0,
	REASON_NO_BACKEND = 1,		 /* the service has no backend that may be chosen */
	REASON_STALE_SERVICE = 2,	 /* slots or backends kept changing under the look-up */
	REASON_TRUNCATED = 3,		 /* shorter than its headers say */
	REASON_UNSUPPORTED_PROTOCOL = 4, /* neither IPv4 nor IPv6 */
	REASON_UNKNOWN_ENDPOINT = 5,	 /* no local endpoint with this interface or address */
	REASON_SPOOFED_SOURCE = 6,	 /* an endpoint sends from an address that is not its own */
	REASON_NO_TUNNEL_ENDPOINT = 7,	 /* the destination's node is down or has no address */
	REASON_ENCAP_FAILED = 8,	 /* the kernel refused the tunnel key */
	REASON_NO_TUNNEL_METADATA = 9,	 /* reached the overlay without having been decapsulated */
	REASON_UNKNOWN_SOURCE = 10,	 /* no ipcache entry for the inner source address */
	REASON_FORGED_NODE = 11,	 /* the outer source is not the node of the inner source */
	REASON_IDENTITY_MISMATCH = 12,	 /* the VNI is not the identity of the inner source */
	REASON_REWRITE_FAILED = 13,	 /* the packet could not be written */
	/* Probes between nodes, lib/probe.h. */
	REASON_PROBE_REFLECTED = 20,	/* another node's: sent back */
	REASON_PROBE_ANSWERED = 21,	/* ours came back */
	REASON_PROBE_UNKNOWN_NODE = 22, /* its outer source is no node that we know */
	REASON_PROBE_MALFORMED = 23,	/* of another size, version or kind */
	REASON_PROBE_TOO_OFTEN = 24,	/* more than a node has reason to send */
	REASON_PROBE_UNEXPECTED = 25,	/* an answer to nothing that we asked last */
	REASON_BACKEND_GONE = 30,	/* a connection was ended because its backend is gone */
	/* Policy, lib/policy.h. */
	REASON_POLICY_DENIED = 40,    /* a rule denies it */
	REASON_POLICY_NO_RULE = 41,   /* no rule allows it, and the rest is denied */
	REASON_POLICY_NOT_READY = 42, /* what holds for this identity is not known yet */
	REASON_FRAGMENT_UNKNOWN = 43, /* a later fragment without its first */
	REASON_EVENT_LOST = 44,	      /* not told to people: too many, or nobody reads */
	REASON_TOO_BIG = 45,	      /* larger than the tunnel takes: its sender was told */
};
