/** The Kubernetes API of one cluster of the lab, as a process of its own: it outlives the lab's supervisor. */
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

import {
  MeshError,
  createLogger,
  defineConfig,
  logLevels,
  runMain,
  systemClock,
  systemRandom,
} from '@clustermesh/runtime';

import { serveKubeApi } from './http/serve-kube-api.ts';
import type { ListenAddress } from './http/serve-kube-api.ts';
import { FileJournal } from './journal/journal.ts';
import { KubeApiStore } from './kube-api-store.ts';

/** Flags have kube-apiserver's names where it has the same thing. */
const config = defineConfig(
  z.object({
    bindAddress: z.string().default('127.0.0.1').describe('address to listen on'),
    securePort: z.coerce.number().int().min(0).max(65_535).default(6443).describe('port to listen on; 0: any'),
    socket: z.string().optional().describe('unix socket to listen on as well, with TLS'),
    tlsCertFile: z.string().describe('server certificate, PEM'),
    tlsPrivateKeyFile: z.string().describe('its key, PEM'),
    clientCaFile: z.string().describe('CA of client certificates, PEM'),
    tokenFile: z.string().optional().describe('file with a bearer token that is accepted as well'),
    dataDir: z.string().optional().describe('directory that keeps the objects; without it they end with the process'),
    podLogDir: z.string().optional().describe("directory of the containers' logs, for kubectl logs"),
    serviceClusterIpRange: z
      .string()
      .default('10.96.0.0/16')
      .describe('CIDR of cluster IPs, or one of each IP family, comma-separated'),
    bookmarkSeconds: z.coerce.number().positive().default(60).describe('how often a quiet watch gets a bookmark'),
    logLevel: z.enum(logLevels).default('info').describe('least severe level that is logged'),
  }),
);

/** About as long as the namespace controller of a quiet cluster takes. */
const drainDelayMs = 300;

/** How often events are looked through for those whose time is over. */
const eventSweepMs = 15_000;

const log = createLogger('kube-api', 'info');

await runMain(log, async (signal) => {
  const settings = config.load({ argv: process.argv.slice(2) });
  log.level = settings.logLevel;
  using journal = openJournal(settings.dataDir);
  const store = new KubeApiStore({
    ...(journal === undefined ? {} : { journal }),
    clock: systemClock,
    random: systemRandom,
    serviceCidr: settings.serviceClusterIpRange,
    drainDelayMs,
    bookmarkMs: settings.bookmarkSeconds * 1000,
  });
  const { bindAddress: host, securePort: port, socket, tokenFile, podLogDir } = settings;
  // The socket of a process that was killed is still there, and would be "in use".
  if (socket !== undefined) await rm(socket, { force: true });
  const listen: ListenAddress[] = [{ host, port }, ...(socket === undefined ? [] : [{ path: socket }])];
  const tls = {
    ca: readText(settings.clientCaFile),
    cert: readText(settings.tlsCertFile),
    key: readText(settings.tlsPrivateKeyFile),
  };
  const token = tokenFile === undefined ? {} : { token: readText(tokenFile).trim() };
  await using server = await serveKubeApi(store, { tls, ...token, listen, podLogDir, clock: systemClock, log });
  log.info({ addresses: server.addresses }, 'ready');
  while (!signal.aborted) {
    store.expireEvents();
    await systemClock.sleep(eventSweepMs, signal);
  }
});

function openJournal(dataDir: string | undefined): FileJournal | undefined {
  return dataDir === undefined ? undefined : FileJournal.open(join(dataDir, 'objects.jsonl'));
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new MeshError('FILE_UNREADABLE', `read ${path}`, { cause: error });
  }
}
