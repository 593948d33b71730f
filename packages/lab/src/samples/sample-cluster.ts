import { heartbeatKey } from '@clustermesh/wire';
import { isIPv4 } from 'node:net';
import { posix } from 'node:path';

import type { SampleTopology } from '../topology.ts';
import { readSampleFolder, sampleOf } from './sample-folder.ts';
import type { Sample, SampleFolder } from './sample-folder.ts';

/** A workload that samples speak of: what must answer at its addresses. */
export interface SamplePod {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  /** IPv4: the lab's underlay has no other. */
  readonly addresses: readonly [string, ...string[]];
  /** Address of its node, the end of the tunnel. */
  readonly host: string;
  readonly identity: number;
}

export interface SampleCluster {
  readonly name: string;
  /** As they were published, byte for byte, and `derived` ones. */
  readonly entries: ReadonlyMap<string, string>;
  readonly derived: ReadonlyMap<string, string>;
  /** Of those kinds all is there once these are: their values are times, so a writer writes its own. */
  readonly canaries: readonly string[];
  readonly pods: readonly SamplePod[];
}

interface IpSample {
  readonly IP: string;
  readonly HostIP: string;
  readonly ID: number;
  readonly K8sNamespace: string;
  readonly K8sPodName: string;
}

interface NodeSample {
  readonly IPAddresses: readonly { readonly Type: string; readonly IP: string }[];
}

interface ServiceSample {
  readonly name: string;
  readonly backends: Readonly<Record<string, unknown>>;
}

/**
 * A cluster out of one sample of each kind. The samples are not of one workload: what they name and do not have is
 * derived from them, so that packets can follow: the identity of the address, and addresses for the backends of the
 * service, which get the identity and the node that there are samples of (docs/adr/0191).
 */
export function sampleCluster(topology: SampleTopology): SampleCluster {
  const samples = readSampleFolder(topology);
  const [ip, servers] = [podOfIp(topology, samples), podOfService(topology, samples)];
  const all = [...samples.values()].filter(({ key }) => key !== heartbeatKey);
  const isCanary = ({ key }: Sample): boolean => key.startsWith('cilium/synced/');
  const entries = new Map(all.filter((one) => !isCanary(one)).map(({ key, value }) => [key, value]));
  const derived = [identityFor(ip, samples), ...ipsFor(servers, samples)].filter(({ key }) => !entries.has(key));
  return {
    name: topology.cluster,
    entries,
    derived: new Map(derived.map(({ key, value }) => [key, value])),
    canaries: all.filter(isCanary).map(({ key }) => key),
    pods: [ip, ...servers],
  };
}

function podOfIp({ cluster }: SampleTopology, samples: SampleFolder): SamplePod {
  const ip = parsed(samples, 'ip4') as IpSample;
  const { K8sNamespace: namespace, K8sPodName: name, HostIP: host, ID: identity } = ip;
  return { cluster, namespace, name, addresses: [ip.IP], host, identity };
}

/** One pod has the addresses of all backends: they have one program and one identity in any case. */
function podOfService({ cluster }: SampleTopology, samples: SampleFolder): readonly SamplePod[] {
  const { name, backends } = parsed(samples, 'service') as ServiceSample;
  const [first, ...others] = Object.keys(backends).filter(isIPv4);
  const host = (parsed(samples, 'node') as NodeSample).IPAddresses.find(({ IP }) => isIPv4(IP))?.IP;
  if (first === undefined || host === undefined) return [];
  const { key, value } = sampleOf(samples, 'identity');
  const namespace = /k8s:io\.kubernetes\.pod\.namespace=([^;]*);/.exec(value)?.[1] ?? '';
  return [{ cluster, namespace, name, addresses: [first, ...others], host, identity: Number(posix.basename(key)) }];
}

/** With the labels that every identity of Cilium has, in the order of their keys. */
function identityFor({ cluster, namespace, identity }: SamplePod, samples: SampleFolder): Sample {
  const labels = {
    'io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name': namespace,
    'io.cilium.k8s.policy.cluster': cluster,
    'io.cilium.k8s.policy.serviceaccount': 'default',
    'io.kubernetes.pod.namespace': namespace,
  };
  return {
    key: posix.join(posix.dirname(sampleOf(samples, 'identity').key), String(identity)),
    value: Object.entries(labels)
      .map(([key, text]) => `k8s:${key}=${text};`)
      .join(''),
  };
}

function ipsFor(pods: readonly SamplePod[], samples: SampleFolder): readonly Sample[] {
  const directory = posix.dirname(sampleOf(samples, 'ip4').key);
  const sample = parsed(samples, 'ip4') as IpSample;
  return pods.flatMap(({ namespace, name, addresses, host, identity }) =>
    addresses.map((IP) => {
      const of = { HostIP: host, ID: identity, K8sNamespace: namespace, K8sPodName: name };
      return { key: posix.join(directory, IP), value: JSON.stringify({ ...sample, IP, ...of }) };
    }),
  );
}

/** Nothing here is checked against the protocol: `wire` does that of the same files. */
function parsed(samples: SampleFolder, name: string): unknown {
  return JSON.parse(sampleOf(samples, name).value);
}
