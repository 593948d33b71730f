import { describe, expect, it } from '@jest/globals';

import type { CiliumEndpoint, CiliumEndpointSlice } from '@clustermesh/kube';
import { ipIdentityCodec } from '@clustermesh/wire';
import type { IpIdentity } from '@clustermesh/wire';

import { vector } from '../testing/vectors.ts';
import {
  entriesOfCiliumEndpoint,
  entriesOfCiliumEndpointSlice,
  keptCiliumEndpoint,
  keptCiliumEndpointSlice,
} from './cilium-endpoint.ts';

function texts(entries: readonly IpIdentity[]): string[] {
  return entries.map((entry) => new TextDecoder().decode(ipIdentityCodec.encode(entry)));
}

const endpoint: CiliumEndpoint = {
  metadata: { name: 'web-0', namespace: 'qux' },
  status: {
    identity: { id: 199_475 },
    encryption: { key: 5 },
    networking: { addressing: [{ ipv4: '10.244.2.74', ipv6: 'FD00:10:244:2::E024' }], node: '172.18.0.2' },
    'service-account': 'default',
  },
};

describe('entriesOfCiliumEndpoint', () => {
  it('has one entry an address, as protocol.md §2.5 writes it', () => {
    const rest = '"HostIP":"172.18.0.2","ID":199475,"Key":5,"Metadata":"","K8sNamespace":"qux","K8sPodName":"web-0",';
    expect(texts(entriesOfCiliumEndpoint(endpoint))).toEqual([
      `{"IP":"10.244.2.74","Mask":null,${rest}"K8sServiceAccount":"default"}`,
      `{"IP":"fd00:10:244:2::e024","Mask":null,${rest}"K8sServiceAccount":"default"}`,
    ]);
  });

  it.each<{ name: string; status: CiliumEndpoint['status']; want: unknown[] }>([
    { name: 'no status', status: undefined, want: [] },
    { name: 'no networking', status: { identity: { id: 7 } }, want: [] },
    {
      name: 'no identity',
      status: { networking: { addressing: [{ ipv4: '10.1.0.5' }] } },
      want: [{ id: 0, hostIp: '' }],
    },
    {
      name: 'empty and unreadable addresses',
      status: { networking: { addressing: [{ ipv4: '', ipv6: 'fd00::1' }, { ipv4: '10.1.0.05' }], node: 'n1' } },
      want: [{ ip: 'fd00::1', hostIp: '' }],
    },
    {
      name: 'several address pairs',
      status: { networking: { addressing: [{ ipv4: '10.1.0.5' }, { ipv4: '10.1.0.6' }] } },
      want: [{ ip: '10.1.0.5' }, { ip: '10.1.0.6' }],
    },
  ])('copes with $name', ({ status, want }) => {
    const entries = entriesOfCiliumEndpoint({ metadata: { name: 'a' }, ...(status && { status }) });
    expect(entries).toEqual(want.map((entry) => expect.objectContaining(entry as object)));
  });
});

describe('entriesOfCiliumEndpointSlice', () => {
  it('tells of each endpoint, in the namespace of the slice', () => {
    const slice: CiliumEndpointSlice = {
      metadata: { name: 'ces-1' },
      namespace: 'qux',
      endpoints: [
        {
          name: 'a',
          id: 199_472,
          encryption: {},
          networking: { addressing: [{ ipv4: '10.244.1.79' }], node: '172.18.0.3' },
        },
        {
          name: 'b',
          id: 199_475,
          encryption: { key: 5 },
          'service-account': 'default',
          networking: { addressing: [{ ipv4: '10.244.2.91' }] },
        },
        { name: 'c', id: 199_475 },
      ],
    };
    expect(texts(entriesOfCiliumEndpointSlice(slice))).toEqual([
      '{"IP":"10.244.1.79","Mask":null,"HostIP":"172.18.0.3","ID":199472,"Key":0,"Metadata":"","K8sNamespace":"qux","K8sPodName":"a"}',
      '{"IP":"10.244.2.91","Mask":null,"HostIP":"","ID":199475,"Key":5,"Metadata":"","K8sNamespace":"qux","K8sPodName":"b","K8sServiceAccount":"default"}',
    ]);
  });

  it('copes with a slice of nothing', () => {
    expect(entriesOfCiliumEndpointSlice({ metadata: { name: 'ces-1' } })).toEqual([]);
  });
});

describe('the golden values of Cilium', () => {
  const identity = { id: 199_472 };

  it.each<{ name: string; entries: readonly IpIdentity[] }>([
    {
      name: 'ip-v4-typical',
      entries: entriesOfCiliumEndpoint({
        metadata: { name: 'cep-001', namespace: 'foo' },
        status: {
          ...{ identity, 'service-account': 'default' },
          networking: { addressing: [{ ipv4: '10.244.1.79' }], node: '172.18.0.3' },
        },
      }),
    },
    {
      name: 'ip-v6-typical',
      entries: entriesOfCiliumEndpoint({
        metadata: { name: 'cep-001', namespace: 'foo' },
        status: {
          ...{ identity, 'service-account': 'default' },
          networking: { addressing: [{ ipv6: 'fd00:10:244:1::d643' }], node: 'fc00:c111::3' },
        },
      }),
    },
    {
      name: 'ip-v4-wireguard',
      entries: entriesOfCiliumEndpointSlice({
        metadata: { name: 'ces-1' },
        namespace: 'bar',
        endpoints: [
          {
            ...{ name: 'cep-002', id: 199_475, encryption: { key: 255 } },
            networking: { addressing: [{ ipv4: '10.244.2.74' }], node: '172.18.0.3' },
          },
        ],
      }),
    },
  ])('$name, from the object that it stands for', ({ name, entries }) => {
    expect(texts(entries)).toEqual([vector(`${name}.value`).toString()]);
  });
});

describe('what is kept', () => {
  it('says of a null what it says of what is not there', () => {
    const nulls = { ipv4: '10.1.0.4', ipv6: null };
    const networking = { addressing: [null, nulls], node: null };
    const status = { identity: null, encryption: null, networking, 'service-account': null };
    const object = { metadata: { name: 'a' }, status } as unknown as CiliumEndpoint;
    const kept = entriesOfCiliumEndpoint(keptCiliumEndpoint(object));
    expect(kept).toMatchObject([{ ip: '10.1.0.4', hostIp: '', id: 0, key: 0, k8sServiceAccount: '' }]);
    const endpoints = [
      { name: 'b', id: null, networking },
      { name: 'c', networking: { addressing: null } },
    ];
    const slice = { metadata: { name: 's' }, namespace: 'x', endpoints } as unknown as CiliumEndpointSlice;
    const ofSlice = entriesOfCiliumEndpointSlice(keptCiliumEndpointSlice(slice));
    expect(ofSlice).toMatchObject([{ ip: '10.1.0.4', id: 0, k8sPodName: 'b' }]);
    const empty = { metadata: { name: 's' }, namespace: null, endpoints: null } as unknown as CiliumEndpointSlice;
    expect(entriesOfCiliumEndpointSlice(keptCiliumEndpointSlice(empty))).toEqual([]);
    expect(keptCiliumEndpoint({ metadata: { name: 'a' }, status: null } as never).status).toEqual({});
  });

  it('says the same entries as the whole', () => {
    const whole: CiliumEndpoint = JSON.parse(
      JSON.stringify({ ...endpoint, status: { ...endpoint.status, health: { bpf: 'OK' }, log: [{ code: 'ok' }] } }),
    ) as CiliumEndpoint;
    expect(entriesOfCiliumEndpoint(keptCiliumEndpoint(whole))).toEqual(entriesOfCiliumEndpoint(whole));
    expect(keptCiliumEndpoint(whole)).toEqual(endpoint);
    const slice = { metadata: { name: 's', uid: 'u', managedFields: [] }, namespace: 'x', endpoints: [] };
    expect(keptCiliumEndpointSlice(slice)).toEqual({
      metadata: { name: 's', uid: 'u' },
      namespace: 'x',
      endpoints: [],
    });
  });
});
