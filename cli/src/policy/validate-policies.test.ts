import { describe, expect, it } from '@jest/globals';

import { renderPolicies } from './render-policies.ts';
import { hasRefusals, validatePolicies } from './validate-policies.ts';
import type { ValidatedObject } from './validate-policies.ts';

const scope = { localCluster: 'east', defaultLocalCluster: true };
const validate = (...documents: readonly string[]): readonly ValidatedObject[] =>
  validatePolicies(documents.join('\n---\n'), 'policies.yaml', scope);

const isolate = `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: isolate, namespace: demo}
spec: {podSelector: {}}`;
const byName = `
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: by-name, namespace: demo}
spec:
  endpointSelector: {}
  egress: [{toFQDNs: [{matchName: a.example}]}, {toEntities: [cluster]}]`;
const configMap = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}';

describe('validatePolicies', () => {
  it('tells what a policy means', () => {
    const objects = validate(isolate);
    expect(hasRefusals(objects)).toBe(false);
    expect(renderPolicies(objects)).toBe(`NetworkPolicy demo/isolate (document 1)
  selects all pods of namespace demo
  ingress: denied unless a rule allows it
  egress: not restricted by this policy

1 policy, enforced as written`);
  });

  it('tells which rule would be refused, where, what holds instead, and what to do', () => {
    const objects = validate(isolate, byName);
    expect(hasRefusals(objects)).toBe(true);
    expect(objects[1]?.problems).toMatchObject([
      {
        at: 'spec.egress[0].toFQDNs',
        kind: 'unsupported',
        effect: 'the rule allows nothing',
        advice: expect.stringContaining('toCIDR'),
      },
    ]);
    expect(renderPolicies(objects).split('\n\n').slice(1).join('\n\n'))
      .toBe(`CiliumNetworkPolicy demo/by-name (document 2)
  selects all pods of namespace demo
  ingress: not restricted by this policy
  egress: denied unless a rule allows it
    egress[0]  allow nothing
    egress[1]  allow to all pods of this cluster, and nodes of every cluster: all traffic
  ! spec.egress[0].toFQDNs: names of hosts (toFQDNs) are not served: the rule allows nothing
    allow the addresses behind the names by toCIDR, or the service in front of them by toServices

2 policies, 1 not enforced as written`);
  });

  it.each([
    { name: 'another kind', text: configMap, want: 'ConfigMap x (document 1): not a policy, skipped' },
    {
      name: 'a kind of the same name of somebody else',
      text: isolate.replace('networking.k8s.io/v1', 'crd.projectcalico.org/v1'),
      want: 'NetworkPolicy demo/isolate (document 1): not a policy, skipped',
    },
    { name: 'text', text: 'hello', want: 'no Kubernetes object (document 1): not a policy, skipped' },
  ])('says that $name is no policy', ({ text, want }) => {
    const objects = validate(text);
    expect(renderPolicies(objects)).toBe(`${want}\n\nno policies`);
    expect(hasRefusals(objects)).toBe(false);
  });

  it('takes lists apart, and skips empty documents', () => {
    const items = [isolate, byName].map((text) => text.trim().replaceAll('\n', '\n    ')).map((text) => `  - ${text}`);
    const objects = validate(`apiVersion: v1\nkind: List\nitems:\n${items.join('\n')}`, '# nothing');
    expect(objects.map(({ place, name }) => [place, name])).toEqual([
      ['document 1, items[0]', 'isolate'],
      ['document 1, items[1]', 'by-name'],
    ]);
  });

  it('what is ignored is told, and refuses nothing', () => {
    const objects = validate(
      isolate.replace('podSelector: {}', 'podSelector: {matchLabels: {io.kubernetes.pod.namespace: other}}'),
    );
    expect(objects[0]?.problems).toMatchObject([{ kind: 'ignored', advice: expect.stringContaining('leave it out') }]);
    expect(hasRefusals(objects)).toBe(false);
  });

  it.each([
    { name: 'a field of tomorrow', from: 'toEntities: [cluster]', to: 'toMoon: [x]', advice: /correct its name/ },
    { name: 'what means nothing', from: 'toEntities: [cluster]', to: 'toCIDR: [moon]', advice: /correct it/ },
    { name: 'what we do not serve', from: 'toEntities: [cluster]', to: 'toGroups: [{}]', advice: /endpoints, CIDRs/ },
  ])('says what to do about $name', ({ from, to, advice }) => {
    expect(validate(byName.replace(from, to))[0]?.problems[1]?.advice).toMatch(advice);
  });

  it('a text that is no YAML is a failure that names the place', () => {
    expect(() => validate(isolate, 'a: [')).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining('document 2 of policies.yaml'),
      }),
    );
  });

  it('names of a file write nothing to a terminal but letters', () => {
    expect(renderPolicies(validate(isolate.replace('name: isolate', 'name: "a\\e[31mb"')))).not.toContain('\u001b');
  });
});
