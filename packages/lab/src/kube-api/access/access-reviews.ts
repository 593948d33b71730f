/** The questions "who am I" and "may I": objects that are only ever created, and answered by their status. */
import { fieldsOf, itemsOf } from '../api-object.ts';
import type { JsonObject } from '../api-object.ts';
import type { TypeRow } from '../resource-type.ts';
import { builtinStructure } from '../schema/builtin-structures.ts';
import type { Access, Authorizer, PolicyRule, User } from './authorizer.ts';

type Answer = (spec: JsonObject, user: User, authorizer: Authorizer) => JsonObject;

export interface AccessReview {
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
  readonly answer: Answer;
}

const authorization = 'authorization.k8s.io';

export const accessReviews: readonly AccessReview[] = [
  {
    group: 'authentication.k8s.io',
    plural: 'selfsubjectreviews',
    kind: 'SelfSubjectReview',
    answer: (_, { name, groups }) => ({ userInfo: { username: name, groups } }),
  },
  {
    group: authorization,
    plural: 'selfsubjectaccessreviews',
    kind: 'SelfSubjectAccessReview',
    answer: (spec, user, authorizer) => ({ allowed: authorizer.allows(user, accessOf(spec)) }),
  },
  {
    group: authorization,
    plural: 'selfsubjectrulesreviews',
    kind: 'SelfSubjectRulesReview',
    answer: (spec, user, authorizer) => rulesStatus(authorizer.rulesFor(user, textOf(spec['namespace']))),
  },
  {
    group: authorization,
    plural: 'subjectaccessreviews',
    kind: 'SubjectAccessReview',
    answer: (spec, _, authorizer) => ({ allowed: authorizer.allows(subjectOf(spec), accessOf(spec)) }),
  },
];

/** For discovery: they are served like any type. */
export function accessReviewTypes(): readonly TypeRow[] {
  return accessReviews.map(({ answer: _, ...names }) => ({
    ...names,
    namespaced: false,
    verbs: ['create'],
    versions: [{ name: 'v1', structure: builtinStructure(names) }],
  }));
}

export function answerReview(
  { answer }: AccessReview,
  body: JsonObject,
  user: User,
  authorizer: Authorizer,
): JsonObject {
  return { ...body, status: answer(fieldsOf(body['spec']), user, authorizer) };
}

function subjectOf(spec: JsonObject): User {
  return { name: textOf(spec['user']) ?? '', groups: itemsOf(spec['groups']).map(String) };
}

function accessOf(spec: JsonObject): Access {
  const path = fieldsOf(spec['nonResourceAttributes']) as Record<string, string | undefined>;
  if (path['path'] !== undefined) return { verb: path['verb'] ?? '', path: path['path'] };
  const asked = fieldsOf(spec['resourceAttributes']) as Record<string, string | undefined>;
  const { verb = '', group = '', resource = '', subresource = '', namespace, name } = asked;
  return {
    verb,
    group,
    resource: subresource === '' ? resource : `${resource}/${subresource}`,
    namespace: textOf(namespace),
    name: textOf(name),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function rulesStatus(rules: readonly PolicyRule[]): JsonObject {
  const isAboutPaths = ({ nonResourceURLs }: PolicyRule): boolean => nonResourceURLs !== undefined;
  return {
    resourceRules: rules.filter((rule) => !isAboutPaths(rule)),
    nonResourceRules: rules.filter(isAboutPaths),
    incomplete: false,
  };
}
