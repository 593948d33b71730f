import { z } from 'zod';

import { labelSelectorSchema } from './label-selector.ts';

/** The fields of CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy (cilium.io/v2) that we know. */

const portProtocol = z.strictObject({
  port: z.union([z.string(), z.number().int()]).nullish(),
  endPort: z.number().int().nullish(),
  protocol: z.string().nullish(),
});

const portRule = z.looseObject({ ports: z.array(portProtocol).nullish() });

const icmpRule = z.strictObject({
  fields: z
    .array(
      z.strictObject({ family: z.enum(['IPv4', 'IPv6']).nullish(), type: z.union([z.string(), z.number().int()]) }),
    )
    .nullish(),
});

const cidrRule = z.looseObject({ cidr: z.string().nullish(), except: z.array(z.string()).nullish() });

const k8sService = z.strictObject({
  k8sService: z.strictObject({ serviceName: z.string(), namespace: z.string().nullish() }).nullish(),
  k8sServiceSelector: z.strictObject({ selector: labelSelectorSchema, namespace: z.string().nullish() }).nullish(),
});

const common = {
  toPorts: z.array(portRule).nullish(),
  icmps: z.array(icmpRule).nullish(),
  authentication: z.looseObject({ mode: z.string().nullish() }).nullish(),
};
const selectors = z.array(labelSelectorSchema).nullish();
const texts = z.array(z.string()).nullish();
const unknowns = z.array(z.unknown()).nullish();

const ingressRule = z.looseObject({
  ...common,
  fromEndpoints: selectors,
  fromCIDR: texts,
  fromCIDRSet: z.array(cidrRule).nullish(),
  fromEntities: texts,
});

const egressRule = z.looseObject({
  ...common,
  toEndpoints: selectors,
  toCIDR: texts,
  toCIDRSet: z.array(cidrRule).nullish(),
  toEntities: texts,
  toServices: z.array(k8sService).nullish(),
});

/** Rules are read one by one: one that we cannot read must not open what the others close. */
export const ciliumRuleSpec = z.looseObject({
  endpointSelector: labelSelectorSchema.nullish(),
  nodeSelector: labelSelectorSchema.nullish(),
  enableDefaultDeny: z.strictObject({ ingress: z.boolean().nullish(), egress: z.boolean().nullish() }).nullish(),
  ingress: unknowns,
  ingressDeny: unknowns,
  egress: unknowns,
  egressDeny: unknowns,
});

export type CiliumRuleSpec = z.output<typeof ciliumRuleSpec>;
export type CiliumPortRule = z.output<typeof portRule>;
export type CiliumIcmpRule = z.output<typeof icmpRule>;

/** A rule of either direction, under one set of names. */
export interface CiliumRule {
  readonly endpoints?: CiliumRuleSpec['endpointSelector'][] | null | undefined;
  readonly cidrs?: readonly string[] | null | undefined;
  readonly cidrSets?: readonly z.output<typeof cidrRule>[] | null | undefined;
  readonly entities?: readonly string[] | null | undefined;
  readonly services?: readonly z.output<typeof k8sService>[] | null | undefined;
  readonly toPorts?: readonly CiliumPortRule[] | null | undefined;
  readonly icmps?: readonly CiliumIcmpRule[] | null | undefined;
  readonly authentication?: { readonly mode?: string | null | undefined } | null | undefined;
  /** Why it cannot be served, if so. */
  readonly refused?: string | undefined;
}

export function ofIngress(raw: unknown): CiliumRule {
  const read = ingressRule.safeParse(raw);
  if (!read.success) return unreadable(read.error);
  const { fromEndpoints, fromCIDR, fromCIDRSet, fromEntities, toPorts, icmps, authentication, ...others } = read.data;
  const peers = { endpoints: fromEndpoints, cidrs: fromCIDR, cidrSets: fromCIDRSet, entities: fromEntities };
  return { ...peers, toPorts, icmps, authentication, refused: firstGiven(others) };
}

export function ofEgress(raw: unknown): CiliumRule {
  const read = egressRule.safeParse(raw);
  if (!read.success) return unreadable(read.error);
  const { toEndpoints, toCIDR, toCIDRSet, toEntities, toServices, toPorts, icmps, authentication, ...others } =
    read.data;
  const peers = { endpoints: toEndpoints, cidrs: toCIDR, cidrSets: toCIDRSet, entities: toEntities };
  return { ...peers, services: toServices, toPorts, icmps, authentication, refused: firstGiven(others) };
}

function unreadable({ issues }: z.ZodError): CiliumRule {
  const [first] = issues;
  return { refused: `${first?.path.join('.') ?? ''}: ${first?.message ?? 'it cannot be read'}` };
}

/** A field that we do not serve may narrow the rule: it counts as soon as it is there. */
function firstGiven(fields: Readonly<Record<string, unknown>>): string | undefined {
  const name = Object.keys(fields).find((field) => fields[field] !== null && fields[field] !== undefined);
  return name === undefined ? undefined : `${name} is not served`;
}
