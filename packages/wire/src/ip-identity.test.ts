import { describe, expect, it } from '@jest/globals';
import type { ClusterId, ClusterName } from './cluster.ts';
import { kindByName } from './kinds.ts';

const context = { cluster: 'c1' as ClusterName, clusterId: 1 as ClusterId, maxConnectedClusters: 255 } as const;
const read = (value: string): unknown => kindByName.ip.read(context, '10.1.0.5', Buffer.from(value));

describe('an IP as several releases write it', () => {
  const rest = '"HostIP":"172.18.0.2","ID":65666,"Key":0,"Metadata":"","K8sNamespace":"ns","K8sPodName":"web-0"';
  const pod = { ip: '10.1.0.5', mask: null, hostIp: '172.18.0.2', id: 65_666, k8sNamespace: 'ns', k8sPodName: 'web-0' };

  it.each([
    ['before service accounts', `{"IP":"10.1.0.5","Mask":null,${rest}}`, { k8sServiceAccount: '', namedPorts: [] }],
    ['1.20', `{"IP":"10.1.0.5","Mask":null,${rest},"K8sServiceAccount":"sa"}`, { k8sServiceAccount: 'sa' }],
    [
      'after 1.20: no mask, a pod UID, named ports',
      `{"IP":"10.1.0.5",${rest},"K8sPodUID":"7f","K8sServiceAccount":"sa","NamedPorts":[{"Name":"http","Port":80,"Protocol":"TCP"}]}`,
      { k8sServiceAccount: 'sa', namedPorts: [{ name: 'http', port: 80, protocol: 'TCP' }] },
    ],
  ])('%s', (_name, value, want) => {
    expect(read(value)).toMatchObject({ ok: true, value: { ...pod, ...want } });
  });
});
