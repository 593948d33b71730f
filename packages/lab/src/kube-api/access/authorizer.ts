import { forbiddenAccess } from '../api-errors.ts';
import { fieldsOf, itemsOf } from '../api-object.ts';
import type { ApiObject } from '../api-object.ts';
import type { ResourceSlots } from '../resource-slot.ts';

/** Who asks. */
export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

/** What is asked: a verb on a resource, or on a path that is none. */
export type Access =
  | {
      readonly verb: string;
      readonly group: string;
      /** With its subresource: `pods/log`. */
      readonly resource: string;
      /** Undefined: cluster-scoped, or all namespaces. */
      readonly namespace: string | undefined;
      readonly name: string | undefined;
    }
  | { readonly verb: string; readonly path: string };

/** Hears of every question that was answered for a request. */
export type Audit = (user: User, access: Access, isAllowed: boolean) => void;

/** A rule of a Role or ClusterRole. */
export interface PolicyRule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
}

const group = 'rbac.authorization.k8s.io';

/** What everybody with a name may do, as by the bindings that every cluster has. */
const everybodysRules: readonly PolicyRule[] = [
  {
    verbs: ['get'],
    nonResourceURLs: ['/api', '/api/*', '/apis', '/apis/*', '/healthz', '/livez', '/openapi', '/openapi/*'],
  },
  { verbs: ['get'], nonResourceURLs: ['/readyz', '/version', '/version/'] },
  {
    verbs: ['create'],
    apiGroups: ['authorization.k8s.io'],
    resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
  },
  { verbs: ['create'], apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'] },
];

const everything: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

/** RBAC from the roles and bindings in the store, as they are at each question. */
export class Authorizer {
  readonly #slots: ResourceSlots;
  readonly #audit: Audit | undefined;

  constructor(slots: ResourceSlots, audit?: Audit) {
    this.#slots = slots;
    this.#audit = audit;
  }

  /** Throws Forbidden, in the words of Kubernetes. */
  demand(user: User, access: Access): void {
    const isAllowed = this.allows(user, access);
    this.#audit?.(user, access, isAllowed);
    if (!isAllowed) throw forbiddenAccess(user.name, access);
  }

  allows(user: User, access: Access): boolean {
    const namespace = 'path' in access ? undefined : access.namespace;
    return this.rulesFor(user, namespace).some((rule) => grants(rule, access));
  }

  /** All rules that hold for a user in a namespace; undefined: in all of them. */
  rulesFor(user: User, namespace: string | undefined): readonly PolicyRule[] {
    if (user.groups.includes('system:masters')) return everything;
    const isForUser = (binding: ApiObject): boolean => itemsOf(binding['subjects']).some((one) => isUser(one, user));
    const inNamespace = namespace === undefined ? [] : this.#objects('rolebindings', namespace);
    return [
      ...everybodysRules,
      ...[...this.#objects('clusterrolebindings'), ...inNamespace]
        .filter(isForUser)
        .flatMap((one) => this.#rulesOf(one)),
    ];
  }

  #objects(plural: string, namespace?: string): ApiObject[] {
    const all = [...(this.#slots.get(group, plural)?.objects.objects() ?? [])];
    return namespace === undefined ? all : all.filter(({ metadata }) => metadata.namespace === namespace);
  }

  #rulesOf(binding: ApiObject): readonly PolicyRule[] {
    const { kind, name } = fieldsOf(binding['roleRef']) as { readonly kind?: string; readonly name?: string };
    const { namespace = '' } = binding.metadata;
    const role =
      kind === 'ClusterRole'
        ? this.#slots.get(group, 'clusterroles')?.objects.get(name ?? '')
        : this.#slots.get(group, 'roles')?.objects.get(`${namespace}/${name ?? ''}`);
    return itemsOf(role?.['rules']) as readonly PolicyRule[];
  }
}

function isUser(subject: unknown, user: User): boolean {
  const { kind, name, namespace } = fieldsOf(subject) as Record<string, string | undefined>;
  if (kind === 'User') return name === user.name;
  if (kind === 'Group') return user.groups.includes(name ?? '');
  return kind === 'ServiceAccount' && user.name === `system:serviceaccount:${namespace ?? ''}:${name ?? ''}`;
}

export function grants(rule: PolicyRule, access: Access): boolean {
  if (!has(rule.verbs, access.verb)) return false;
  if ('path' in access) return (rule.nonResourceURLs ?? []).some((url) => matchesPath(url, access.path));
  const { resourceNames = [] } = rule;
  const isNamed = resourceNames.length === 0 || (access.name !== undefined && resourceNames.includes(access.name));
  return isNamed && has(rule.apiGroups, access.group) && hasResource(rule.resources, access.resource);
}

function has(allowed: readonly string[] = [], wanted: string): boolean {
  return allowed.includes('*') || allowed.includes(wanted);
}

function hasResource(allowed: readonly string[] = [], wanted: string): boolean {
  const [, subresource] = wanted.split('/');
  return has(allowed, wanted) || (subresource !== undefined && allowed.includes(`*/${subresource}`));
}

function matchesPath(url: string, path: string): boolean {
  return url === path || (url.endsWith('*') && path.startsWith(url.slice(0, -1)));
}

/** The first role that every cluster has. */
export const clusterAdminRole = {
  metadata: { name: 'cluster-admin', labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults' } },
  rules: everything,
};
