import { deployments } from '@clustermesh/kube';
import type { Container, DaemonSet, Deployment, KubeObject, Service } from '@clustermesh/kube';
import { seededRandom, systemClock } from '@clustermesh/runtime';
import { describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';

import { mustRun } from '../command.ts';
import { KubeApiStore } from '../kube-api/kube-api-store.ts';
import { imageName, labPrograms } from '../kubelet/programs.ts';
import { clusterOf, planMesh } from '../mesh-plan.ts';
import { labInstallation } from '../supervisor/lab-installation.ts';
import { loadManifests, withSettings } from './install.ts';

const topology = { mesh: 'lab', clusters: [{ name: 'east', id: 1, nodes: 2 }] };
const cluster = clusterOf(planMesh(topology, { mode: 'rootless', stateRoot: '/tmp' }), 'east');
const installation = await labInstallation(cluster, {
  ...{ mode: 'rootless', clock: systemClock, settings: {}, redis: undefined },
});
const objects = await loadManifests(installation.variables);
const workloads = objects.filter((object): object is Deployment | DaemonSet => 'template' in specOf(object));
const containers = workloads.flatMap(({ spec }) => [
  ...(spec.template.spec.initContainers ?? []),
  ...spec.template.spec.containers,
]);

function specOf(object: KubeObject): object {
  return 'spec' in object ? (object.spec as object) : {};
}

/** What the program says of its own options. */
async function helpOf({ image, args = [] }: Container): Promise<string> {
  const [command = ''] = args;
  const subcommand = command.startsWith('--') ? [] : [command];
  return mustRun([...(labPrograms.get(imageName(image)) ?? []), ...subcommand, '--help']);
}

describe('the manifests of deploy/', () => {
  it.each(containers.map((container) => ({ container, name: container.name })))(
    'tell $name only settings that it has',
    async ({ container }) => {
      if (container.command !== undefined) return; // etcd, which is not ours
      const help = await helpOf(container);
      const flags = [...help.matchAll(/--([a-z0-9-]+)/g)].map(([, flag = '']) => flag);
      const told = (container.args ?? []).flatMap((arg) => /^--([a-z0-9-]+)/.exec(arg)?.[1] ?? []);
      const variables = (container.env ?? []).flatMap(({ name }) => /^CLUSTERMESH_(.+)$/.exec(name)?.[1] ?? []);
      const named = variables.map((name) => name.toLowerCase().replaceAll('_', '-'));
      expect(flags).toEqual(expect.arrayContaining([...told, ...named]));
    },
  );

  it('let every setting of the lab reach a program', () => {
    const keys = containers.flatMap(({ env = [] }) =>
      env.flatMap(({ valueFrom }) => valueFrom?.configMapKeyRef?.key ?? []),
    );
    expect(keys).toEqual(expect.arrayContaining(['cache', ...Object.keys(installation.settings)]));
  });

  it('mount volumes that exist', () => {
    for (const { spec } of workloads) {
      const { volumes = [], containers: main, initContainers = [] } = spec.template.spec;
      const mounted = [...main, ...initContainers].flatMap(({ volumeMounts = [] }) =>
        volumeMounts.map(({ name }) => name),
      );
      expect(volumes.map(({ name }) => name)).toEqual(expect.arrayContaining(mounted));
    }
  });

  it('name the protocol of every port: to apply without it is refused before Kubernetes 1.21', () => {
    const services = objects.filter((object): object is Service => object.kind === 'Service');
    const ports = [...services.map(({ spec }) => spec), ...containers].flatMap(
      (owner): readonly { readonly protocol?: string }[] => owner?.ports ?? [],
    );
    expect(ports.length).toBeGreaterThan(0);
    expect(ports.filter(({ protocol }) => protocol === undefined)).toEqual([]);
  });

  it('carry the settings of an installation in the ConfigMap that the command line reads, too', () => {
    const settings = objects
      .map((object) => withSettings(object, installation.settings))
      .find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'clustermesh-config');
    expect(settings).toMatchObject({
      data: { 'cluster-name': 'east', 'cluster-id': '1', 'drain-grace': installation.settings['drain-grace'] },
    });
  });

  it('leave two programs that elect who works, with deploy/external-etcd on top', async () => {
    const store = new KubeApiStore({ clock: systemClock, random: seededRandom(1) });
    const kube = store.client();
    const deployment = workloads.find(({ metadata }) => metadata.name === 'clustermesh-apiserver');
    if (deployment === undefined) throw new Error('no Deployment clustermesh-apiserver');
    await kube.create(deployments, deployment);
    const file = new URL('../../../../deploy/external-etcd/deployment-patch.yaml', import.meta.url);
    const patch = parse(await readFile(file, 'utf8')) as object;
    const patched = await kube.patch(deployments, deployment.metadata, patch, { kind: 'strategic' });
    const { initContainers = [], containers: left, volumes = [] } = patched.spec.template.spec;
    expect([patched.spec.replicas, initContainers, left.map(({ name }) => name)]).toEqual([
      2,
      [],
      ['apiserver', 'kvstoremesh'],
    ]);
    const names = volumes.map(({ name }) => name);
    for (const container of left) {
      expect(names).toEqual(expect.arrayContaining((container.volumeMounts ?? []).map(({ name }) => name)));
      expect(container.env).toContainEqual({ name: 'CLUSTERMESH_LEADER_ELECTION', value: 'true' });
      expect(await helpOf(container)).toContain('--leader-election');
    }
    expect(names).not.toContain('etcd-data');
  });
});
