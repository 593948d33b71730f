import { describe, expect, it } from '@jest/globals';
import type { Namespace, Occurrence, Service } from '@clustermesh/kube';

import { AnnotationAdvisor } from './annotation-advisor.ts';

function advisor(): { readonly advisor: AnnotationAdvisor; readonly told: string[] } {
  const told: string[] = [];
  const record = ({ regarding, message }: Occurrence): void =>
    void told.push(`${regarding.kind ?? ''} ${regarding.name ?? ''}: ${message}`);
  return { advisor: new AnnotationAdvisor({ record }), told };
}

const service = (annotations: Record<string, string>): Service => ({
  metadata: { name: 'echo', namespace: 'demo', uid: 'u1', annotations },
});
const global = { 'service.cilium.io/global': 'true' };
const wrong = { ...global, 'service.cilium.io/affinity': 'near' };
const wrongLine = 'Service echo: service.cilium.io/affinity: "near" is none of local, remote, none, and counts as none';

describe('AnnotationAdvisor', () => {
  it('says a problem once, however often the object is seen, and again when it comes back', () => {
    const { advisor: one, told } = advisor();
    one.service(service(wrong), true);
    one.service(service(wrong), true);
    expect(told).toEqual([wrongLine]);
    one.service(service(global), true);
    one.service(service(wrong), true);
    expect(told).toEqual([wrongLine, wrongLine]);
  });

  it('says why a global service stays at home', () => {
    const { advisor: one, told } = advisor();
    one.service(service(global), false);
    expect(told).toEqual([
      'Service echo: not shared with other clusters: namespace demo is not global (clustermesh.cilium.io/global)',
    ]);
  });

  it('has nothing to say of a service that is none of the mesh’s', () => {
    const { advisor: one, told } = advisor();
    one.service(service({}), false);
    expect(told).toEqual([]);
  });

  it('looks at namespaces on their way to who follows them', () => {
    const { advisor: one, told } = advisor();
    const seen: string[] = [];
    const observer = one.watching({
      upserted: ({ metadata }) => seen.push(`+${metadata.name}`),
      deleted: ({ metadata }) => seen.push(`-${metadata.name}`),
      synced: () => seen.push('synced'),
    });
    const namespace: Namespace = {
      metadata: { name: 'demo', uid: 'n1', annotations: { 'clustermesh.cilium.io/global': 'ture' } },
    };
    observer.upserted(namespace);
    observer.synced();
    observer.deleted(namespace);
    expect(seen).toEqual(['+demo', 'synced', '-demo']);
    expect(told).toEqual([
      'Namespace demo: clustermesh.cilium.io/global: "ture" is none of true, false, and counts as false',
    ]);
  });
});
