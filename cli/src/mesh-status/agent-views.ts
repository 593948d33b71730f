import { renderDuration } from '../render/duration.ts';
import type { CacheView } from './cache-use.ts';
import { policyNotices } from './policy-use.ts';
import type { PolicyView } from './policy-use.ts';

/** `GET /v1/status` of an agent, the part that is shown. Another version may leave any of it out. */
export interface AgentView {
  readonly node: string;
  readonly version?: string;
  readonly datapath?: {
    readonly mode?: string;
    readonly reason?: string;
    readonly abiVersion?: number;
    readonly problems?: readonly string[];
  };
  readonly clusters?: readonly ClusterView[];
  readonly conflicts?: readonly { readonly message: string }[];
  readonly conflictCount?: number;
  readonly policy?: PolicyView;
  readonly cache?: CacheView;
}

/** How one agent sees one remote cluster. */
export interface ClusterView {
  readonly name: string;
  readonly state?: string;
  readonly reason?: string;
  readonly datapath?: string;
  readonly freshness?: { readonly ageMs: number; readonly lastContact: string; readonly ageOf?: string };
  readonly rejectedNow?: number;
  readonly rejectionReasons?: readonly { readonly reason: string; readonly count: number; readonly key: string }[];
  readonly noRoom?: number;
  readonly withheld?: number;
  readonly probes?: { readonly unreachable: number; readonly unreachableNodes: readonly string[] };
}

/** What agents do with a cluster's backends, the worst of them; '' when none tells. */
export type DatapathUse = 'fresh' | 'stale' | 'withdrawn' | '';

export interface ClusterUse {
  readonly datapath: DatapathUse;
  /** Since the last contact, as the agent tells that has waited longest. */
  readonly age?: string;
  readonly notes: readonly string[];
}

const uses: readonly DatapathUse[] = ['', 'fresh', 'stale', 'withdrawn'];
/** Names in one line. */
const shownNames = 3;
const shownReasons = 3;

/** How all agents that were asked see one cluster. */
export function clusterUse(name: string, agents: readonly AgentView[]): ClusterUse {
  const views = agents.flatMap(({ node, clusters = [] }) =>
    clusters.filter((cluster) => cluster.name === name).map((cluster) => ({ node, ...cluster })),
  );
  const worst = Math.max(0, ...views.map(({ datapath = '' }) => uses.indexOf(datapath as DatapathUse)));
  const ages = views.flatMap(({ freshness }) =>
    freshness === undefined || freshness.lastContact === '' ? [] : freshness.ageMs,
  );
  const notes = [unknownAge, unreachable, refused, rejected, noRoom, withheld].flatMap((note) => note(views) ?? []);
  const age = ages.length === 0 ? {} : { age: renderDuration(Math.max(...ages)) };
  return { datapath: uses[worst] ?? '', ...age, notes };
}

/** What is worth knowing beside the clusters: nothing of it keeps the mesh from being ready. */
export function agentNotices(agents: readonly AgentView[]): readonly string[] {
  return [
    ...conflicts(agents),
    ...versions(agents),
    ...policyNotices(agents.flatMap(({ policy }) => policy ?? [])),
    ...agents.flatMap((agent) => [...datapathNotices(agent)]),
  ];
}

type View = ClusterView & { readonly node: string };

function unknownAge(views: readonly View[]): string | undefined {
  if (!views.some(({ freshness }) => freshness?.ageOf === 'cache')) return undefined;
  return 'its age is that of the contact with a cache: how old the copy there is, nobody tells';
}

function unreachable(views: readonly View[]): string | undefined {
  const seenBy = new Map<string, number>();
  for (const { probes } of views) {
    for (const node of probes?.unreachableNodes ?? []) seenBy.set(node, (seenBy.get(node) ?? 0) + 1);
  }
  const most = Math.max(0, seenBy.size, ...views.map(({ probes }) => probes?.unreachable ?? 0));
  if (most === 0) return undefined;
  const from = views.filter(({ probes }) => (probes?.unreachable ?? 0) > 0).length;
  return `${count(most, 'node')} unreachable from ${from} of ${count(views.length, 'node')}, whose backends are used last: ${some([...seenBy.keys()])}`;
}

function refused(views: readonly View[]): string | undefined {
  return views.find(({ state }) => state === 'refused')?.reason;
}

function rejected(views: readonly View[]): string | undefined {
  const [worst] = [...views].sort((a, b) => (b.rejectedNow ?? 0) - (a.rejectedNow ?? 0));
  if (worst?.rejectedNow === undefined || worst.rejectedNow === 0) return undefined;
  const reasons = (worst.rejectionReasons ?? []).slice(0, shownReasons).map(({ reason, key }) => `${reason} (${key})`);
  return `${count(worst.rejectedNow, 'entry', 'entries')} rejected: ${reasons.join('; ')}`;
}

function noRoom(views: readonly View[]): string | undefined {
  const most = Math.max(0, ...views.map((view) => view.noRoom ?? 0));
  return most === 0
    ? undefined
    : `${count(most, 'entry', 'entries')} of it waiting for room in the maps of a node (--bpf-…-map-max)`;
}

function withheld(views: readonly View[]): string | undefined {
  const most = Math.max(0, ...views.map((view) => view.withheld ?? 0));
  return most === 0 ? undefined : `${count(most, 'deletion')} not believed yet: the mirror was silent when they came`;
}

function conflicts(agents: readonly AgentView[]): readonly string[] {
  const messages = new Set(agents.flatMap((agent) => (agent.conflicts ?? []).map(({ message }) => message)));
  return [...messages].map((message) => `conflict: ${message}`);
}

function versions(agents: readonly AgentView[]): readonly string[] {
  return [
    ...mixed(agents, ({ version }) => version, 'agents of different versions run'),
    ...mixed(
      agents,
      ({ datapath }) => String(datapath?.abiVersion || ''),
      'maps of different versions are in the kernels',
    ),
  ];
}

function mixed(
  agents: readonly AgentView[],
  of: (agent: AgentView) => string | undefined,
  what: string,
): readonly string[] {
  const nodes = new Map<string, string[]>();
  for (const agent of agents) {
    const value = of(agent) ?? '';
    if (value !== '') nodes.set(value, [...(nodes.get(value) ?? []), agent.node]);
  }
  if (nodes.size < 2) return [];
  return [`${what}: ${[...nodes].map(([value, names]) => `${value} on ${some(names)}`).join(', ')}`];
}

function* datapathNotices({ node, datapath }: AgentView): Generator<string> {
  if (datapath?.mode === 'memory')
    yield `node ${node}: no packet is touched, maps are in memory: ${datapath.reason ?? ''}`;
  const problems = datapath?.problems ?? [];
  if (problems.length > 0) yield `node ${node}: ${some(problems)}`;
}

function some(names: readonly string[]): string {
  const shown = names.slice(0, shownNames).join(', ');
  return names.length > shownNames ? `${shown} and ${names.length - shownNames} more` : shown;
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}
