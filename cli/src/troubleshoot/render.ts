import { plainText } from '../render/plain-text.ts';
import type { Check } from './check.ts';
import type { ClusterReport } from './judge.ts';

/** A block per cluster: a line for each check, and below each that is not fine what to do. */
export function renderReports(reports: readonly ClusterReport[]): string {
  const wrong = reports.filter(({ verdict }) => verdict === 'failed').map(({ cluster }) => cluster);
  const end = wrong.length === 0 ? 'nothing failed' : `failed: ${wrong.join(', ')}`;
  return [...reports.map(renderReport), end].join('\n\n');
}

function renderReport({ cluster, own, path, checks }: ClusterReport): string {
  const isCache = checks.some(({ step }) => step === 'cache');
  const ours = isCache ? `our cache, ${path}` : 'our own etcd';
  const head = own ? `${cluster} (${ours})` : cluster;
  return [head, ...checks.flatMap(renderCheck)].map(plainText).join('\n');
}

function renderCheck({ verdict, step, message, advice }: Check): readonly string[] {
  const line = `  ${verdict.padEnd(8)} ${step.padEnd(12)} ${message}`;
  return advice === undefined ? [line] : [line, `${' '.repeat(24)}${advice}`];
}
