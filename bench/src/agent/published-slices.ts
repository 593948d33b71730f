import type { KvOp } from '@clustermesh/kvstore';
import { endpointSliceCodec, kindByName } from '@clustermesh/wire';
import type { SliceEndpoint } from '@clustermesh/wire';

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

  constructor(service: string) {
    this.#service = service;
  }

  /** Backends that take connections. */
  get ready(): number {
    return this.backends - this.#unready.size;
  }

  all(): readonly KvOp[] {
    return this.#slices().map((slice) => this.#put(slice));
  }

  none(): readonly KvOp[] {
    return this.#slices().map((slice) => ({ kind: 'delete', key: this.#key(slice) }));
  }

  /** A backend becomes ready or is no more, whatever it was: its slice. */
  toggle(backend: number): KvOp {
    if (!this.#unready.delete(backend)) this.#unready.add(backend);
    return this.#put(Math.floor(backend / endpointsPerSlice));
  }

  #slices(): readonly number[] {
    return Array.from({ length: Math.ceil(this.backends / endpointsPerSlice) }, (_, slice) => slice);
  }

  #put(slice: number): KvOp {
    const endpoints = Array.from({ length: endpointsPerSlice }, (_, at) =>
      this.#endpoint(slice * endpointsPerSlice + at),
    );
    const value = endpointSliceCodec.encode({
      cluster: this.#member.name,
      clusterId: this.#member.id,
      namespace,
      name: this.#name(slice),
      labels: {
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
        'kubernetes.io/service-name': this.#service,
      },
      annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': '2026-11-22T09:41:07Z' },
      addressType: 'IPv4',
      endpoints,
      ports: [{ name: servicePort.name, protocol: 'TCP', port: backendPort }],
    });
    return { kind: 'put', key: this.#key(slice), value };
  }

  #endpoint(backend: number): SliceEndpoint {
    const pod = (backend * stride) % this.backends;
    const isReady = !this.#unready.has(backend);
    return {
      addresses: [this.#member.podIp(pod)],
      conditions: { ready: isReady, serving: isReady, terminating: false },
      deprecatedTopology: {},
      nodeName: this.#member.nodeNameOf(pod),
      zone: `eu-west-1${'abc'[pod % 3] ?? ''}`,
    };
  }

  #name(slice: number): string {
    return `${this.#service}-${(slice * 7_919).toString(36).padStart(5, 'x')}`;
  }

  #key(slice: number): string {
    return `${kindByName.endpointslices.cachePrefix(this.#member.name)}${namespace}/${this.#name(slice)}`;
  }
}
