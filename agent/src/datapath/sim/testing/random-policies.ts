import { network, selectorOf, workload } from '@clustermesh/policy';
import type { Identity, NamedPorts, Peer, Policy, PolicyService, PortMatch, Rule, Selector } from '@clustermesh/policy';
import { parseCidr, parseLabel, prefixOf } from '@clustermesh/wire';
import type { Prefix } from '@clustermesh/wire';
import fc from 'fast-check';

export const localCluster = 'east';
const clusterLabel = 'io.cilium.k8s.policy.cluster';
const namespaceLabel = 'io.kubernetes.pod.namespace';
const protocols = { tcp: 6, udp: 17, icmp: 1, icmpv6: 58, sctp: 132, gre: 47 } as const;

const apps = ['a', 'b', 'c', 'd'] as const;
type App = (typeof apps)[number];
const clusters = ['east', 'north'] as const;

const namedPorts: readonly NamedPorts[] = [new Map(), new Map([['6/web', [80]]]), new Map([['6/web', [3, 9]]])];

interface Labelled {
  readonly app: App;
  readonly cluster: (typeof clusters)[number];
  readonly ports: NamedPorts;
}

/** Two of them are pods of this node. */
export const subjects = [65_600, 65_601] as const;
const workloadNumbers = [...subjects, 65_602, 131_100, 131_101] as const;

function workloadOf(number: number, { app, cluster, ports }: Labelled): Identity {
  const labels = [`k8s:app=${app}`, `k8s:${clusterLabel}=${cluster}`, `k8s:${namespaceLabel}=demo`];
  return workload(number, labels.map(parseLabel), ports);
}

/** One inside the other, and one of IPv6. */
const networkTexts = ['10.128.0.0/9', '10.130.0.0/16', '10.130.1.0/24', 'fd00:130::/32'];
const prefixes = networkTexts.map(prefixOfText);

function prefixOfText(text: string): Prefix {
  const cidr = parseCidr(text);
  const prefix = cidr && prefixOf(cidr);
  if (prefix === undefined) throw new Error(`no prefix: ${text}`);
  return prefix;
}

/** Who stands behind them when a world begins: two workloads are not known yet. */
export const networks = prefixes.map((prefix, index) => network(16_777_217 + index, prefix));
export const firstWorkloads: readonly Identity[] = [
  workloadOf(65_600, { app: 'a', cluster: 'east', ports: namedPorts[1] ?? new Map() }),
  workloadOf(65_601, { app: 'b', cluster: 'east', ports: namedPorts[0] ?? new Map() }),
  workloadOf(131_100, { app: 'c', cluster: 'north', ports: namedPorts[2] ?? new Map() }),
];

/** Everybody that flows may be with: workloads, networks, host, remote nodes, API server, the world. */
export const remotes: readonly number[] = [
  ...workloadNumbers,
  ...networks.map(({ number }) => number),
  1,
  6,
  7,
  2,
  9,
  10,
];

const key = fc.constantFrom('app', clusterLabel);
const requirement = fc.record({
  source: fc.constantFrom('k8s', 'any'),
  key,
  operator: fc.constantFrom('In' as const, 'NotIn' as const, 'Exists' as const, 'DoesNotExist' as const),
  values: fc.subarray([...apps, ...clusters], { minLength: 1 }),
});
const appSelector = fc
  .subarray([...apps], { minLength: 1, maxLength: 2 })
  .map((values) => selectorOf([{ source: 'k8s', key: 'app', operator: 'In', values }]));
const selector: fc.Arbitrary<Selector> = fc.oneof(
  { weight: 4, arbitrary: appSelector },
  {
    weight: 1,
    arbitrary: fc.array(requirement, { maxLength: 2 }).map((requirements) => selectorOf(requirements.map(withValues))),
  },
);

function withValues<T extends { readonly operator: string; readonly values: readonly string[] }>(one: T): T {
  return one.operator === 'In' || one.operator === 'NotIn' ? one : { ...one, values: [] };
}

const wholeWorlds = ['0.0.0.0/0', '::/0'].map(prefixOfText);
const peer: fc.Arbitrary<Peer> = fc.oneof(
  { weight: 5, arbitrary: selector.map((chosen): Peer => ({ kind: 'selector', selector: chosen })) },
  {
    weight: 3,
    arbitrary: fc
      .record({ prefix: fc.constantFrom(...prefixes, ...wholeWorlds), except: fc.subarray(prefixes, { maxLength: 1 }) })
      .map((cidr): Peer => ({ kind: 'cidr', ...cidr })),
  },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom('all', 'world', 'world-ipv4', 'cluster', 'host', 'remote-node', 'kube-apiserver', 'none')
      .map((entity): Peer => ({ kind: 'entity', entity })),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('s', 't').map((name): Peer => ({ kind: 'service', namespace: 'demo', name })),
  },
);

const smallPort = fc.integer({ min: 0, max: 10 });
const port: fc.Arbitrary<PortMatch> = fc.oneof(
  fc
    .tuple(fc.constantFrom(0, protocols.tcp, protocols.udp, protocols.sctp), smallPort, smallPort)
    .map(([protocol, a, b]): PortMatch => ({ kind: 'range', protocol, from: Math.min(a, b), to: Math.max(a, b) })),
  fc
    .constantFrom(0, protocols.tcp, protocols.udp, protocols.icmp, protocols.gre)
    .map((protocol): PortMatch => ({ kind: 'range', protocol, from: 0, to: 65_535 })),
  fc
    .constantFrom([protocols.icmp, 8] as const, [protocols.icmp, 13] as const, [protocols.icmpv6, 128] as const)
    .map(([protocol, type]): PortMatch => ({ kind: 'range', protocol, from: type, to: type })),
  fc.constant<PortMatch>({ kind: 'name', protocol: protocols.tcp, name: 'web' }),
);

const rule = fc.record({
  action: fc.constantFrom<Rule['action']>('allow', 'allow', 'deny'),
  peers: fc.oneof(
    { weight: 1, arbitrary: fc.constant('any' as const) },
    { weight: 3, arbitrary: fc.array(peer, { maxLength: 3 }) },
  ),
  ports: fc.oneof(
    { weight: 1, arbitrary: fc.constant('any' as const) },
    { weight: 2, arbitrary: fc.array(port, { maxLength: 3 }) },
  ),
});
const rules = fc.option(
  fc.record({
    defaultDeny: fc.boolean(),
    // No two rules of an object are at the same place.
    rules: fc
      .array(rule, { maxLength: 4 })
      .map((all) => all.map((one, index): Rule => ({ ...one, at: `rule ${index}` }))),
  }),
);
const policyName = fc.constantFrom('p', 'q', 'r', 's');
const policy: fc.Arbitrary<Policy> = fc
  .record({ name: policyName, subject: selector, ingress: rules, egress: rules })
  .map(({ name, subject, ingress, egress }) => ({
    ref: { kind: 'CiliumNetworkPolicy', namespace: 'demo', name },
    subject,
    ...(ingress === null ? {} : { ingress }),
    ...(egress === null ? {} : { egress }),
  }));

const labelled: fc.Arbitrary<Labelled> = fc.record({
  app: fc.constantFrom(...apps),
  cluster: fc.constantFrom(...clusters),
  ports: fc.constantFrom(...namedPorts),
});
const service: fc.Arbitrary<PolicyService> = fc.record({
  namespace: fc.constant('demo'),
  name: fc.constantFrom('s', 't'),
  labels: fc.constant({}),
  selector: fc.oneof(
    fc.constant({}),
    fc.constantFrom(...apps).map((app) => ({ app })),
  ),
  addresses: fc.constant([]),
});

/** Something that happens in a mesh. */
export type Happening =
  | { readonly kind: 'policy'; readonly policy: Policy }
  | { readonly kind: 'no policy'; readonly name: string }
  | { readonly kind: 'identity'; readonly identity: Identity }
  | { readonly kind: 'no identity'; readonly number: number }
  | { readonly kind: 'ports'; readonly subject: number; readonly ports: NamedPorts }
  | { readonly kind: 'service'; readonly service: PolicyService }
  | { readonly kind: 'no service'; readonly name: string }
  /** Of the agent. */
  | { readonly kind: 'restart' };

const foreign = workloadNumbers.filter((number) => !subjects.some((subject) => subject === number));
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 6, arbitrary: policy.map((one): Happening => ({ kind: 'policy', policy: one })) },
  { weight: 2, arbitrary: policyName.map((name): Happening => ({ kind: 'no policy', name })) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom(...workloadNumbers), labelled)
      .map(([number, labels]): Happening => ({ kind: 'identity', identity: workloadOf(number, labels) })),
  },
  { weight: 1, arbitrary: fc.constantFrom(...foreign).map((number): Happening => ({ kind: 'no identity', number })) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(...subjects), fc.constantFrom(...namedPorts))
      .map(([subject, ports]): Happening => ({ kind: 'ports', subject, ports })),
  },
  { weight: 1, arbitrary: service.map((one): Happening => ({ kind: 'service', service: one })) },
  { weight: 1, arbitrary: fc.constantFrom('s', 't').map((name): Happening => ({ kind: 'no service', name })) },
  { weight: 2, arbitrary: fc.constant<Happening>({ kind: 'restart' }) },
);

/** What happens, in batches: the rows of a batch are written together. */
export const histories: fc.Arbitrary<readonly (readonly Happening[])[]> = fc.array(
  fc.array(happening, { minLength: 1, maxLength: 3 }),
  { minLength: 1, maxLength: 8 },
);
