import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { loadConfig } from '../../testing/load-config.ts';
import PolicyValidate from './validate.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'clustermesh-policy-'));
  PolicyValidate.id = 'policy:validate'; // as the table of commands gives it
});
afterEach(() => {
  rmSync(dir, { recursive: true });
  process.exitCode = undefined;
});

const policy = (rule: string): string => `
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: p, namespace: demo}
spec: {endpointSelector: {}, ingress: [{${rule}}]}`;

async function validate(text: string, ...flags: readonly string[]): Promise<string> {
  const file = join(dir, 'policies.yaml');
  writeFileSync(file, text);
  const write = jest.spyOn(console, 'log').mockReturnValue();
  try {
    await PolicyValidate.run([file, ...flags], await loadConfig());
    return write.mock.calls.map(String).join('\n');
  } finally {
    write.mockRestore();
  }
}

describe('policy validate', () => {
  it('has nothing against what would be enforced as written', async () => {
    expect(await validate(policy('fromEndpoints: [{}]'))).toContain('1 policy, enforced as written');
    expect(process.exitCode).toBeUndefined();
  });

  it('fails when a rule would be refused', async () => {
    expect(await validate(policy('fromMoon: [{}]'))).toContain('spec.ingress[0].fromMoon');
    expect(process.exitCode).toBe(1);
  });

  it.each([
    { flags: [], want: 'all pods of namespace demo, of this cluster: ' },
    { flags: ['--no-policy-default-local-cluster'], want: 'all pods of namespace demo, of any cluster: ' },
  ])('selectors mean clusters as the agents are set: $flags', async ({ flags, want }) => {
    expect(await validate(policy('fromEndpoints: [{}]'), ...flags)).toContain(want);
  });

  it('says which clusters are meant, and of the own one that it is', async () => {
    const rule = 'fromEndpoints: [{matchLabels: {io.cilium.k8s.policy.cluster: east}}]';
    expect(await validate(policy(rule))).toContain('of cluster east');
    expect(await validate(policy(rule), '--cluster', 'east')).toContain('of this cluster');
  });

  it('speaks to programs too', async () => {
    const [object] = JSON.parse(await validate(policy('fromMoon: [{}]'), '-o', 'json')) as [object];
    expect(object).toMatchObject({
      kind: 'CiliumNetworkPolicy',
      isPolicy: true,
      policies: [{ selects: 'all pods of namespace demo' }],
      problems: [{ at: 'spec.ingress[0].fromMoon', kind: 'unknown' }],
    });
  });

  it('names the file that it cannot read', async () => {
    const write = jest.spyOn(console, 'error').mockReturnValue();
    try {
      await PolicyValidate.run([join(dir, 'missing.yaml')], await loadConfig());
      expect(write.mock.calls.map(String).join()).toMatch(/missing\.yaml.*FILE_UNREADABLE/);
      expect(process.exitCode).toBe(1);
    } finally {
      write.mockRestore();
    }
  });
});
