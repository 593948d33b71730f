import fc from 'fast-check';

import type { PacketFields } from './frames.ts';
import type { Step } from './vector.ts';

/** Addresses of the world of vectors: of the pod, its neighbours, another cluster, a link, the world, nobody. */
const families = [
  {
    own: ['10.1.0.2', '10.1.0.9', '10.1.0.3'],
    others: ['10.2.0.5', '10.2.0.77', '10.1.1.5', '172.30.1.11', '198.51.100.1', '169.254.1.1', '224.0.0.1'],
  },
  {
    own: ['fd00:10:1::2', 'fe80::2', 'fd00:10:1::3'],
    others: ['fd00:10:2::5', 'fd00:10:2::77', '2001:db8::1', 'fe80::1', 'ff02::1'],
  },
] as const;
/** Few, so that packets meet flows and rows. */
const ports = [80, 443, 40_000] as const;

function mostlyFirst(all: readonly [string, ...string[]]): fc.Arbitrary<string> {
  return fc.oneof({ weight: 5, arbitrary: fc.constant(all[0]) }, { weight: 1, arbitrary: fc.constantFrom(...all) });
}

const ends = fc.constantFrom(...families).chain(({ own, others }) =>
  fc.record({
    own: mostlyFirst(own),
    other: mostlyFirst(others),
    ports: fc.tuple(fc.constantFrom(...ports), fc.constantFrom(...ports)),
    isOutward: fc.boolean(),
  }),
);
type Ends = typeof ends extends fc.Arbitrary<infer Value> ? Value : never;

const fragment = fc.record({ id: fc.constantFrom(1, 2), offset: fc.constantFrom(0, 0, 3), more: fc.boolean() });
const common = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  {
    weight: 1,
    arbitrary: fc.record(
      {
        fragment,
        extensions: fc.array(fc.constantFrom(0, 43, 44, 60), { maxLength: 7 }),
        hopLimit: fc.constantFrom(64, 255),
        payload: fc.constantFrom(2, 12),
      },
      { requiredKeys: [] },
    ),
  },
);
const kinds = ['tcp', 'udp', 'sctp', 'icmp', 'ip'] as const;
const flags = fc.constantFrom('S', 'S.', '.', 'P.', 'F.', 'R', 'SF', '');
const types = fc.constantFrom(8, 0, 3, 11, 13, 128, 129, 1, 2, 135, 136);

function textOf({ own, other, ports: [first, second], isOutward }: Ends, hasPorts: boolean): string {
  const end = (address: string, port: number): string => {
    if (!hasPorts) return address;
    return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  };
  const [from, to] = isOutward ? [own, other] : [other, own];
  return `${end(from, first)} -> ${end(to, second)}`;
}

function packetOf(at: Ends, kind: (typeof kinds)[number], more: PacketFields): PacketFields {
  return { [kind]: textOf(at, ['tcp', 'udp', 'sctp'].includes(kind)), ...more };
}

const plain = fc
  .record({ at: ends, kind: fc.constantFrom(...kinds), flags, type: types, id: fc.constantFrom(1, 2), more: common })
  .map(({ at, kind, more, ...fields }) => ({ at, packet: packetOf(at, kind, { ...fields, protocol: 47, ...more }) }));

/** Errors are about packets that went the other way, mostly. */
const any = fc.oneof(
  { weight: 4, arbitrary: plain },
  {
    weight: 1,
    arbitrary: fc
      .record({ about: plain, type: fc.constantFrom(3, 11, 1, 2), cutAt: fc.option(fc.integer({ min: 1, max: 60 })) })
      .map(({ about, type, cutAt }) => {
        const at = { ...about.at, isOutward: !about.at.isOutward };
        const inner = cutAt === null ? about.packet : { ...about.packet, cutAt };
        return { at, packet: packetOf(at, 'icmp', { type, about: inner }) };
      }),
  },
);

const ethernetSize = 14;
/** A test run takes no frame without a whole IP header, and writes what it saw of the tunnel over 36 bytes. */
const ipSize = { 4: 20, 6: 40 } as const;

const damage = fc.record(
  {
    cut: fc.integer({ min: 2, max: 40 }),
    patches: fc.array(fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 255 })), { maxLength: 2 }),
  },
  { requiredKeys: [] },
);

function damaged(
  packet: PacketFields,
  isIpv6: boolean,
  { cut, patches = [] }: { cut?: number; patches?: readonly (readonly [number, number])[] },
): PacketFields {
  const header = ethernetSize + ipSize[isIpv6 ? 6 : 4];
  const patch = Object.fromEntries(patches.map(([offset, byte]) => [ethernetSize + offset, byte]));
  return {
    ...packet,
    ...(cut === undefined ? {} : { cutAt: header + cut }),
    ...(patches.length === 0 ? {} : { patch }),
  };
}

const outer = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ source: '172.30.2.11', vni: 131_080 }) },
  {
    weight: 1,
    arbitrary: fc.record({ source: fc.constantFrom('172.30.2.11', '172.30.1.12'), vni: fc.constantFrom(2, 131_080) }),
  },
);

const packetStep: fc.Arbitrary<Step> = fc
  .record({
    chosen: any,
    damage: fc.oneof({ weight: 4, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: damage }),
    outer,
    isTunnelled: fc.constantFrom(true, true, true, false),
  })
  .map(({ chosen: { at, packet }, damage: harm, isTunnelled, outer: from }): Step => {
    const whole = damaged(packet, at.own.includes(':'), harm);
    if (at.isOutward) return { hook: 'from container', packet: whole, verdict: '' };
    return isTunnelled
      ? { hook: 'from overlay', packet: whole, outer: from, verdict: '' }
      : { hook: 'to container', packet: whole, verdict: '' };
  });

const row = fc
  .record({
    verdict: fc.constantFrom('allow', 'allow', 'deny'),
    way: fc.constantFrom('ingress', 'egress'),
    remote: fc.constantFrom('anybody', '131080', '2', '9', '10', '65541'),
    what: fc.constantFrom('any', 'tcp', 'tcp/80', 'udp/443', 'icmp/8', 'icmpv6', 'tcp/32768-65535'),
  })
  .map(({ verdict, way, remote, what }) => `${verdict} 65540 ${way} ${remote} ${what} rule 1`);

const otherStep: fc.Arbitrary<Step> = fc.oneof(
  row.map((text): Step => ({ write: { policy: [text] } })),
  fc.constantFrom(5, 30, 61).map((seconds): Step => ({ seconds })),
);

/** Packets of few flows in both directions, some of them broken, while rows come and time passes. */
export const packetSteps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof({ weight: 8, arbitrary: packetStep }, { weight: 1, arbitrary: otherStep }),
  { minLength: 1, maxLength: 25 },
);

/** Mostly something is allowed, or there would be no flows. */
export const policyRows: fc.Arbitrary<readonly string[]> = fc
  .tuple(
    fc.constantFrom(['allow 65540 egress anybody any', 'allow 65540 ingress anybody any'], []),
    fc.array(row, { maxLength: 6 }),
  )
  .map(([most, others]) => [...most, ...others]);
