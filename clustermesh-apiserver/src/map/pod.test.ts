import { describe, expect, it } from '@jest/globals';

import type { Pod, PodSpec, PodStatus } from '@clustermesh/kube';
import { ipIdentityCodec } from '@clustermesh/wire';
import type { NumericIdentity } from '@clustermesh/wire';

import { aPod } from '../testing/objects.ts';
import { ipIdentity } from './ip-identity.ts';
import { podFacts } from './pod.ts';

function withStatus(status: PodStatus): Pod {
  return { ...aPod('web-0', '10.1.0.5'), status };
}

function withSpec(spec: Partial<PodSpec>): Pod {
  const pod = aPod('web-0', '10.1.0.5');
  return { ...pod, spec: { ...pod.spec, ...spec } };
}

describe('podFacts', () => {
  it.each([
    { name: 'on the host network', pod: withSpec({ hostNetwork: true }) },
    { name: 'without an address', pod: withStatus({ phase: 'Pending', hostIP: '172.18.0.2' }) },
    { name: 'that succeeded', pod: withStatus({ phase: 'Succeeded', podIP: '10.1.0.5' }) },
    { name: 'that failed', pod: withStatus({ phase: 'Failed', podIP: '10.1.0.5' }) },
  ])('has nothing of a pod $name', ({ pod }) => {
    expect(podFacts(pod)).toBeUndefined();
  });

  it('has every address once, in canonical text', () => {
    const status = { phase: 'Running', podIP: '10.1.0.5', podIPs: [{ ip: '10.1.0.5' }, { ip: 'FD00::0:5' }] } as const;
    expect(podFacts(withStatus(status))).toMatchObject({ ips: ['10.1.0.5', 'fd00::5'], hostIp: '' });
  });
});

describe('ipIdentity', () => {
  it('is written as by the 1.20 apiserver', () => {
    const facts = podFacts(aPod('web-0', '10.1.0.5'))!;
    const bytes = ipIdentityCodec.encode(ipIdentity('10.1.0.5', facts, 65666 as NumericIdentity));
    expect(new TextDecoder().decode(bytes)).toBe(
      '{"IP":"10.1.0.5","Mask":null,"HostIP":"172.18.0.2","ID":65666,"Key":0,"Metadata":"",' +
        '"K8sNamespace":"default","K8sPodName":"web-0","K8sServiceAccount":"default"}',
    );
  });
});
