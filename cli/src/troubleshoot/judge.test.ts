import { describe, expect, it } from '@jest/globals';
import type { EtcdClientConfig } from '@clustermesh/kvstore';
import { ok, refuse } from '@clustermesh/runtime';
import type { ErrorCode } from '@clustermesh/runtime';
import { rfc3339 } from '@clustermesh/wire';
import type { ClusterConfig, ClusterName } from '@clustermesh/wire';

import { judge } from './judge.ts';
import type { ClusterReport } from './judge.ts';
import type { AddressObservation, Attempt, Observation, StoreObservation, Target } from './observation.ts';
import { remoteRanges } from './ranges.ts';
import { renderReports } from './render.ts';

const nowMs = Date.UTC(2026, 0, 1);
const day = 86_400_000;
const url = 'https://west.mesh.cilium.io:2379';
const fileConfig: EtcdClientConfig = { endpoints: [url], tls: { ca: '/ca.crt' }, hostAliases: new Map() };
const certificate = { text: 'CN=remote', validToMs: nowMs + 300 * day };
const read = { ok: true, value: undefined } as const;
const no = (code: ErrorCode, problem = 'no'): { ok: false; code: ErrorCode; problem: string } => ({
  ...{ ok: false, code, problem },
});
const west: ClusterConfig = {
  id: 2,
  capabilities: { syncedCanaries: true, cached: false, maxConnectedClusters: 255, endpointSlicesExportMode: '' },
};

function target(more: Partial<Target> = {}): Target {
  const cluster = 'west' as ClusterName;
  return { cluster, name: 'west', isOwn: false, path: '/mesh/west', config: ok(fileConfig), ...more };
}

function store(more: Partial<StoreObservation> = {}): StoreObservation {
  return {
    storeId: 'abc',
    checksUsers: { ok: true, value: true },
    ranges: remoteRanges('west' as ClusterName, west).map((range) => ({ ...range, read })),
    config: { ok: true, value: west },
    canaries: [{ kind: 'nodes', isThere: { ok: true, value: true } }],
    heartbeat: { ok: true, value: rfc3339(nowMs - 30_000) },
    ...more,
  };
}

const address: AddressObservation = {
  address: '172.18.0.9',
  isReached: true,
  tls: { protocol: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256', server: { ...certificate, text: 'CN=server' } },
};

function endpoint(...addresses: readonly AddressObservation[]): Observation['endpoints'][number] {
  return { url, host: 'west.mesh.cilium.io', isAliased: true, addresses: { ok: true, value: addresses } };
}

function seen(more: Partial<Observation> = {}): Observation {
  return {
    target: target(),
    certificates: { ok: true, value: { user: 'remote', client: certificate, authorities: [certificate] } },
    endpoints: [endpoint(address)],
    store: { ok: true, value: store() },
    ...more,
  };
}

/** What a connection that is refused early leaves behind. */
function cutOff(more: Partial<Observation>): Observation {
  const { store: _notAsked, ...rest } = seen(more);
  return rest;
}

function inStore(more: Partial<StoreObservation>): Observation {
  return seen({ store: { ok: true, value: store(more) } });
}

function denied(...whats: readonly string[]): StoreObservation['ranges'] {
  const refused: Attempt<undefined> = no('KV_PERMISSION_DENIED');
  return store().ranges.map((range) => (whats.includes(range.what) ? { ...range, read: refused } : range));
}

function failing(code: ErrorCode, isReached = true): AddressObservation {
  return { address: '172.18.0.9', isReached, failure: { code, problem: 'it fails' } };
}

function judged(...observations: readonly Observation[]): ClusterReport {
  const [report] = judge(observations, { nowMs, heartbeatIntervalMs: 60_000, max: 255 });
  return report as ClusterReport;
}

describe('judge', () => {
  it('finds nothing wrong with a link that is fine', () => {
    const { verdict, checks } = judged(seen());
    expect(verdict).toBe('ok');
    expect(checks.map(({ step }) => step)).toEqual([
      ...['file', 'certificates', 'name', 'tcp', 'tls'],
      ...['etcd', 'users', 'access', 'config', 'canaries', 'heartbeat'],
    ]);
  });

  const config = (more: Partial<ClusterConfig>): Observation =>
    inStore({ config: { ok: true, value: { ...west, ...more } } });
  it.each<{ of: string; seen: Observation; step: string; code: ErrorCode; advice: RegExp }>([
    {
      of: 'a file that cannot be read as one',
      seen: cutOff({ target: target({ config: refuse('endpoints: is empty') }), endpoints: [] }),
      ...{ step: 'file', code: 'CONFIG_INVALID', advice: /correct the file/ },
    },
    {
      of: 'a certificate file that is not there',
      seen: cutOff({ certificates: no('FILE_UNREADABLE'), endpoints: [] }),
      ...{ step: 'certificates', code: 'FILE_UNREADABLE', advice: /mount the Secret/ },
    },
    {
      of: 'an expired client certificate',
      seen: cutOff({ certificates: no('TLS_CERT_EXPIRED'), endpoints: [] }),
      ...{ step: 'certificates', code: 'TLS_CERT_EXPIRED', advice: /renew it and its Secret/ },
    },
    {
      of: 'a name without an address',
      seen: cutOff({ endpoints: [{ ...endpoint(), addresses: no('HOST_UNRESOLVED') }] }),
      ...{ step: 'name', code: 'HOST_UNRESOLVED', advice: /cilium-host-aliases/ },
    },
    {
      of: 'an address where nothing listens',
      seen: cutOff({ endpoints: [endpoint(failing('HOST_UNREACHABLE', false))] }),
      ...{ step: 'tcp', code: 'HOST_UNREACHABLE', advice: /firewall/ },
    },
    {
      of: 'a server that hangs up',
      seen: cutOff({ endpoints: [endpoint(failing('HOST_UNREACHABLE'))] }),
      ...{ step: 'tls', code: 'HOST_UNREACHABLE', advice: /load balancer/ },
    },
    {
      of: 'an expired server certificate',
      seen: cutOff({ endpoints: [endpoint(failing('TLS_CERT_EXPIRED'))] }),
      ...{ step: 'tls', code: 'TLS_CERT_EXPIRED', advice: /clustermesh-apiserver-server-cert/ },
    },
    {
      of: 'a CA that is not trusted',
      seen: cutOff({ endpoints: [endpoint(failing('TLS_UNTRUSTED'))] }),
      ...{ step: 'tls', code: 'TLS_UNTRUSTED', advice: /trusted CA file/ },
    },
    {
      of: 'a certificate for other names',
      seen: cutOff({ endpoints: [endpoint(failing('TLS_NAME_MISMATCH'))] }),
      ...{ step: 'tls', code: 'TLS_NAME_MISMATCH', advice: /one of these names/ },
    },
    {
      of: 'a client certificate that is refused',
      seen: cutOff({ endpoints: [endpoint(failing('TLS_CLIENT_REJECTED'))] }),
      ...{ step: 'tls', code: 'TLS_CLIENT_REJECTED', advice: /trust the CA of our client certificate/ },
    },
    {
      of: 'an etcd that does not answer',
      seen: seen({ store: no('TIMEOUT') }),
      ...{ step: 'etcd', code: 'TIMEOUT', advice: /--timeout/ },
    },
    {
      of: 'an own etcd without users',
      seen: seen({
        target: target({ isOwn: true }),
        store: { ok: true, value: store({ checksUsers: { ok: true, value: false } }) },
      }),
      ...{ step: 'users', code: 'KV_REFUSED', advice: /etcdinit/ },
    },
    {
      of: 'a user without any access',
      seen: inStore({ ranges: denied(...store().ranges.map(({ what }) => what)) }),
      ...{ step: 'access', code: 'KV_PERMISSION_DENIED', advice: /must exist in that etcd/ },
    },
    {
      of: 'the etcd of another cluster',
      seen: inStore({ ranges: denied('cluster config', 'canaries'), config: no('KV_PERMISSION_DENIED') }),
      ...{ step: 'access', code: 'KV_PERMISSION_DENIED', advice: /is that the etcd of west\?/ },
    },
    {
      of: 'a role that lacks a range',
      seen: inStore({ ranges: denied('services') }),
      ...{ step: 'access', code: 'KV_PERMISSION_DENIED', advice: /role that may read this/ },
    },
    {
      of: 'a range that cannot be read for another reason',
      seen: inStore({ ranges: [...denied(), { what: 'x', key: 'x', isPrefix: true, read: no('KV_UNAVAILABLE') }] }),
      ...{ step: 'access', code: 'KV_UNAVAILABLE', advice: /leader/ },
    },
    {
      of: 'a cluster without config',
      seen: inStore({ config: { ok: true, value: undefined } }),
      ...{ step: 'config', code: 'CLUSTER_CONFIG_MISSING', advice: /really named so/ },
    },
    {
      of: 'a config that is none',
      seen: inStore({ config: no('CLUSTER_CONFIG_INVALID') }),
      ...{ step: 'config', code: 'CLUSTER_CONFIG_INVALID', advice: /max-connected-clusters/ },
    },
    {
      of: 'an id that no cluster may have',
      seen: config({ id: 300 }),
      ...{ step: 'config', code: 'CLUSTER_CONFIG_INVALID', advice: /max-connected-clusters/ },
    },
    {
      of: 'a canary that is missing',
      seen: inStore({ canaries: [{ kind: 'ip', isThere: { ok: true, value: false } }] }),
      ...{ step: 'canaries', code: 'KV_UNAVAILABLE', advice: /just started/ },
    },
    {
      of: 'no heartbeat',
      seen: inStore({ heartbeat: { ok: true, value: undefined } }),
      ...{ step: 'heartbeat', code: 'KV_UNAVAILABLE', advice: /clustermesh-apiserver of that cluster running/ },
    },
    {
      of: 'a heartbeat that has stopped',
      seen: inStore({ heartbeat: { ok: true, value: rfc3339(nowMs - 121_000) } }),
      ...{ step: 'heartbeat', code: 'KV_UNAVAILABLE', advice: /clocks differ\?/ },
    },
  ])('fails for $of, and says what to do', ({ seen, step, code, advice }) => {
    const { verdict, checks } = judged(seen);
    expect(verdict).toBe('failed');
    const found = checks.filter((check) => check.verdict === 'failed');
    expect(found).toMatchObject([{ step, code, advice: expect.stringMatching(advice) as unknown }]);
  });

  it.each<{ of: string; seen: Observation; step: string; message: RegExp }>([
    {
      of: 'a second address that is dead',
      seen: seen({ endpoints: [endpoint(address, failing('HOST_UNREACHABLE', false))] }),
      ...{ step: 'tcp', message: /it fails/ },
    },
    {
      of: 'our certificate ends soon',
      seen: seen({
        certificates: {
          ok: true,
          value: { user: 'remote', client: { text: 'CN=remote', validToMs: nowMs + day }, authorities: [certificate] },
        },
      }),
      ...{ step: 'certificates', message: /expires soon, or has: CN=remote/ },
    },
    {
      of: 'the server’s certificate ends soon',
      seen: seen({
        endpoints: [
          endpoint({
            ...address,
            tls: { protocol: 'p', cipher: 'c', server: { text: 'CN=s', validToMs: nowMs + day } },
          }),
        ],
      }),
      ...{ step: 'tls', message: /expires soon: CN=s/ },
    },
    {
      of: 'a remote etcd checks no users',
      seen: inStore({ checksUsers: { ok: true, value: false } }),
      ...{ step: 'users', message: /checks no users/ },
    },
    {
      of: 'the clocks differ',
      seen: inStore({ heartbeat: { ok: true, value: rfc3339(nowMs + 300_000) } }),
      ...{ step: 'heartbeat', message: /5m in the future/ },
    },
    {
      of: 'the heartbeat is no time',
      seen: inStore({ heartbeat: { ok: true, value: 'now' } }),
      ...{ step: 'heartbeat', message: /no time/ },
    },
  ])('warns when $of', ({ seen, step, message }) => {
    const { verdict, checks } = judged(seen);
    expect(verdict).toBe('warning');
    const found = checks.filter((check) => check.verdict === 'warning');
    expect(found).toMatchObject([{ step, message: expect.stringMatching(message) as unknown }]);
    expect(found[0]?.advice).toMatch(/\w/);
  });

  it('compares the ids of all clusters', () => {
    const north = seen({ target: target({ cluster: 'north' as ClusterName, name: 'north' }) });
    const { checks } = judged(seen(), north);
    expect(checks.find(({ step }) => step === 'config')).toMatchObject({
      ...{ verdict: 'failed', code: 'CLUSTER_ID_CONFLICT', message: 'west has id 2, and so has north' },
    });
  });

  it('accepts a cluster that writes no canaries', () => {
    const capabilities = { ...west.capabilities, syncedCanaries: false };
    expect(judged(inStore({ config: { ok: true, value: { ...west, capabilities } }, canaries: [] })).verdict).toBe(
      'ok',
    );
  });

  it.each([
    { step: 'file', seen: cutOff({ target: target({ isOwn: true, config: refuse('no') }), endpoints: [] }) },
    { step: 'certificates', seen: cutOff({ target: target({ isOwn: true }), certificates: no('TLS_CERT_EXPIRED') }) },
    {
      step: 'tcp',
      seen: cutOff({ target: target({ isOwn: true }), endpoints: [endpoint(failing('TIMEOUT', false))] }),
    },
  ])('sends nobody to clustermesh connect for our own etcd: $step', ({ step, seen }) => {
    const [check] = judged(seen).checks.filter(({ verdict }) => verdict === 'failed');
    expect(check).toMatchObject({ step, advice: expect.not.stringMatching(/connect/) as unknown });
  });

  it('says that it could not look into an etcd whose cluster has no name', () => {
    const own = cutOff({ target: target({ cluster: undefined, isOwn: true }) });
    expect(judged(own)).toMatchObject({ verdict: 'skipped', own: true });
    expect(judged(own).checks.at(-1)?.message).toMatch(/--cluster-name/);
  });
});

describe('renderReports', () => {
  it('has a line per check, below it what to do, and at the end who failed', () => {
    const text = renderReports([judged(inStore({ heartbeat: { ok: true, value: undefined } }))]);
    expect(text).toMatch(/^west\n {2}ok {7}file {9}\/mesh\/west: https:/);
    expect(text).toMatch(/\n {2}failed {3}heartbeat {4}there is none.*\n {24}is the clustermesh-apiserver/);
    expect(text).toMatch(/\n\nfailed: west$/);
  });

  it('lets no foreign text write to the terminal', () => {
    const server = { text: 'CN=\u001b[31mevil\u0007', validToMs: nowMs + 300 * day };
    const report = judged(seen({ endpoints: [endpoint({ ...address, tls: { protocol: 'p', cipher: 'c', server } })] }));
    expect(renderReports([report])).not.toMatch(/[\u0007\u001b]/);
  });
});
