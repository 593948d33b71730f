import { z } from 'zod';

import type { Direction } from '../model.ts';
import { labelSelectorSchema } from './label-selector.ts';
import { Refused, refuseOthers, unreadable } from './refused.ts';

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

const serviceRule = z.strictObject({
  k8sService: z.strictObject({ serviceName: z.string(), namespace: z.string().nullish() }).nullish(),
  k8sServiceSelector: z.strictObject({ selector: labelSelectorSchema, namespace: z.string().nullish() }).nullish(),
});

const selectors = z.array(labelSelectorSchema).nullish();
const texts = z.array(z.string()).nullish();
const unknowns = z.array(z.unknown()).nullish();

const ruleFields = {
  endpoints: selectors,
  requires: selectors,
  cidrs: texts,
  cidrSets: z.array(cidrRule).nullish(),
  entities: texts,
  services: z.array(serviceRule).nullish(),
  toPorts: z.array(portRule).nullish(),
  icmps: z.array(icmpRule).nullish(),
  authentication: z.strictObject({ mode: z.string().nullish() }).nullish(),
};
const ruleSchema = z.strictObject(ruleFields);

export type RuleField = keyof typeof ruleFields;
/** A rule of either direction, under one set of names. */
export type CiliumRule = z.output<typeof ruleSchema>;
export type CiliumPortRule = z.output<typeof portRule>;
export type CiliumIcmpRule = z.output<typeof icmpRule>;
export type CiliumCidrRule = z.output<typeof cidrRule>;
export type CiliumServiceRule = z.output<typeof serviceRule>;

const shared = { toPorts: 'toPorts', icmps: 'icmps', authentication: 'authentication' } as const;
const namesByDirection: Readonly<Record<Direction, Partial<Record<RuleField, string>>>> = {
  ingress: {
    ...shared,
    endpoints: 'fromEndpoints',
    requires: 'fromRequires',
    cidrs: 'fromCIDR',
    cidrSets: 'fromCIDRSet',
    entities: 'fromEntities',
  },
  egress: {
    ...shared,
    endpoints: 'toEndpoints',
    requires: 'toRequires',
    cidrs: 'toCIDR',
    cidrSets: 'toCIDRSet',
    entities: 'toEntities',
    services: 'toServices',
  },
};

/** What Cilium knows, and we do not serve. */
const unsupportedFields = {
  toFQDNs: 'names of hosts',
  fromNodes: 'nodes by their labels',
  toNodes: 'nodes by their labels',
  fromGroups: 'groups of cloud providers',
  toGroups: 'groups of cloud providers',
};

/** How the object calls a field of a rule. */
export function nameOf(field: RuleField, direction: Direction): string {
  return namesByDirection[direction][field] ?? field;
}

export function readRule(raw: unknown, direction: Direction): CiliumRule | Refused {
  const object = z.looseObject({}).safeParse(raw);
  if (!object.success) return unreadable(object.error);
  const others = { ...object.data };
  const renamed: Record<string, unknown> = {};
  for (const [field, name] of Object.entries(namesByDirection[direction])) {
    renamed[field] = others[name];
    Reflect.deleteProperty(others, name);
  }
  const refused = refuseOthers(others, unsupportedFields);
  if (refused !== undefined) return refused;
  const read = ruleSchema.safeParse(renamed);
  return read.success ? read.data : unreadableRule(read.error, direction);
}

/** The rule without what it says of peers; undefined where even that cannot be read. */
export function readTrafficOf(raw: unknown, direction: Direction): CiliumRule | undefined {
  const object = z.object({ toPorts: z.unknown().optional(), icmps: z.unknown().optional() }).safeParse(raw);
  const read = object.success ? readRule(object.data, direction) : undefined;
  return read instanceof Refused ? undefined : read;
}

/** The path of the problem, with the object's own name of the field. */
function unreadableRule(error: z.ZodError, direction: Direction): Refused {
  const [first] = error.issues;
  const [field, ...rest] = first?.path ?? [];
  const known = Object.keys(ruleFields).find((name): name is RuleField => name === field);
  const path = known === undefined ? [] : [nameOf(known, direction), ...rest];
  return unreadable(first === undefined ? error : new z.ZodError([{ ...first, path }]));
}

/** Rules are read one by one: one that we cannot read must not open what the others close. */
export const ciliumRuleSpec = z.looseObject({
  endpointSelector: labelSelectorSchema.nullish(),
  nodeSelector: labelSelectorSchema.nullish(),
  enableDefaultDeny: z.strictObject({ ingress: z.boolean().nullish(), egress: z.boolean().nullish() }).nullish(),
  ingress: unknowns,
  ingressDeny: unknowns,
  egress: unknowns,
  egressDeny: unknowns,
  labels: z.unknown().optional(),
  description: z.unknown().optional(),
  log: z.unknown().optional(),
});
export type CiliumRuleSpec = z.output<typeof ciliumRuleSpec>;
