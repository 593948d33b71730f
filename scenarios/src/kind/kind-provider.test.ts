import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';

import { renderDryRun } from '../dry-run.ts';
import type { CommandResult } from '../provider.ts';
import { loadScenario } from '../scenario.ts';
import { configFolder, kindConfig, nodeContainers } from './kind-cluster.ts';
import { kindCommands } from './kind-commands.ts';
import { KindProvider, whatKindLacks } from './kind-provider.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const shipped = readdirSync(join(root, 'scenarios')).filter((name) => name.endsWith('.yaml'));
const recorded = readdirSync(join(root, 'scenarios/testdata/kind')).map((name) => name.replace(/\.sh$/, ''));

const load = (name: string) => loadScenario(join(root, 'scenarios', `${name}.yaml`));

const onKind = shipped.filter((file) => {
  const { topology } = loadScenario(join(root, 'scenarios', file));
  return whatKindLacks(topology).length === 0;
});

describe.each(onKind)('kind-configs for scenarios/%s', (file) => {
  const { topology } = loadScenario(join(root, 'scenarios', file));
  const folder = join(root, 'kind-configs', configFolder(topology));

  it.each(topology.clusters)('has $name with addresses of its own', (cluster) => {
    const path = join(folder, `${cluster.name}.yaml`);
    expect(existsSync(path)).toBe(true);
    expect(parse(readFileSync(path, 'utf8'))).toEqual(kindConfig(cluster));
  });
});

describe('scenario run --provider kind --dry-run', () => {
  it.each(recorded)('prints for %s the commands of scenarios/testdata/kind', (name) => {
    const scenario = load(name);
    const plan = { mesh: 'lab', topology: scenario.topology, directory: '/tmp/clustermesh-kind-lab' };
    const commands = kindCommands(plan);
    const provider = new KindProvider({ cli: '/cli', mesh: 'lab', topology: scenario.topology });
    const script = renderDryRun(scenario, Object.assign(provider, { commands }));
    expect(`${script}\n`).toBe(readFileSync(join(root, `scenarios/testdata/kind/${name}.sh`), 'utf8'));
  });
});

/** Records every command line, and answers those that are in `failing` with exit code 1. */
function recordingProvider(failing: (command: string) => boolean = () => false) {
  const commands: string[] = [];
  const shell = async (command: string): Promise<CommandResult> => {
    commands.push(command);
    return { exitCode: failing(command) ? 1 : 0, stdout: '', stderr: failing(command) ? 'no such node\n' : '' };
  };
  const { topology } = load('demo');
  return { commands, topology, provider: new KindProvider({ cli: '/cli', mesh: 'm', topology, shell }) };
}

describe('KindProvider', () => {
  it.each([
    {
      what: 'the control plane of one cluster, to one peer',
      cut: { cluster: 'east', peers: ['west'], traffic: 'control', direction: 'in' } as const,
      want: [/^docker exec m-east-control-plane .*-s .* m-west-control-plane\) -p tcp -j DROP$/],
    },
    {
      what: 'the overlay',
      cut: { cluster: 'east', peers: ['west'], traffic: 'data', direction: 'out' } as const,
      want: [/MESH-CUT-OUT -d .* m-west-worker\) -p udp --dport 8472 -j DROP$/],
    },
  ])('cuts $what', async ({ cut, want }) => {
    const { provider, commands } = recordingProvider();
    await provider.cut(cut);
    for (const pattern of want) expect(commands).toContainEqual(expect.stringMatching(pattern));
    expect(commands.filter((command) => command.includes('-j DROP'))).toHaveLength(4); // 2 nodes, 2 nodes of the peer
  });

  it('kills a program on the node that is named', async () => {
    const { provider, commands } = recordingProvider();
    await provider.kill({ cluster: 'east', program: 'clustermesh-agent', node: 'n2' });
    expect(commands).toEqual([expect.stringMatching(/^docker exec m-east-worker sh -c .*kill -9"$/)]);
  });

  it('deletes its clusters, and only those', async () => {
    const { provider, commands } = recordingProvider();
    await provider.down();
    expect(commands).toEqual(['east', 'north', 'west'].map((name) => `kind delete cluster --name m-${name}`));
  });

  it('says which command failed, and why', async () => {
    const { provider } = recordingProvider((command) => command.startsWith('docker exec'));
    await expect(provider.restore('east')).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
      message: expect.stringMatching(/^run docker exec m-east-control-plane .*: exit code 1: no such node$/),
    });
  });

  it('refuses a topology that only the lab can make, and makes nothing', async () => {
    const { provider, commands } = recordingProvider();
    const { topology } = load('mixed-mesh');
    await expect(provider.up(topology, () => undefined, new AbortController().signal)).rejects.toMatchObject({
      code: 'SCENARIO_INVALID',
      message: 'make clusters on kind with Cilium in north and the etcd of samples: only the lab has that',
    });
    expect(commands).toEqual([]);
  });

  it('troubleshoots in the container where the links begin', async () => {
    const { provider, commands } = recordingProvider();
    await provider.troubleshoot('east');
    expect(commands).toEqual([
      'kubectl --context east -n kube-system exec deploy/clustermesh-apiserver -c kvstoremesh -- clustermesh troubleshoot',
    ]);
  });

  it('tells that it has no supervisor to kill', () => {
    expect(recordingProvider().provider.cannot('supervisor')).toBe('kind has no supervisor');
    expect(recordingProvider().provider.cannot('cuts')).toBeUndefined();
  });
});

it('nodes are the containers that kind makes', () => {
  const cluster = { name: 'east', id: 1, nodes: 3, ipFamilies: ['IPv4' as const] };
  expect(nodeContainers('lab', cluster)).toEqual(['lab-east-control-plane', 'lab-east-worker', 'lab-east-worker2']);
});
