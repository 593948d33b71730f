import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { clusterOf, planMesh } from '../mesh-plan.ts';
import { envtestKubeApi, memoryKubeApi } from './kube-api-programs.ts';

const topology = { mesh: 'lab', clusters: [{ name: 'east', id: 1, nodes: 1 }] };
const cluster = clusterOf(planMesh(topology, { mode: 'rootless', stateRoot: '/tmp' }), 'east');
const pki = { caFile: 'ca', serverCertFile: 's', serverKeyFile: 'k', tokenKeyFile: 't', tokenPublicKeyFile: 'p' };
const files = { pki, kubeconfigFile: 'controllers.kubeconfig' };

describe('the programs of a real Kubernetes API', () => {
  let assets: string;
  beforeEach(async () => {
    assets = await mkdtemp(join(tmpdir(), 'assets-'));
  });
  afterEach(() => rm(assets, { recursive: true }));

  it('have the names that commands and scenarios know, whichever API it is', async () => {
    const { programs, hasControllers } = await envtestKubeApi(assets, cluster, files);
    expect(programs.map(({ name, argv }) => [name, argv[0]])).toEqual([
      ['kube-etcd', join(assets, 'etcd')],
      ['kube-api', join(assets, 'kube-apiserver')],
    ]);
    expect(hasControllers).toBe(false);
    expect(memoryKubeApi(cluster, files).programs.map(({ name }) => name)).toEqual(['kube-api']);
  });

  it('are its controllers as well if they are there, under the names that every version knows', async () => {
    await writeFile(join(assets, 'kube-controller-manager'), '');
    const { programs, hasControllers } = await envtestKubeApi(assets, cluster, files);
    expect(hasControllers).toBe(true);
    expect(programs.at(-1)?.name).toBe('kube-controller-manager');
    expect(programs.at(-1)?.argv).toContain(
      '--controllers=deployment,replicaset,daemonset,endpointslice,garbagecollector,namespace,serviceaccount',
    );
  });
});
