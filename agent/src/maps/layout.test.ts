import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { objectPath } from '@clustermesh/bpf';
import type { ObjectName, OptionalObjectName } from '@clustermesh/bpf';

import { affinityKeyLayout, affinityValueLayout } from './affinity.ts';
import { backendLayout, backendState } from './backend.ts';
import { flowKeyLayout, flowState, flowValueLayout } from './conntrack.ts';
import { counterKeyLayout, counterValueLayout, directionNames, reasonNames } from './counters.ts';
import { endpointLayout } from './endpoint.ts';
import { fragmentKeyLayout, fragmentValueLayout } from './fragment.ts';
import { addressFamily, cidrKeyLayout, hostKeyLayout, ipcacheValueLayout, maxNodeIndex } from './ipcache.ts';
import { probeKind } from '../probe/probe-datagram.ts';
import { metaLayout } from './meta.ts';
import { nodeLayout, nodeState } from './node.ts';
import { eventLayout } from './flow-event.ts';
import { policyKeyLayout, policyLengthsKeyLayout, policyValueLayout } from './policy.ts';
import { probeLayout } from './probe.ts';
import { serviceKeyLayout, serviceValueLayout } from './service.ts';
import { slotLayout } from './slot.ts';

interface BtfMember {
  readonly name: string;
  readonly type_id: number;
  readonly bits_offset: number;
}

interface BtfType {
  readonly id: number;
  readonly kind: string;
  readonly name: string;
  readonly size?: number;
  readonly members?: readonly BtfMember[];
}

function canDump(): boolean {
  try {
    execFileSync('bpftool', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function typesOf(object: ObjectName | OptionalObjectName): readonly BtfType[] {
  const json = execFileSync('bpftool', ['-j', 'btf', 'dump', 'file', objectPath(object)], { maxBuffer: 16 << 20 });
  return (JSON.parse(json.toString()) as { readonly types: readonly BtfType[] }).types;
}

/** Byte offset of every named member, those of anonymous members included. */
function offsets(types: readonly BtfType[], type: BtfType, base = 0): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const { name, type_id: id, bits_offset: bits } of type.members ?? []) {
    const at = base + bits / 8;
    const inner = types.find((other) => other.id === id);
    const isOpened = name === '(anon)' || name === 'extent';
    if (!isOpened || inner === undefined) found.set(name, at);
    else for (const [member, offset] of offsets(types, inner, at)) found.set(member, offset);
  }
  return found;
}

const describeDump = canDump() ? describe : describe.skip;

describeDump('layouts are those of the objects (needs bpftool)', () => {
  it.each([
    {
      object: 'mesh_sock',
      struct: 'service_key',
      layout: serviceKeyLayout,
      members: { vip: 'vip', port: 'port', proto: 'proto', scope: 'scope' },
    },
    {
      object: 'mesh_sock',
      struct: 'service',
      layout: serviceValueLayout,
      members: {
        slotBase: 'slot_base',
        count: 'count',
        flags: 'flags',
        serviceId: 'svc_id',
        affinityTimeoutS: 'affinity_timeout_s',
        total: 'total',
        homeFirst: 'home_first',
        homeCount: 'home_count',
      },
    },
    {
      object: 'mesh_sock',
      struct: 'slot',
      layout: slotLayout,
      members: { backend: 'backend', serviceId: 'svc_id' },
    },
    {
      object: 'mesh_sock',
      struct: 'backend',
      layout: backendLayout,
      members: {
        address: 'addr',
        port: 'port',
        proto: 'proto',
        state: 'state',
        serviceId: 'svc_id',
        generation: 'gen',
        clusterId: 'cluster_id',
        zone: 'zone',
      },
    },
    {
      object: 'mesh_container',
      struct: 'node',
      layout: nodeLayout,
      members: { underlay: 'underlay', clusterId: 'cluster_id', state: 'state', flags: 'flags' },
    },
    {
      object: 'mesh_overlay',
      struct: 'probe',
      layout: probeLayout,
      members: {
        underlay: 'underlay',
        token: 'token',
        sentNs: 'sent_ns',
        answeredToken: 'answered_token',
        answeredNs: 'answered_ns',
        reflectedNs: 'reflected_ns',
        verdict: 'verdict',
      },
    },
    {
      object: 'mesh_container',
      struct: 'ipcache_host_key',
      layout: hostKeyLayout,
      members: { address: 'addr', cluster: 'cluster_id', family: 'family' },
    },
    {
      object: 'mesh_container',
      struct: 'ipcache_cidr_key',
      layout: cidrKeyLayout,
      members: { prefixLength: 'prefix_len', cluster: 'cluster_id', family: 'family', address: 'addr' },
    },
    {
      object: 'mesh_container',
      struct: 'ipcache_entry',
      layout: ipcacheValueLayout,
      members: { identity: 'identity', nodeAndFlags: 'node_and_flags' },
    },
    {
      object: 'mesh_overlay',
      struct: 'endpoint',
      layout: endpointLayout,
      members: {
        ifindex: 'ifindex',
        identity: 'identity',
        endpointId: 'id',
        flags: 'flags',
        address: 'addr',
        mac: 'mac',
        hostMac: 'host_mac',
        subject: 'subject',
      },
    },
    {
      object: 'mesh_container',
      struct: 'policy_key',
      layout: policyKeyLayout,
      members: {
        subject: 'subject',
        remote: 'remote',
        direction: 'direction',
        length: 'length',
        proto: 'proto',
        port: 'port',
      },
    },
    {
      object: 'mesh_container',
      struct: 'policy',
      layout: policyValueLayout,
      members: { deny: 'deny', rule: 'rule', packets: 'packets', bytes: 'bytes' },
    },
    {
      object: 'mesh_container',
      struct: 'policy_len_key',
      layout: policyLengthsKeyLayout,
      members: { subject: 'subject', remote: 'remote', direction: 'direction' },
    },
    {
      object: 'mesh_container',
      struct: 'event',
      layout: eventLayout,
      members: {
        ns: 'ns',
        kind: 'kind',
        reason: 'reason',
        direction: 'direction',
        proto: 'proto',
        ifindex: 'ifindex',
        sourceIdentity: 'source_identity',
        destinationIdentity: 'destination_identity',
        source: 'source',
        destination: 'destination',
        sourcePort: 'source_port',
        policyPort: 'policy_port',
        bytes: 'bytes',
        rule: 'rule',
        tcpFlags: 'tcp_flags',
        icmpCode: 'icmp_code',
        relation: 'relation',
      },
    },
    {
      object: 'mesh_sock',
      struct: 'metrics_key',
      layout: counterKeyLayout,
      members: { reason: 'reason', direction: 'direction' },
    },
    {
      object: 'mesh_sock',
      struct: 'metrics_value',
      layout: counterValueLayout,
      members: { count: 'count', bytes: 'bytes' },
    },
    {
      object: 'mesh_container',
      struct: 'ct_key',
      layout: flowKeyLayout,
      members: {
        source: 'source',
        destination: 'destination',
        sourcePort: 'source_port',
        destinationPort: 'destination_port',
        proto: 'proto',
        direction: 'direction',
      },
    },
    {
      object: 'mesh_container',
      struct: 'ct',
      layout: flowValueLayout,
      members: { expiresNs: 'expires_ns', state: 'state', seen: 'seen', createdNs: 'created_ns' },
    },
    {
      object: 'mesh_container',
      struct: 'fragment_key',
      layout: fragmentKeyLayout,
      members: { source: 'source', destination: 'destination', id: 'id', proto: 'proto' },
    },
    {
      object: 'mesh_container',
      struct: 'fragment_ports',
      layout: fragmentValueLayout,
      members: {
        sourcePort: 'source_port',
        destinationPort: 'destination_port',
        proto: 'proto',
        icmpType: 'icmp_type',
        icmpCode: 'icmp_code',
      },
    },
    // The programs' own, written down in bpf/README.md: agents of other versions keep these maps.
    {
      object: 'mesh_sock',
      struct: 'affinity_key',
      layout: affinityKeyLayout,
      members: { client: 'client', serviceId: 'svc_id', kind: 'kind' },
    },
    {
      object: 'mesh_sock',
      struct: 'affinity',
      layout: affinityValueLayout,
      members: { lastUsedNs: 'last_used_ns', backend: 'backend', generation: 'gen' },
    },
    {
      object: 'mesh_sock_term',
      struct: 'reverse_sock',
      layout: { size: 48, peer: 0, vip: 16, peerPort: 32, vipPort: 34, serviceId: 36, backend: 40, generation: 44 },
      members: {
        peer: 'peer',
        vip: 'vip',
        peerPort: 'peer_port',
        vipPort: 'vip_port',
        serviceId: 'svc_id',
        backend: 'backend',
        generation: 'gen',
      },
    },
    {
      object: 'mesh_sock',
      struct: 'reverse_udp_key',
      layout: { size: 32, cookie: 0, peer: 8, peerPort: 24 },
      members: { cookie: 'cookie', peer: 'peer', peerPort: 'peer_port' },
    },
    {
      object: 'mesh_sock',
      struct: 'reverse_udp',
      layout: { size: 24, vip: 0, vipPort: 16, serviceId: 20 },
      members: { vip: 'vip', vipPort: 'vip_port', serviceId: 'svc_id' },
    },
    {
      object: 'mesh_sock',
      struct: 'meta',
      layout: metaLayout,
      members: {
        abiVersion: 'abi_version',
        objectSha256: 'object_sha256',
        bootId: 'boot_id',
        agentVersion: 'agent_version',
      },
    },
  ] as const)('struct $struct of $object', ({ object, struct, layout, members }) => {
    const types = typesOf(object);
    const type = types.find(({ kind, name }) => kind === 'STRUCT' && name === struct);
    if (type === undefined) throw new Error(`no struct ${struct} in ${object}`);
    const { size, ...fields } = layout;
    const inObject = offsets(types, type);
    const seen = Object.entries(members).map(([field, member]) => [field, inObject.get(member)]);
    expect(Object.fromEntries(seen)).toEqual(fields);
    expect(type.size).toBe(size);
  });
});

describe('numbers are those of the headers', () => {
  it.each([
    { header: 'backend.h', prefix: 'BACKEND', numbers: backendState },
    { header: 'node.h', prefix: 'NODE', numbers: { free: nodeState.free, active: nodeState.alive } },
    { header: 'ipcache.h', prefix: 'IPCACHE', numbers: addressFamily },
    { header: 'probe.h', prefix: 'PROBE', numbers: probeKind },
    { header: 'conntrack.h', prefix: 'CT', numbers: flowState },
  ])('enumerators of $header', ({ header, prefix, numbers }) => {
    const text = readFileSync(join(dirname(objectPath('mesh_sock')), '..', 'lib', header), 'utf8');
    const named = [...text.matchAll(new RegExp(`${prefix}_(\\w+) = (\\d+)`, 'g'))];
    expect(Object.fromEntries(named.map(([, name = '', value]) => [name.toLowerCase(), Number(value)]))).toEqual(
      numbers,
    );
  });

  it.each([
    { header: 'drop_reasons.h', prefix: 'REASON', names: reasonNames },
    { header: 'metrics.h', prefix: 'DIRECTION', names: directionNames },
  ])('enumerators of $header, with their names', ({ header, prefix, names }) => {
    const text = readFileSync(join(dirname(objectPath('mesh_sock')), '..', 'lib', header), 'utf8');
    const named = [...text.matchAll(new RegExp(`\\b${prefix}_(\\w+) =\\s+(\\d+)`, 'g'))];
    const inWords = ([, name = '', value = '']: RegExpExecArray) => [value, name.toLowerCase().replaceAll('_', ' ')];
    expect(Object.fromEntries(named.map(inWords))).toEqual(names);
  });

  it('the node index has 24 bits', () => {
    const text = readFileSync(join(dirname(objectPath('mesh_sock')), '..', 'lib', 'ipcache.h'), 'utf8');
    expect(/IPCACHE_NODE_MASK (0x[0-9a-f]+)/.exec(text)?.[1]).toBe(`0x${maxNodeIndex.toString(16)}`);
  });
});
