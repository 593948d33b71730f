/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A stand-in for a CNI with policy of its own at the hooks of a pod: TCP to port 81 is refused, and
 * of everything else it says that it may pass, so that whoever comes later is not asked.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define REFUSED_PORT 81

/* Where TCP begins, without options and extension headers; 0: something else. */
static __always_inline __u32 tcp_offset(struct __sk_buff *skb)
{
	__u8 proto = 0;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		bpf_skb_load_bytes(skb, ETH_HLEN + offsetof(struct iphdr, protocol), &proto, 1);
		return proto == IPPROTO_TCP ? ETH_HLEN + sizeof(struct iphdr) : 0;
	}
	if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		bpf_skb_load_bytes(skb, ETH_HLEN + offsetof(struct ipv6hdr, nexthdr), &proto, 1);
		return proto == IPPROTO_TCP ? ETH_HLEN + sizeof(struct ipv6hdr) : 0;
	}
	return 0;
}

SEC("tc")
int cni_policy(struct __sk_buff *skb)
{
	__u32 tcp = tcp_offset(skb);
	__be16 port = 0;

	if (!tcp)
		return TC_ACT_OK;
	bpf_skb_load_bytes(skb, tcp + offsetof(struct tcphdr, dest), &port, sizeof(port));
	return port == bpf_htons(REFUSED_PORT) ? TC_ACT_SHOT : TC_ACT_OK;
}

char _license[] SEC("license") = "Dual BSD/GPL";
