import type { KubeObject, LabelSelector, StatusCause } from '@clustermesh/kube';

import { forbiddenField, invalidValue, requiredValue } from '../api-errors.ts';
import type { Strategy } from '../resource-type.ts';
import { checkIpBlock } from './ip-block.ts';
import type { IpBlock } from './ip-block.ts';

interface Peer {
  readonly podSelector?: LabelSelector;
  readonly namespaceSelector?: LabelSelector;
  readonly ipBlock?: IpBlock;
}

interface Port {
  readonly protocol?: string;
  readonly port?: number | string;
  readonly endPort?: number;
}

interface Rule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports?: readonly Port[];
}

export interface NetworkPolicy extends KubeObject {
  readonly spec?: {
    readonly podSelector?: LabelSelector;
    readonly policyTypes?: readonly string[];
    readonly ingress?: readonly Rule[];
    readonly egress?: readonly Rule[];
  };
}

/** In the words of kube-apiserver's validation of networking.k8s.io. */
export const networkPolicyStrategy: Strategy<NetworkPolicy> = {
  defaults: ({ spec = {}, ...policy }) => {
    const { ingress, egress, policyTypes } = spec;
    const types = policyTypes ?? ['Ingress', ...((egress ?? []).length > 0 ? ['Egress'] : [])];
    const rules = {
      ...(ingress === undefined ? {} : { ingress: ingress.map(withProtocols) }),
      ...(egress === undefined ? {} : { egress: egress.map(withProtocols) }),
    };
    return { ...policy, spec: { podSelector: {}, ...spec, ...rules, policyTypes: types } };
  },
  validate: ({ spec = {} }) => [
    ...checkSelector(spec.podSelector, 'spec.podSelector'),
    ...(spec.ingress ?? []).flatMap((rule, at) => checkRule(rule, rule.from, `spec.ingress[${at}]`, 'from')),
    ...(spec.egress ?? []).flatMap((rule, at) => checkRule(rule, rule.to, `spec.egress[${at}]`, 'to')),
    ...checkTypes(spec.policyTypes ?? []),
  ],
};

function withProtocols(rule: Rule): Rule {
  return rule.ports === undefined ? rule : { ...rule, ports: rule.ports.map((port) => ({ protocol: 'TCP', ...port })) };
}

function checkTypes(types: readonly string[]): StatusCause[] {
  if (types.length <= 2) return [];
  return [invalidValue('spec.policyTypes', types, 'may not specify more than two policyTypes')];
}

function checkRule(
  { ports }: Rule,
  peers: readonly Peer[] | undefined,
  field: string,
  side: 'from' | 'to',
): StatusCause[] {
  return [
    ...(ports ?? []).flatMap((port, at) => checkPort(port, `${field}.ports[${at}]`)),
    ...(peers ?? []).flatMap((peer, at) => checkPeer(peer, `${field}.${side}[${at}]`)),
  ];
}

function checkPeer({ podSelector, namespaceSelector, ipBlock }: Peer, field: string): StatusCause[] {
  const given = [podSelector, namespaceSelector, ipBlock].filter((part) => part !== undefined).length;
  const both = ipBlock !== undefined && given > 1;
  return [
    ...checkSelector(podSelector, `${field}.podSelector`),
    ...checkSelector(namespaceSelector, `${field}.namespaceSelector`),
    ...(ipBlock === undefined ? [] : checkIpBlock(ipBlock, `${field}.ipBlock`)),
    ...(given === 0 ? [requiredValue(field, 'must specify a peer')] : []),
    ...(both ? [forbiddenField(field, 'may not specify both ipBlock and another peer')] : []),
  ];
}

function checkPort({ port, endPort }: Port, field: string): StatusCause[] {
  const invalidEnd = (why: string): StatusCause[] =>
    endPort === undefined ? [] : [invalidValue(`${field}.endPort`, endPort, why)];
  if (port === undefined) return invalidEnd('may not be specified when `port` is not specified');
  if (typeof port === 'string') {
    const end = invalidEnd('may not be specified when `port` is non-numeric');
    return isPortName(port) ? end : [invalidValue(`${field}.port`, port, portNameWhy), ...end];
  }
  return [
    ...(isPortNumber(port) ? [] : [invalidValue(`${field}.port`, port, portNumberWhy)]),
    ...(endPort === undefined || endPort >= port ? [] : invalidEnd('must be greater than or equal to `port`')),
    ...(endPort === undefined || isPortNumber(endPort) ? [] : invalidEnd(portNumberWhy)),
  ];
}

const portNumberWhy = 'must be between 1 and 65535, inclusive';
const portNameWhy =
  'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-), at most 15, at least one letter (a-z), and no hyphens at the ends or beside one another';

function isPortNumber(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}

function isPortName(name: string): boolean {
  return name.length <= 15 && /^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) && /[a-z]/.test(name);
}

function checkSelector(selector: LabelSelector | undefined, field: string): StatusCause[] {
  return (selector?.matchExpressions ?? []).flatMap(({ operator, values = [] }, index) => {
    const at = `${field}.matchExpressions[${index}]`;
    // The schema knows the operators only as text.
    switch (operator as string) {
      case 'In':
      case 'NotIn':
        if (values.length > 0) return [];
        return [requiredValue(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'")];
      case 'Exists':
      case 'DoesNotExist':
        if (values.length === 0) return [];
        return [forbiddenField(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")];
      default:
        return [invalidValue(`${at}.operator`, operator, 'not a valid selector operator')];
    }
  });
}
