import { describe, expect, it } from '@jest/globals';

import { parseEtcdClientFile } from './client-file.ts';

const path = '/var/lib/cilium/clustermesh/east';
const tls = 'trusted-ca-file: /certs/ca.crt\ncert-file: /certs/tls.crt\nkey-file: /certs/tls.key\n';
const endpoints = 'endpoints:\n- https://east.mesh.cilium.io:2379\n';
const insecure = 'endpoints: ["http://127.0.0.1:2379"]\ninsecure-transport: true\n';

describe('parseEtcdClientFile', () => {
  it('reads what the Cilium chart writes', () => {
    const aliases = 'cilium-host-aliases:\n- hostname: east.mesh.cilium.io\n  ips: [172.18.255.201, "fd00::1"]\n';
    expect(parseEtcdClientFile(endpoints + tls + aliases, path)).toEqual({
      ok: true,
      value: {
        endpoints: ['https://east.mesh.cilium.io:2379'],
        tls: { ca: '/certs/ca.crt', cert: '/certs/tls.crt', key: '/certs/tls.key' },
        hostAliases: new Map([['east.mesh.cilium.io', ['172.18.255.201', 'fd00::1']]]),
      },
    });
  });

  it.each([
    ['the old name of the CA file', `${endpoints}ca-file: /ca.crt\n`, { ca: '/ca.crt' }],
    ['paths relative to its own folder', `${endpoints}ca-file: ca.crt\n`, { ca: '/var/lib/cilium/clustermesh/ca.crt' }],
    ['fields of newer versions', `${endpoints}${tls}colour: blue\n`, { key: '/certs/tls.key' }],
    ['IPv6 endpoints', `endpoints: ["https://[::1]:2379/"]\n${tls}`, { ca: '/certs/ca.crt' }],
  ])('takes %s', (_name, text, want) => {
    expect(parseEtcdClientFile(text, path)).toMatchObject({ ok: true, value: { tls: want } });
  });

  it('does without TLS only when told', () => {
    expect(parseEtcdClientFile(insecure, path)).toMatchObject({ ok: true, value: { tls: undefined } });
  });

  it.each([
    ['endpoints: [', 'is not valid YAML'],
    ['just text', 'must be a mapping'],
    ['# endpoints:\n', 'must be a mapping'],
    [tls, 'endpoints: '],
    [`endpoints: []\n${tls}`, 'endpoints: '],
    [`endpoints: https://east:2379\n${tls}`, 'endpoints: '],
    [`endpoints: [east:2379]\n${tls}`, 'endpoints: "east:2379" is not of the form https://host:port'],
    [`endpoints: ["https://east"]\n${tls}`, 'endpoints: "https://east" is not of the form https://host:port'],
    [`endpoints: ["https://east:99999"]\n${tls}`, 'is not of the form https://host:port'],
    [`endpoints: ["http://east:2379"]\n${tls}`, 'must begin with https://'],
    [`${endpoints}insecure-transport: true\n`, 'must begin with http://'],
    [endpoints, 'trusted-ca-file: is missing'],
    [`${endpoints}trusted-ca-file: /ca\ncert-file: /c\n`, 'key-file: is missing'],
    [`${endpoints}trusted-ca-file: /ca\nkey-file: /k\n`, 'cert-file: is missing'],
    [`${endpoints}${tls}insecure-skip-tls-verify: true\n`, 'insecure-skip-tls-verify: true is refused'],
    [`${endpoints}${tls}username: root\n`, 'username: passwords are not supported'],
    [`${endpoints}${tls}password: x\n`, 'password: passwords are not supported'],
    [`${endpoints}${tls}cilium-host-aliases: [{ hostname: "", ips: [1.2.3.4] }]\n`, 'cilium-host-aliases.0.hostname'],
    [`${endpoints}${tls}cilium-host-aliases: [{ hostname: a, ips: [] }]\n`, 'cilium-host-aliases.0.ips'],
    [`${endpoints}${tls}cilium-host-aliases: [{ hostname: a, ips: [b] }]\n`, '"b" of a is not an IP address'],
    [
      `${endpoints}${tls}cilium-host-aliases: [{ hostname: a, ips: [::1] }, { hostname: a, ips: [::2] }]\n`,
      'cilium-host-aliases: a appears twice',
    ],
  ])('refuses %j, naming file and field', (text, reason) => {
    const parsed = parseEtcdClientFile(text, path);
    expect(parsed).toEqual({ ok: false, reason: expect.stringContaining(reason) });
    expect(parsed).toEqual({ ok: false, reason: expect.stringMatching(`^${path}`) });
  });
});
