import { describe, expect, it } from '@jest/globals';
import { appendFile, readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';

import { configMaps, customResourceDefinitions, namespaces, pods, services } from '@clustermesh/kube';
import type { ConfigMap, CustomResourceDefinition, KubeClient, Resource } from '@clustermesh/kube';
import { FakeClock, seededRandom } from '@clustermesh/runtime';
import { tempDir } from '@clustermesh/testkit';

import { KubeApiStore } from '../kube-api-store.ts';
import { FileJournal } from './journal.ts';

const ns = 'default';
const clock = new FakeClock();

/** A store on the journal at `path`, as a new process would open it. */
function open(path: string, minTailBytes?: number): Disposable & { store: KubeApiStore; client: KubeClient } {
  const journal = FileJournal.open(path, minTailBytes === undefined ? {} : { minTailBytes });
  const store = new KubeApiStore({ clock, random: seededRandom(1), serviceCidr: '10.101.0.0/16', journal });
  return { store, client: store.client(), [Symbol.dispose]: () => journal[Symbol.dispose]() };
}

function configMap(name: string, data: Record<string, string> = {}): ConfigMap {
  return { metadata: { namespace: ns, name }, data };
}

async function everything(client: KubeClient, types: readonly Resource<never>[]): Promise<unknown> {
  return Promise.all(types.map((type) => client.list(type, {})));
}

const widgets = { group: 'x.io', version: 'v1', plural: 'widgets', kind: 'Widget', namespaced: true };
const widgetCrd: CustomResourceDefinition = {
  metadata: { name: 'widgets.x.io' },
  spec: {
    group: 'x.io',
    scope: 'Namespaced',
    names: { plural: 'widgets', kind: 'Widget' },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
  },
};

describe('the journal', () => {
  it.each([
    ['from changes alone', undefined],
    ['from a snapshot and what came after it', 2000],
  ])('brings back all objects, %s', async (_, minTailBytes) => {
    await using dir = await tempDir('journal');
    const path = join(dir.path, 'objects.jsonl');
    const types = [namespaces, configMaps, services, customResourceDefinitions, widgets] as Resource<never>[];
    let before: unknown;
    let revision = 0;
    {
      using first = open(path, minTailBytes);
      const { client } = first;
      await client.create(customResourceDefinitions, widgetCrd);
      await client.create(widgets, { metadata: { namespace: ns, name: 'w' } });
      await client.create(services, { metadata: { namespace: ns, name: 'web' }, spec: { ports: [{ port: 80 }] } });
      for (let step = 0; step < 20; step++) await client.create(configMaps, configMap(`m-${step}`, { a: 'é\n' }));
      await client.delete(configMaps, { namespace: ns, name: 'm-3' });
      before = await everything(client, types);
      revision = first.store.revision;
    }
    using second = open(path, minTailBytes);
    expect(second.store.revision).toBe(revision);
    expect(await everything(second.client, types)).toEqual(before);
    // What is derived from objects is back as well: addresses that are taken, revisions that were given out.
    const other = await second.client.create(services, {
      metadata: { namespace: ns, name: 'other' },
      spec: { ports: [{ port: 80 }] },
    });
    expect(other.spec?.clusterIP).toBe('10.101.0.2');
    expect(Number(other.metadata.resourceVersion)).toBe(revision + 1);
  });

  it('is begun anew instead of growing for ever', async () => {
    await using dir = await tempDir('journal');
    const path = join(dir.path, 'objects.jsonl');
    using opened = open(path, 4000);
    for (let step = 0; step < 300; step++) {
      await opened.client.patch(
        configMaps,
        { namespace: ns, name: 'm' },
        { apiVersion: 'v1', kind: 'ConfigMap', data: { step: String(step) } },
        { kind: 'apply', fieldManager: 'test' },
      );
    }
    expect((await readFile(path)).length).toBeLessThan(12_000);
  });

  it('lets a watch go on where it was, and tells one that is too old', async () => {
    await using dir = await tempDir('journal');
    const path = join(dir.path, 'objects.jsonl');
    let position = '';
    {
      using first = open(path);
      position = (await first.client.create(configMaps, configMap('a'))).metadata.resourceVersion ?? '';
      await first.client.create(configMaps, configMap('b'));
      await first.client.delete(configMaps, { namespace: ns, name: 'a' });
    }
    using second = open(path);
    const stop = new AbortController();
    const seen: string[] = [];
    for await (const event of second.client.watch(configMaps, { resourceVersion: position }, stop.signal)) {
      if (event.type !== 'BOOKMARK') seen.push(`${event.type} ${event.object.metadata.name}`);
      if (seen.length === 2) stop.abort();
    }
    expect(seen).toEqual(['ADDED b', 'DELETED a']);
    second.store.compact();
    const tooOld = second.client.watch(configMaps, { resourceVersion: position }, new AbortController().signal);
    await expect(async () => {
      for await (const event of tooOld) throw new Error(`told ${event.type}`);
    }).rejects.toMatchObject({ code: 'KUBE_GONE' });
  });

  it('drops a line that its writer was killed in, and writes on behind the last whole one', async () => {
    await using dir = await tempDir('journal');
    const path = join(dir.path, 'objects.jsonl');
    {
      using first = open(path);
      for (const name of ['a', 'b']) await first.client.create(configMaps, configMap(name));
    }
    await truncate(path, (await readFile(path)).length - 10);
    {
      using second = open(path);
      expect((await second.client.list(configMaps)).items.map(({ metadata }) => metadata.name)).toEqual(['a']);
      await second.client.create(configMaps, configMap('c'));
    }
    using third = open(path);
    expect((await third.client.list(configMaps)).items.map(({ metadata }) => metadata.name)).toEqual(['a', 'c']);
  });

  it('refuses a file that was damaged in the middle, by name and line', async () => {
    await using dir = await tempDir('journal');
    const path = join(dir.path, 'objects.jsonl');
    await appendFile(path, '{"revision":1,"group":"","plural":"odd","key":"a"}\nnot JSON\n');
    expect(() => FileJournal.open(path)).toThrow(`open the journal ${path}`);
  });

  it('finishes what was half done: a namespace on its way out, an object whose owner is gone', async () => {
    await using dir = await tempDir('journal');
    const path = join(dir.path, 'objects.jsonl');
    const lines: object[] = [];
    {
      using first = open(path);
      const { client } = first;
      const owner = await client.create(configMaps, configMap('owner'));
      const { name, uid = '' } = owner.metadata;
      const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name, uid }];
      await client.create(configMaps, { metadata: { namespace: ns, name: 'owned', ownerReferences } });
      const shop = await client.create(namespaces, { metadata: { name: 'shop' } });
      await client.create(pods, {
        metadata: { namespace: 'shop', name: 'p' },
        spec: { containers: [{ name: 'c', image: 'i' }] },
      });
      const { revision } = first.store;
      // As if killed between the steps of two deletions.
      lines.push({ revision: revision + 1, group: '', plural: 'configmaps', key: `${ns}/owner` });
      const metadata = { ...shop.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' };
      const object = { ...shop, metadata, status: { phase: 'Terminating' } };
      lines.push({ revision: revision + 2, group: '', plural: 'namespaces', key: 'shop', object });
    }
    await appendFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    using second = open(path);
    expect((await second.client.list(configMaps)).items).toEqual([]);
    expect((await second.client.list(pods)).items).toEqual([]);
    expect((await second.client.list(namespaces)).items.map(({ metadata }) => metadata.name)).not.toContain('shop');
  });
});
