import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execPath, kill, pid } from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { attachDevice, inNetworkNamespace, loadObject, mountBpffs, probeKernel, unmountBpffs } from '@clustermesh/ebpf';
import type { AttachMethod } from '@clustermesh/ebpf';
import { TestNetns, TestProcess, eventually } from '@clustermesh/testkit';

import { defaultMapSizes } from '../../../maps/datapath-maps.ts';
import type { KernelDatapathOptions } from '../kernel-datapath.ts';
import type { DevicesOrder } from './run-devices.ts';

const run = promisify(execFile);
const node = [execPath, '--conditions=mesh-source', '--disable-warning=ExperimentalWarning'];

/** What a look at the pods came to. */
export interface Round {
  readonly served: readonly string[];
  readonly problems: readonly string[];
}

/** A node with an underlay device and pods, and the agent's datapath on it as a process of its own. */
export class DeviceNode implements AsyncDisposable {
  readonly netns = new TestNetns('devices');
  readonly underlay = '172.30.0.11';
  readonly #dir = mkdtempSync(join(tmpdir(), 'clustermesh-devices-'));
  readonly #bpfFs = join(this.#dir, 'bpf');
  readonly #cgroup = join(probeKernel().cgroup2 ?? '', `clustermesh-devices-${pid}`);
  readonly #podsFile = join(this.#dir, 'pods.json');
  readonly #pods = new Map<string, TestNetns>();
  #process: TestProcess | undefined;
  #known: Record<string, number> = {};

  constructor() {
    mkdirSync(this.#cgroup);
    mountBpffs(this.#bpfFs);
    this.netns.ip('link add under0 type veth peer name under1');
    this.netns.ip(`addr add ${this.underlay}/16 dev under0`);
    for (const device of ['under0', 'under1']) this.netns.ip(`link set ${device} up`);
    this.know({});
  }

  async start(attachMethod: AttachMethod, change: Partial<KernelDatapathOptions> = {}): Promise<void> {
    const order: DevicesOrder = {
      pods: this.#podsFile,
      options: {
        bpfFs: this.#bpfFs,
        cgroupRoot: this.#cgroup,
        tunnel: { name: 'tunnel0', port: 8472 },
        attachMethod,
        clusterId: 1,
        nodeIp: this.underlay,
        mtu: 0,
        podInterfaces: '',
        policyScope: 'all',
        flowEventRate: 0,
        sizes: { ...defaultMapSizes, svc: 64, slot: 256, backend: 64, node: 64, ipc_host: 64, aff: 64 },
        agentVersion: '1.2.3',
        onAbiMismatch: 'refuse',
        ...change,
      },
    };
    const [file = '', ...args] = this.netns.command([...node, scriptPath('run-devices'), JSON.stringify(order)]);
    this.#process = new TestProcess(file, args);
    await this.#process.printed('problems');
  }

  async end(): Promise<void> {
    await this.#process?.end('SIGKILL');
  }

  async cleanUp(): Promise<void> {
    const options = { bpfFs: this.#bpfFs, tunnelDevice: 'tunnel0' };
    const [file = '', ...args] = this.netns.command([...node, scriptPath('clean-up'), JSON.stringify(options)]);
    await run(file, args);
  }

  /** A pod as a routing CNI makes it: its interface is `device`. */
  addPod(device: string, address: string, mtu = 1450): void {
    const pod = new TestNetns(`devices-${device}`);
    this.#pods.set(device, pod);
    this.netns.ip(`link add ${device} mtu ${mtu} type veth peer name eth0 mtu ${mtu} netns ${pod.name}`);
    this.netns.ip(`link set ${device} up`);
    pod.ip(`addr add ${address}/32 dev eth0`);
    pod.ip('link set eth0 up');
    pod.ip(`route add ${this.underlay} dev eth0 scope link`);
    this.netns.ip(`route add ${address} dev ${device} scope link`);
  }

  /** The control plane has told of these pods: identities by address. */
  know(pods: Readonly<Record<string, number>>): void {
    this.#known = { ...this.#known, ...pods };
    // By a rename: the process may be reading it right now, and an empty file ended it.
    writeFileSync(`${this.#podsFile}.new`, JSON.stringify(this.#known));
    renameSync(`${this.#podsFile}.new`, this.#podsFile);
    const running = this.#process;
    if (running?.pid !== undefined && !running.exited) kill(running.pid, 'SIGHUP');
  }

  get lastRound(): Round {
    const lines = this.#process?.output.split('\n').filter((line) => line.startsWith('{"served"')) ?? [];
    return JSON.parse(lines.at(-1) ?? '{"served":[],"problems":[]}') as Round;
  }

  get output(): string {
    return this.#process?.output ?? '';
  }

  /** Do packets between the node and that address pass? */
  async passes(address: string): Promise<boolean> {
    const probe = fileURLToPath(new URL('../../../../../bpf/tests/tcp-probe.mjs', import.meta.url));
    const [file = '', ...args] = this.netns.command([execPath, probe, `${address}:81`]);
    const { stdout } = await run(file, args);
    return Object.values(JSON.parse(stdout) as Record<string, boolean>)[0] ?? false;
  }

  async eventuallyPasses(address: string): Promise<void> {
    await eventually(async () => {
      if (!(await this.passes(address))) throw new Error(`packets to ${address} do not pass:\n${this.output}`);
    });
  }

  tc(command: string): string {
    const [file = '', ...args] = this.netns.command(['tc', ...command.split(' ')]);
    return execFileSync(file, args, { encoding: 'utf8' });
  }

  /** Handles of filters at a device, in their order. */
  filters(device: string, direction: string): readonly string[] {
    return this.tc(`filter show dev ${device} ${direction}`).match(/(?<=handle )0x[0-9a-f]+/g) ?? [];
  }

  /** A program of a CNI in front of all others. */
  attachForeign(method: AttachMethod, device: string): void {
    using object = loadObject({ path: this.foreignObject, pinDir: join(this.#bpfFs, 'foreign') });
    const program = object.program('cni_policy');
    const { ifindex } = this.netns.device(device);
    const pinPath = join(this.#bpfFs, 'foreign', 'link');
    this.inside(() => void attachDevice({ method, program, ifindex, direction: 'egress', pinPath }));
  }

  get foreignObject(): string {
    return fileURLToPath(new URL('../../../../../bpf/tests/prebuilt/cni.o', import.meta.url));
  }

  pins(folder: 'links' | 'maps'): readonly string[] {
    return readdirSync(join(this.#bpfFs, folder));
  }

  pinPath(link: string): string {
    return join(this.#bpfFs, 'links', link);
  }

  inside<T>(action: () => T): T {
    return inNetworkNamespace(this.netns.path, action);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    for (const pod of this.#pods.values()) pod[Symbol.dispose]();
    this.netns[Symbol.dispose]();
    unmountBpffs(this.#bpfFs);
    rmSync(this.#dir, { recursive: true });
    rmdirSync(this.#cgroup);
  }
}

function scriptPath(name: string): string {
  return fileURLToPath(new URL(`${name}.ts`, import.meta.url));
}
