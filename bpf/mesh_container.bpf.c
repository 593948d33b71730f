/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* At the host side of a pod's veth. From the pod: what policy lets out goes into the tunnel with
 * the pod's identity as VNI where it goes to another cluster. To the pod: what policy lets in.
 * Where policy is about the mesh alone, everything else belongs to the CNI and is passed on
 * untouched.
 */
#include "lib/endpoint.h"
#include "lib/identity.h"
#include "lib/ipcache.h"
#include "lib/judge.h"
#include "lib/meta.h"
#include "lib/metrics.h"
#include "lib/mtu.h"
#include "lib/packet.h"
#include "lib/tunnel.h"

/* Settings, set before the program is loaded. */
const volatile __u32 local_cluster_id;
const volatile __u32 vxlan_ifindex;
/* This node's underlay addresses as other nodes know them; all zero: the routing table chooses. */
const volatile struct in6_addr local_underlay; /* IPv4 */
const volatile struct in6_addr local_underlay6;

/* The node behind an entry where it is of another cluster, else NULL. */
static __always_inline const struct node *remote_node(const struct ipcache_entry *entry)
{
	const struct node *node = entry ? ipcache_node(entry) : NULL;

	return node && node->cluster_id && node->cluster_id != local_cluster_id ? node : NULL;
}

/* 0 when the packet is ready for the tunnel, or a negative reason. */
static __noinline int encapsulate(struct __sk_buff *skb, const struct node *to, __u32 identity)
{
	struct outer outer = {.remote = to->underlay, .vni = identity};
	bool is_over_ipv4 = addr_is_ipv4(&to->underlay);

	if (to->state != NODE_ACTIVE || addr_is_none(&to->underlay))
		return -REASON_NO_TUNNEL_ENDPOINT;
	if (!mtu_allows(skb, mtu_of(is_over_ipv4)) && !may_be_fragmented(skb, is_over_ipv4))
		return -REASON_TOO_BIG;
	outer.local = is_over_ipv4 ? local_underlay : local_underlay6;
	return tunnel_write(skb, &outer);
}

/* An endpoint has several addresses, and sends from these alone: the one behind an address must sit
 * at this interface. NULL with the negative reason. */
static __always_inline const struct endpoint *
sender_of(struct __sk_buff *skb, const struct in6_addr *source, bool is_crossing, int *refused)
{
	__u32 ifindex = skb->ifindex;
	const struct endpoint *from = bpf_map_lookup_elem(&ep_ip, source);
	const struct endpoint *at_interface;

	if (from && from->ifindex == ifindex)
		return from;
	at_interface = bpf_map_lookup_elem(&ep_if, &ifindex);
	/* Addresses of a link nobody gives out: they are the pod's where they do not leave it. */
	if (at_interface && !is_crossing && addr_stays_on_link(source))
		return at_interface;
	*refused = at_interface ? -REASON_SPOOFED_SOURCE : -REASON_UNKNOWN_ENDPOINT;
	return NULL;
}

/* A packet on its way, as far as it is known. */
struct passage {
	struct flow flow;
	struct l4 l4;
	struct outcome outcome;
	int unreadable; /* why policy cannot judge it; 0: it can */
};

/* Without addresses nothing can be said of a packet. What is not IP never concerns policy. */
static __always_inline int pass_unreadable(struct __sk_buff *skb, int unreadable,
					   enum direction direction)
{
	bool is_ip = skb->protocol == bpf_htons(ETH_P_IP) || skb->protocol == bpf_htons(ETH_P_IPV6);

	if (policy_scope != POLICY_SCOPE_ALL || !is_ip)
		return TCX_NEXT;
	count(-unreadable, direction, skb->len);
	return TCX_DROP;
}

static __always_inline int judge_passage(struct __sk_buff *skb, struct passage *at,
					 const struct judgement *about)
{
	if (policy_scope == POLICY_SCOPE_NONE)
		return 0;
	return at->unreadable ? at->unreadable : judge(skb, &at->l4, about, &at->outcome);
}

/* 0 when the pod may send it, or a negative reason. `identity` is the pod's. */
static __always_inline int judge_egress(struct __sk_buff *skb, struct passage *at, bool is_crossing,
					__u32 *identity)
{
	struct judgement about = {
	    .remote = at->outcome.destination_identity,
	    .direction = POLICY_EGRESS,
	};
	const struct endpoint *from;
	int refused = 0;

	from = sender_of(skb, &at->flow.source, is_crossing, &refused);
	if (!from)
		return refused;
	*identity = from->identity;
	about.subject = at->outcome.source_identity = endpoint_subject(from);
	return judge_passage(skb, at, &about);
}

/* Sends the pod word that its packet was too big, around what stands at the pod's interface. */
static __always_inline int answer_too_big(struct __sk_buff *skb, const struct node *to)
{
	int refused = mtu_answer(skb, mtu_of(addr_is_ipv4(&to->underlay)));

	if (!refused)
		return bpf_redirect_peer(skb->ifindex, 0);
	count(-refused, DIRECTION_EGRESS, skb->len);
	return TCX_DROP;
}

static __always_inline int from_container(struct __sk_buff *skb)
{
	const struct ipcache_entry *entry;
	const struct node *to;
	struct passage at = {};
	__u32 identity = 0;
	int refused = flow_parse(skb, &at.flow);

	if (refused)
		return pass_unreadable(skb, refused, DIRECTION_EGRESS);
	entry = ipcache_lookup(&at.flow.destination);
	to = remote_node(entry);
	if (to && addr_stays_on_link(&at.flow.destination))
		to = NULL, entry = NULL; /* whatever another cluster announces */
	if (!to && policy_scope != POLICY_SCOPE_ALL)
		return TCX_NEXT;
	at.outcome.destination_identity = identity_of(entry, &at.flow.destination);
	if (policy_scope != POLICY_SCOPE_NONE)
		at.unreadable = l4_read(skb, &at.l4);
	if (!to && l4_is_of_link(&at.l4))
		return TCX_NEXT;
	refused = judge_egress(skb, &at, to, &identity);
	if (!refused && to)
		refused = encapsulate(skb, to, identity);
	conclude(skb, &at.l4, &at.outcome, refused, DIRECTION_EGRESS);
	if (refused)
		return refused == -REASON_TOO_BIG && to ? answer_too_big(skb, to) : TCX_DROP;
	/* The inner Ethernet addresses stay: the node that decapsulates writes its own. */
	return to ? bpf_redirect(vxlan_ifindex, 0) : TCX_NEXT;
}

/* The endpoint at this interface that the packet is for; NULL when it is another's. */
static __always_inline const struct endpoint *receiver_of(struct __sk_buff *skb,
							  const struct in6_addr *destination)
{
	__u32 ifindex = skb->ifindex;
	const struct endpoint *to;

	if (addr_stays_on_link(destination))
		return bpf_map_lookup_elem(&ep_if, &ifindex);
	to = bpf_map_lookup_elem(&ep_ip, destination);
	return to && to->ifindex == ifindex ? to : NULL;
}

/* 0 when the pod may get it, or a negative reason. */
static __always_inline int judge_ingress(struct __sk_buff *skb, struct passage *at)
{
	struct judgement about = {
	    .remote = at->outcome.source_identity,
	    .direction = POLICY_INGRESS,
	};
	const struct endpoint *to = receiver_of(skb, &at->flow.destination);

	if (!to)
		return -REASON_UNKNOWN_ENDPOINT;
	about.subject = at->outcome.destination_identity = endpoint_subject(to);
	return judge_passage(skb, at, &about);
}

/* Pods of other clusters come by the tunnel, whose program judges and delivers what they send. Who
 * comes another way in their name is somebody else. */
static __always_inline int to_container(struct __sk_buff *skb)
{
	const struct ipcache_entry *entry;
	struct passage at = {};
	bool is_forged;
	int refused;

	if (policy_scope == POLICY_SCOPE_NONE)
		return TCX_NEXT;
	refused = flow_parse(skb, &at.flow);
	if (refused)
		return pass_unreadable(skb, refused, DIRECTION_INGRESS);
	entry = ipcache_lookup(&at.flow.source);
	is_forged = entry && identity_is_of_cluster(entry->identity) && remote_node(entry) &&
		    !addr_stays_on_link(&at.flow.source);
	if (!is_forged && policy_scope != POLICY_SCOPE_ALL)
		return TCX_NEXT;
	at.outcome.source_identity = identity_of(entry, &at.flow.source);
	at.unreadable = l4_read(skb, &at.l4);
	if (!is_forged && l4_is_of_link(&at.l4))
		return TCX_NEXT;
	refused = is_forged ? -REASON_FORGED_NODE : judge_ingress(skb, &at);
	return conclude(skb, &at.l4, &at.outcome, refused, DIRECTION_INGRESS) ? TCX_DROP : TCX_NEXT;
}

SEC("tc")
int mesh_from_container(struct __sk_buff *skb)
{
	return from_container(skb);
}

SEC("tc")
int mesh_to_container(struct __sk_buff *skb)
{
	return to_container(skb);
}

char _license[] SEC("license") = "Dual BSD/GPL";
