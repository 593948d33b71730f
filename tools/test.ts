/**
 * Runs the test tiers one after the other and ends with one line of counts over all of them:
 * `N passed, 0 failed, M skipped`. Each scenario counts as one test; two run side by side, each in a lab of its own.
 * Usage: node tools/test.ts [--scenarios all|smoke|none] [--side-by-side N]
 */
import { spawn, spawnSync } from 'node:child_process';
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
const { values } = parseArgs({
  options: { scenarios: { type: 'string', default: 'smoke' }, 'side-by-side': { type: 'string', default: '2' } },
});
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
const waiting = [...scenarioFiles()];
const sideBySide = hasNamespaces() ? Number(values['side-by-side']) : 1;
await Promise.all(Array.from({ length: sideBySide }, (_, index) => runScenarios(`test${index + 1}`)));
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

/** One after the other, in the lab `mesh`, until none is left. */
async function runScenarios(mesh: string): Promise<void> {
  for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
    const passed = await runScenario(file, mesh);
    appendFileSync(counts, `${JSON.stringify({ passed: passed ? 1 : 0, failed: passed ? 0 : 1, skipped: 0 })}\n`);
    if (!passed) broken.push(file);
  }
}

/** What it says is shown in one piece when it is over: the others speak meanwhile. */
async function runScenario(file: string, mesh: string): Promise<boolean> {
  const args = ['cli/bin/run.js', 'scenario', 'run', file, '--mesh', mesh, '--collect', collected];
  const child = spawn('node', args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: tierTimeoutMs,
    killSignal: 'SIGKILL',
  });
  const said: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => said.push(chunk));
  const code = await new Promise<number | null>((resolve) => {
    child.on('error', () => resolve(null));
    child.on('close', resolve);
  });
  process.stdout.write(`\n── scenario ${file}\n${Buffer.concat(said).toString()}`);
  if (code === null) {
    process.stdout.write(`scenario ${file} was killed: it took longer than ${tierTimeoutMs / 60_000} minutes\n`);
    spawnSync('node', ['cli/bin/run.js', 'lab', 'down', '--mesh', mesh], { stdio: 'inherit' });
  }
  return code === 0;
}

/** Without network namespaces, labs have the same addresses. */
function hasNamespaces(): boolean {
  return process.getuid?.() === 0 && spawnSync('unshare', ['--net', '--mount', 'true']).status === 0;
}

/** The smoke set says so in its file. */
function scenarioFiles(): readonly string[] {
  if (scenarios === 'none') return [];
  const files = readdirSync('scenarios').filter((name) => name.endsWith('.yaml'));
  return files
    .map((name) => join('scenarios', name))
    .filter((file) => scenarios === 'all' || /^set: smoke$/m.test(readFileSync(file, 'utf8')));
}
