import { readFileSync } from 'node:fs';
import { Gauge } from 'prom-client';
import type { Registry } from 'prom-client';

/** Which build runs, with Cilium's labels: the version of a package.json. A build does not know its revision. */
export function registerVersion(registry: Registry, name: string, packageFile: URL): void {
  const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { readonly version: string };
  const labels = { version, revision: '', arch: process.arch === 'x64' ? 'amd64' : process.arch };
  const labelNames = Object.keys(labels);
  new Gauge({ name, help: '1, for the build that this is', labelNames, registers: [registry] }).set(labels, 1);
}
