import { clusterEndpointSlice, sliceParts } from '@clustermesh/apiserver';
import type { EndpointSlice } from '@clustermesh/kube';
import type { KvOp } from '@clustermesh/kvstore';
import { endpointSliceCodec, kindByName, rfc3339 } from '@clustermesh/wire';

import { backendPort, namespace, servicePort } from '../restart/local-cluster.ts';
import { CachedMember } from './cached-member.ts';
import { slicesMember } from './mesh-size.ts';

/** As the controller fills slices. */
const endpointsPerSlice = 100;
/** Pods of a service are anywhere. Coprime to how many there are. */
const stride = 1_237;

/** Slices of a service whose backends are all the pods of a cluster, as its apiserver publishes them. */
export class PublishedSlices {
  readonly backends = slicesMember.size.addresses;
  readonly #service: string;
  readonly #member = new CachedMember(slicesMember.id, slicesMember.size, { slices: true });
  readonly #unready = new Set<number>();
  /** By key, in hex: what has not changed is not published again. */
  readonly #published = new Map<string, string>();

  constructor(service: string) {
    this.#service = service;
  }

  /** Backends that take connections. */
  get ready(): number {
    return this.backends - this.#unready.size;
  }

  all(): readonly KvOp[] {
    return Array.from({ length: Math.ceil(this.backends / endpointsPerSlice) }, (_, slice) =>
      this.#changes(slice),
    ).flat();
  }

  none(): readonly KvOp[] {
    const keys = [...this.#published.keys()];
    this.#published.clear();
    return keys.map((key) => ({ kind: 'delete', key }));
  }

  /** A backend becomes ready or is no more, whatever it was. */
  toggle(backend: number): readonly KvOp[] {
    if (!this.#unready.delete(backend)) this.#unready.add(backend);
    return this.#changes(Math.floor(backend / endpointsPerSlice));
  }

  #changes(slice: number): readonly KvOp[] {
    const { name, id } = this.#member;
    const cluster = { name, id, maxConnectedClusters: 255 as const };
    const parts = sliceParts(clusterEndpointSlice(this.#object(slice), cluster));
    return parts.flatMap((part) => {
      const key = `${kindByName.endpointslices.cachePrefix(name)}${namespace}/${part.name}`;
      const value = endpointSliceCodec.encode(part);
      const text = Buffer.from(value).toString('hex');
      if (this.#published.get(key) === text) return [];
      this.#published.set(key, text);
      return [{ kind: 'put', key, value }];
    });
  }

  /** As the controller writes it: also when it last changed. */
  #object(slice: number): EndpointSlice {
    const name = `${this.#service}-${(slice * 7_919).toString(36).padStart(5, 'x')}`;
    const labels = {
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      'kubernetes.io/service-name': this.#service,
    };
    const annotations = { 'endpoints.kubernetes.io/last-change-trigger-time': rfc3339(Date.now()) };
    return {
      metadata: { name, namespace, labels, annotations },
      addressType: 'IPv4',
      endpoints: Array.from({ length: endpointsPerSlice }, (_, at) => this.#endpoint(slice * endpointsPerSlice + at)),
      ports: [{ name: servicePort.name, protocol: 'TCP', port: backendPort }],
    };
  }

  #endpoint(backend: number): NonNullable<EndpointSlice['endpoints']>[number] {
    const pod = (backend * stride) % this.backends;
    const isReady = !this.#unready.has(backend);
    return {
      addresses: [this.#member.podIp(pod)],
      conditions: { ready: isReady, serving: isReady, terminating: false },
      nodeName: this.#member.nodeNameOf(pod),
      zone: `eu-west-1${'abc'[pod % 3] ?? ''}`,
    };
  }
}
