/**
 * Runs the test tiers one after the other and ends with one line of counts over all of them:
 * `N passed, 0 failed, M skipped`. Each scenario counts as one test.
 * Usage: node tools/test.ts [--scenarios all|smoke|none]
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
const kernelTests = String.raw`\.bpf\.test\.ts$|/lab/.*\.int\.test\.ts$`;
const { values } = parseArgs({ options: { scenarios: { type: 'string', default: 'smoke' } } });
const scenarios = values.scenarios;

const folder = mkdtempSync(join(tmpdir(), 'mesh-test-'));
const counts = join(folder, 'counts');

/** Logs and state of the clusters of scenarios that failed. */
const collected = 'collected';

/** A tier that hangs is killed, and counts as a failure. */
const tierTimeoutMs = 20 * 60_000;

/** By default one less than there are processors; but most of a test's time is waiting for others. */
const workers = ['--maxWorkers=2', '--workerIdleMemoryLimit=2GB'];

/** A tier that dies without counting is one failure: silence is not success. */
function runTier(name: string, args: readonly string[]): boolean {
  process.stdout.write(`\n── ${name}\n`);
  const before = readCounts().length;
  const env = { ...process.env, MESH_COUNTS: counts };
  const run = spawnSync('node', args, { stdio: 'inherit', env, timeout: tierTimeoutMs, killSignal: 'SIGKILL' });
  const counted = readCounts().slice(before);
  const ended = run.status === 0;
  if (!ended && !counted.some((tier) => tier.failed > 0)) process.stdout.write(`${name} ended with ${run.status}\n`);
  return ended;
}

function readCounts(): Counts[] {
  if (!existsSync(counts)) return [];
  return readFileSync(counts, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Counts);
}

const tiers: readonly (readonly [string, readonly string[]])[] = [
  [
    'unit and integration tests',
    [...jest, ...workers, `--testPathIgnorePatterns=${kernelTests}`, '/node_modules/', '/dist/'],
  ],
  ['kernel and lab tests (root)', [...jest, `--testPathPatterns=${kernelTests}`, '--runInBand']],
];
const broken = tiers.filter(([name, args]) => !runTier(name, args)).map(([name]) => name);
for (const file of scenarioFiles()) {
  const run = ['cli/bin/run.js', 'scenario', 'run', file, '--collect', collected];
  const passed = runTier(`scenario ${file}`, run);
  appendFileSync(counts, `${JSON.stringify({ passed: passed ? 1 : 0, failed: passed ? 0 : 1, skipped: 0 })}\n`);
  if (!passed) broken.push(file);
}
const total = readCounts().reduce(
  (sum, tier) => ({
    passed: sum.passed + tier.passed,
    failed: sum.failed + tier.failed,
    skipped: sum.skipped + tier.skipped,
  }),
  { passed: 0, failed: 0, skipped: 0 },
);
const failed = Math.max(total.failed, broken.length);
rmSync(folder, { recursive: true });
for (const name of broken) process.stdout.write(`\nfailed: ${name}`);
process.stdout.write(`\n${total.passed} passed, ${failed} failed, ${total.skipped} skipped\n`);
process.exit(failed === 0 ? 0 : 1);

/** The smoke set says so in its file. */
function scenarioFiles(): readonly string[] {
  if (scenarios === 'none') return [];
  const files = readdirSync('scenarios').filter((name) => name.endsWith('.yaml'));
  return files
    .map((name) => join('scenarios', name))
    .filter((file) => scenarios === 'all' || /^set: smoke$/m.test(readFileSync(file, 'utf8')));
}
