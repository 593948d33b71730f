import type { MirrorFloor } from '../../floors/mirror.ts';
import { Child } from '../child.ts';
import { startEtcd } from '../propagation/etcds.ts';
import type { CacheWatcher } from './cache-watcher.ts';
import type { TargetKind } from './mirror-target.ts';

export const etcdTarget: TargetKind = {
  description: 'an etcd with TLS and without fsync',
  start: async (stack, signal) => {
    const { endpoint, clientFile } = await startEtcd(stack, 'cache');
    const watcher = stack.use(new Child<CacheWatcher>(new URL('./cache-watcher.ts', import.meta.url), signal));
    return {
      clientFile,
      flags: {},
      watcher: {
        follow: (prefixes) => watcher.ask('follow', { etcd: endpoint, prefixes }),
        take: () => watcher.ask('take'),
        count: (prefix) => watcher.ask('count', { etcd: endpoint, prefix }),
        keys: (prefix) => watcher.ask('keys', { etcd: endpoint, prefix }),
      },
      copyBarely: async (routes) => {
        await using floor = new Child<MirrorFloor>(new URL('../../floors/mirror.ts', import.meta.url), signal);
        return await floor.ask('run', { routes, target: endpoint });
      },
    };
  },
};
