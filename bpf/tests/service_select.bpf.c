/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The choice of a backend, on arguments from a packet: cgroup programs have no test run, tc
 * programs do. */
#include "../lib/metrics.h"
#include "../lib/service.h"

/* Behind 14 bytes that stand for an Ethernet header. */
struct arguments {
	struct service_key key;	      /* in */
	struct service_client client; /* in */
	struct chosen_backend to;     /* out */
};
#define ARGUMENTS_OFFSET 14

static __always_inline int finish(struct __sk_buff *skb, struct arguments *arguments,
				  enum service_verdict verdict)
{
	bpf_skb_store_bytes(skb, ARGUMENTS_OFFSET, arguments, sizeof(*arguments), 0);
	return verdict;
}

SEC("tc")
int test_service_select(struct __sk_buff *skb)
{
	struct arguments arguments;

	if (bpf_skb_load_bytes(skb, ARGUMENTS_OFFSET, &arguments, sizeof(arguments)))
		return -1;
	return finish(skb, &arguments,
		      service_select(&arguments.key, &arguments.client, &arguments.to));
}

SEC("tc")
int test_service_try(struct __sk_buff *skb)
{
	struct arguments arguments;

	if (bpf_skb_load_bytes(skb, ARGUMENTS_OFFSET, &arguments, sizeof(arguments)))
		return -1;
	return finish(skb, &arguments,
		      service_try(&arguments.key, &arguments.client, &arguments.to));
}

char _license[] SEC("license") = "Dual BSD/GPL";
