import {
  ciliumEndpoints,
  ciliumIdentities,
  ciliumNodes,
  endpointSlices,
  nodes,
  pods,
  services,
} from '@clustermesh/kube';
import type { KubeClient, KubeObject, Resource } from '@clustermesh/kube';
import { hasCode } from '@clustermesh/runtime';

import { aCiliumEndpoint, aCiliumIdentity, aCiliumNode, installCilium } from './cilium-objects.ts';
import { aFurtherService, aNode, aPod, aSlice, create } from './objects.ts';

export const workloads = 10_000;
const nodeCount = 200;
const serviceCount = 100;
const appCount = 20;

/** How a source's objects look: many of them, and one of each kind that can be changed to see that changes arrive. */
export interface Workloads {
  readonly source: 'kubernetes' | 'cilium';
  /** What is followed, one watch each. */
  readonly watched: readonly string[];
  populate(kube: KubeClient): Promise<void>;
  addWorkload(kube: KubeClient, name: string, ip: string): Promise<void>;
  removeWorkload(kube: KubeClient, name: string): Promise<void>;
  /** The `turn`th change of each kind, visible in `marksOf(turn)`. */
  mark(kube: KubeClient, turn: number): Promise<void>;
}

export const state = 'cilium/state';
export const ipKey = (ip: string): string => `${state}/ip/v1/default/${ip}`;
export const workloadName = (index: number): string => `web-${index}`;
export const workloadIp = (index: number): string => `10.1.${Math.floor(index / 250)}.${(index % 250) + 1}`;
const nodeName = (index: number): string => `n${index}`;
const nodeIp = (index: number): string => `172.18.${Math.floor(index / 250)}.${(index % 250) + 1}`;
const app = (index: number): string => `app-${index % appCount}`;
const identityOf = (index: number): number => 66_000 + (index % appCount);
const markIp = (turn: number): string => `10.250.${Math.floor(turn / 250)}.${(turn % 250) + 1}`;

const common = ['endpointslices', 'namespaces', 'services'];

/** All keys but those of identities, whose numbers are given at run time, and of marks. */
export function expectedKeys(): readonly string[] {
  const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
  return [
    ...numbers(workloads).map((index) => ipKey(workloadIp(index))),
    ...numbers(nodeCount).map((index) => `${state}/nodes/v1/east/${nodeName(index)}`),
    ...numbers(serviceCount).map((index) => `${state}/services/v1/east/default/s-${index}`),
  ].sort();
}

/** Keys that only marks change. */
export function isMark(key: string): boolean {
  return key.endsWith('/mark') || key.startsWith(ipKey('10.250.')) || key.endsWith('/65999');
}

/** Where the `turn`th mark shows, and which text it shows there. */
export function marksOf({ source }: Workloads, turn: number): readonly (readonly [key: string, text: string])[] {
  const identity = [`${state}/identities/v1/id/65999`, `turn=${turn}`] as const;
  return [
    [`${state}/nodes/v1/east/mark`, `"turn":"${turn}"`],
    [ipKey(markIp(turn)), markIp(turn)],
    [`${state}/services/v1/east/default/mark`, `"${markIp(turn)}"`],
    [`${state}/services/v1/east/default/mark`, `"turn":"${turn}"`],
    ...(source === 'cilium' ? [identity] : []),
  ];
}

export const kubernetesWorkloads: Workloads = {
  source: 'kubernetes',
  watched: [...common, 'meshidentities', 'nodes', 'pods'].sort(),
  populate: async (kube) => {
    await createAll(nodeCount, (index) => create(kube, aNode(nodeName(index), nodeIp(index))));
    await createAll(workloads, (index) =>
      create(kube, aPod(workloadName(index), workloadIp(index), { app: app(index) })),
    );
    await populateServices(kube);
  },
  addWorkload: (kube, name, ip) => create(kube, aPod(name, ip, { app: app(0) })),
  removeWorkload: (kube, name) => kube.delete(pods, { namespace: 'default', name }, { gracePeriodSeconds: 0 }),
  mark: async (kube, turn) => {
    await put(kube, nodes, labelled(aNode('mark', '172.18.200.1'), turn));
    await create(kube, aPod(`mark-${turn}`, markIp(turn), { app: app(0) }));
    await unlessGone(kubernetesWorkloads.removeWorkload(kube, `mark-${turn - 1}`));
    await markServices(kube, turn);
  },
};

export const ciliumWorkloads: Workloads = {
  source: 'cilium',
  watched: [...common, 'ciliumendpoints', 'ciliumidentities', 'ciliumnodes', 'serviceexports'].sort(),
  populate: async (kube) => {
    await installCilium(kube);
    await createAll(nodeCount, (index) =>
      kube.create(ciliumNodes, aCiliumNode(nodeName(index), nodeIp(index), '10.1.0.0/16')),
    );
    await createAll(appCount, (index) => kube.create(ciliumIdentities, aCiliumIdentity(identityOf(index), app(index))));
    await createAll(workloads, (index) =>
      kube.create(ciliumEndpoints, aCiliumEndpoint(workloadName(index), workloadIp(index), identityOf(index))),
    );
    await populateServices(kube);
  },
  addWorkload: async (kube, name, ip) => {
    await kube.create(ciliumEndpoints, aCiliumEndpoint(name, ip, identityOf(0)));
  },
  removeWorkload: (kube, name) => kube.delete(ciliumEndpoints, { namespace: 'default', name }),
  mark: async (kube, turn) => {
    await put(kube, ciliumNodes, labelled(aCiliumNode('mark', '172.18.200.1', '10.250.0.0/16'), turn));
    const identity = aCiliumIdentity(65_999, 'mark');
    const labels = { ...identity['security-labels'], 'k8s:turn': `${turn}` };
    await put(kube, ciliumIdentities, { ...identity, 'security-labels': labels });
    await put(kube, ciliumEndpoints, aCiliumEndpoint('mark', markIp(turn), identityOf(0)));
    await markServices(kube, turn);
  },
};

async function populateServices(kube: KubeClient): Promise<void> {
  await createAll(serviceCount, async (index) => {
    await kube.create(services, aFurtherService('default', `s-${index}`));
    await kube.create(endpointSlices, aSlice(`s-${index}-a`, `s-${index}`, [workloadIp(index)]));
  });
}

async function markServices(kube: KubeClient, turn: number): Promise<void> {
  await put(kube, services, labelled(aFurtherService('default', 'mark'), turn));
  await put(kube, endpointSlices, aSlice('mark-a', 'mark', [markIp(turn)]));
}

async function createAll(count: number, each: (index: number) => Promise<unknown>): Promise<void> {
  for (let index = 0; index < count; index++) await each(index);
}

/** Creates, or replaces all but what only the server says. */
async function put<T extends KubeObject & { readonly spec?: object }>(
  kube: KubeClient,
  resource: Resource<T>,
  object: T,
): Promise<void> {
  const { items } = await kube.list(resource, { fieldSelector: `metadata.name=${object.metadata.name}` });
  const [known] = items;
  if (known === undefined) {
    await kube.create(resource, object);
    return;
  }
  const spec = known.spec === undefined ? {} : { spec: { ...known.spec, ...object.spec } };
  await kube.update(resource, { ...known, ...object, ...spec, metadata: { ...known.metadata, ...object.metadata } });
}

async function unlessGone(deletion: Promise<void>): Promise<void> {
  try {
    await deletion;
  } catch (error) {
    if (!hasCode(error, 'KUBE_NOT_FOUND')) throw error;
  }
}

function labelled<T extends KubeObject>(object: T, turn: number): T {
  const labels = { ...object.metadata.labels, turn: `${turn}` };
  return { ...object, metadata: { ...object.metadata, labels } };
}
