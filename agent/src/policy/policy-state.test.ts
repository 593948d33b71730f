import { describe, expect, it } from '@jest/globals';
import { parsePolicy } from '@clustermesh/policy';
import { parseLabel } from '@clustermesh/wire';

import { PolicyState } from './policy-state.ts';

const scope = { localCluster: 'west', defaultLocalCluster: true };
const key = 'NetworkPolicy/default/deny';

describe('PolicyState', () => {
  it('applies a policy before identities that came earlier, however many another cluster has (I1)', () => {
    const ref = { kind: 'NetworkPolicy', namespace: 'default', name: 'deny' } as const;
    const spec = { podSelector: {}, policyTypes: ['Ingress'] };
    const parsed = parsePolicy({ kind: ref.kind, metadata: ref, spec }, scope);
    const policy = new PolicyState({
      localCluster: 'west',
      scope: 'mesh',
      policies: { rows: new Map([[key, { ref, uid: '', parsed }]]) },
      identities: { get: (identity) => ({ identity, clusterId: 2, labels: [parseLabel('k8s:app=a')] }) },
      ports: { of: () => [] },
      isSynced: () => true,
      onChange: () => undefined,
      monotonicMs: () => 0,
    });
    for (let identity = 131_072; identity < 131_172; identity++) policy.identityChanged(identity);
    policy.policyChanged(key);
    expect(policy.step()).toEqual({});
    expect(policy.step()).toEqual({ identity: 131_072 });
  });
});
