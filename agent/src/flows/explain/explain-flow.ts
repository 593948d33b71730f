import { ok, refuse } from '@clustermesh/runtime';
import type { Result } from '@clustermesh/runtime';
import { isIpv4 } from '@clustermesh/wire';

import type { Parties } from '../party.ts';
import type { PolicyView } from '../policy-view.ts';
import type { PodNames } from '../pod-names.ts';
import type { AddressFacts } from './address-facts.ts';
import { explainDirection } from './explain-direction.ts';
import type { ExplainDirectionOptions, Judgement } from './explain-direction.ts';
import type { ExplainedParty, FlowExplanation } from './explanation.ts';
import { findAddresses } from './find-addresses.ts';
import type { FindAddressesOptions } from './find-addresses.ts';

/** ExplainFlowRequest of status.proto. */
export interface ExplainRequest {
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly port: number;
}

export interface ExplainFlowOptions extends ExplainDirectionOptions {
  readonly policy: PolicyView;
  readonly facts: AddressFacts;
  readonly parties: Pick<Parties, 'party' | 'owned'>;
  readonly names: Pick<PodNames, 'learn'>;
  readonly find: FindAddressesOptions;
  readonly cluster: string;
  readonly node: string;
}

/** What would become of a flow here: of its egress where it begins on this node, of its ingress where it ends here. */
export async function explainFlow(
  request: ExplainRequest,
  options: ExplainFlowOptions,
  signal: AbortSignal,
): Promise<Result<FlowExplanation>> {
  const sources = await findAddresses(request.source, options.find, signal);
  if (!sources.ok) return sources;
  const destinations = await findAddresses(request.destination, options.find, signal);
  if (!destinations.ok) return destinations;
  const pair = sameFamily(sources.value, destinations.value);
  if (pair === undefined) return refuse(`${request.source} and ${request.destination} have no IP family in common`);
  return ok(await explainPair(request, pair, options, signal));
}

interface Pair {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}

/** IPv4 where both have it. */
function sameFamily(sources: readonly Uint8Array[], destinations: readonly Uint8Array[]): Pair | undefined {
  for (const wantsIpv4 of [true, false]) {
    const source = sources.find((address) => isIpv4(address) === wantsIpv4);
    const destination = destinations.find((address) => isIpv4(address) === wantsIpv4);
    if (source !== undefined && destination !== undefined) return { source, destination };
  }
  return undefined;
}

async function explainPair(
  request: ExplainRequest,
  { source, destination }: Pair,
  options: ExplainFlowOptions,
  signal: AbortSignal,
): Promise<FlowExplanation> {
  const { facts, parties, names, policy } = options;
  const addresses = [source, destination];
  await names.learn(
    addresses.flatMap((address) => parties.owned(address, facts.identityOf(address)) ?? []),
    signal,
  );
  const [from, to] = [explainedParty(source, 0, options), explainedParty(destination, request.port, options)];
  const egress = judgement({ ...request, direction: 'egress', own: source, other: destination }, options);
  const ingress = judgement({ ...request, direction: 'ingress', own: destination, other: source }, options);
  return {
    cluster: options.cluster,
    node: options.node,
    policyScope: policy.scope,
    policySynced: policy.isSynced,
    source: from,
    destination: to,
    ...(egress === undefined ? {} : { egress: explainDirection(egress, options), path: facts.path(destination) }),
    ...(ingress === undefined ? {} : { ingress: explainDirection(ingress, options) }),
    problems: [...facts.problems(source), ...facts.problems(destination)],
  };
}

function explainedParty(address: Uint8Array, port: number, { facts, parties }: ExplainFlowOptions): ExplainedParty {
  const entry = facts.entry(address);
  const row = facts.row(address);
  const endpoint = facts.endpoint(address);
  return {
    party: parties.party(address, port, facts.identityOf(address)),
    ...(entry === undefined ? {} : { entry }),
    ...(row === undefined ? {} : { row }),
    ...(endpoint === undefined ? {} : { endpoint }),
  };
}

interface End extends Pick<Judgement, 'direction' | 'protocol' | 'port'> {
  readonly own: Uint8Array;
  readonly other: Uint8Array;
}

/** What the programs of this node ask of policy, if one of its pods is meant. */
function judgement(
  { own, other, direction, protocol, port }: End,
  { policy, facts }: ExplainFlowOptions,
): Judgement | undefined {
  const endpoint = facts.endpoint(own);
  const known = policy.subjectOf(own);
  if (endpoint === undefined && known === undefined) return undefined;
  const subject = endpoint?.subject ?? known?.subject ?? 0;
  const notJudged = whyNotJudged(other, policy, facts);
  return { direction, protocol, port, subject, remote: facts.identityOf(other), notJudged };
}

function whyNotJudged(other: Uint8Array, { scope }: PolicyView, facts: AddressFacts): string {
  if (scope === 'none') return '--policy-scope=none: no traffic is judged';
  if (scope === 'mesh' && !facts.isInOtherCluster(other)) {
    return '--policy-scope=mesh: only what crosses clusters is judged, the rest is left to the CNI';
  }
  return '';
}
