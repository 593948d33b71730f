import { FakeClock, seededRandom } from '@clustermesh/runtime';
import type { Resource } from '@clustermesh/kube';
import { describe, expect, it } from '@jest/globals';

import { KubeApiStore } from '../kube-api-store.ts';
import type { NetworkPolicy } from './network-policy-strategy.ts';

const networkPolicies: Resource<NetworkPolicy> = {
  group: 'networking.k8s.io',
  version: 'v1',
  plural: 'networkpolicies',
  kind: 'NetworkPolicy',
  namespaced: true,
};

function create(spec: object): Promise<NetworkPolicy> {
  const store = new KubeApiStore({ clock: new FakeClock(), random: seededRandom(1) });
  return store.client().create(networkPolicies, {
    metadata: { namespace: 'default', name: 'p' },
    spec: { podSelector: {}, ...spec },
  });
}

describe('a NetworkPolicy', () => {
  it.each<[string, object, object]>([
    ['is about what comes in', { ingress: [] }, { policyTypes: ['Ingress'] }],
    ['is also about what goes out, if it says so', { egress: [{}] }, { policyTypes: ['Ingress', 'Egress'] }],
    ['keeps the types that it names', { policyTypes: ['Egress'] }, { policyTypes: ['Egress'] }],
    [
      'speaks of TCP where it names no protocol',
      { ingress: [{ ports: [{ port: 80 }, { port: 53, protocol: 'UDP' }] }] },
      { ingress: [{ ports: [{ port: 80, protocol: 'TCP' }, { protocol: 'UDP' }] }] },
    ],
    [
      'may name a range of ports, a named port, addresses',
      {
        ingress: [
          {
            from: [{ ipBlock: { cidr: 'fd00::/16', except: ['fd00:1::/32'] } }],
            ports: [{ port: 80, endPort: 90 }, { port: 'http-web' }],
          },
        ],
      },
      {},
    ],
  ])('%s', async (_, spec, want) => {
    expect((await create(spec)).spec).toMatchObject(want);
  });

  const port = (one: object) => ({ ingress: [{ ports: [one] }] });
  const from = (one: object) => ({ ingress: [{ from: [one] }] });

  it.each<[string, object, RegExp]>([
    ['a port out of range', port({ port: 70_000 }), /spec\.ingress\[0\]\.ports\[0\]\.port: .*between 1 and 65535/],
    ['a port name that is none', port({ port: 'a--b' }), /ports\[0\]\.port: Invalid value: "a--b"/],
    ['an unknown protocol', port({ port: 1, protocol: 'ICMP' }), /protocol: Unsupported value: "ICMP"/],
    ['a range that ends before it begins', port({ port: 9, endPort: 8 }), /endPort: .*greater than or equal to `port`/],
    ['a range that ends too high', port({ port: 9, endPort: 70_000 }), /endPort: .*between 1 and 65535/],
    ['a range from a named port', port({ port: 'http', endPort: 8 }), /endPort: .*`port` is non-numeric/],
    ['a range from nowhere', port({ endPort: 8 }), /endPort: .*`port` is not specified/],
    ['nobody', from({}), /spec\.ingress\[0\]\.from\[0\]: Required value: must specify a peer/],
    ['addresses and pods at once', from({ podSelector: {}, ipBlock: { cidr: '10.0.0.0/8' } }), /both ipBlock and/],
    ['no network', from({ ipBlock: { cidr: '' } }), /ipBlock\.cidr: Required value/],
    ['an address for a network', from({ ipBlock: { cidr: '10.0.0.1' } }), /ipBlock\.cidr: .*valid CIDR value/],
    ['a prefix too long', from({ ipBlock: { cidr: '10.0.0.0/33' } }), /valid CIDR value/],
    [
      'an exception from elsewhere',
      from({ ipBlock: { cidr: '10.0.0.0/8', except: ['11.0.0.0/9'] } }),
      /except\[0\]: .*strict subset of `cidr`/,
    ],
    ['an exception of everything', from({ ipBlock: { cidr: '10.0.0.0/8', except: ['10.0.0.0/8'] } }), /strict subset/],
    ['an exception that is none', from({ ipBlock: { cidr: '10.0.0.0/8', except: ['x'] } }), /valid CIDR value/],
    ['three types', { policyTypes: ['Ingress', 'Egress', 'Ingress'] }, /more than two policyTypes/],
    ['an unknown type', { policyTypes: ['Sideways'] }, /policyTypes\[0\]: Unsupported value: "Sideways"/],
    [
      'an unknown operator',
      { podSelector: { matchExpressions: [{ key: 'a', operator: 'Odd' }] } },
      /spec\.podSelector\.matchExpressions\[0\]\.operator: .*not a valid selector operator/,
    ],
    [
      'a set without values',
      { podSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] } },
      /matchExpressions\[0\]\.values: Required value/,
    ],
    [
      'values of what needs none',
      {
        egress: [
          { to: [{ namespaceSelector: { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['b'] }] } }] },
        ],
      },
      /spec\.egress\[0\]\.to\[0\]\.namespaceSelector\.matchExpressions\[0\]\.values: Forbidden/,
    ],
  ])('cannot name %s', async (_, spec, want) => {
    await expect(create(spec)).rejects.toMatchObject({ code: 'KUBE_INVALID', message: expect.stringMatching(want) });
  });
});
