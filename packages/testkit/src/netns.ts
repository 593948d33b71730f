import { execFileSync } from 'node:child_process';
import { pid } from 'node:process';

/** A network namespace of its own; gone, with the devices in it, at the end of `using`. */
export class TestNetns implements Disposable {
  readonly name: string;

  constructor(name: string) {
    this.name = `clustermesh-test-${pid}-${name}`;
    execFileSync('ip', ['netns', 'add', this.name]);
    this.ip('link set lo up');
  }

  /** Runs `ip` inside. Interface numbers and addresses come by netlink: /sys would show the caller's. */
  ip(command: string): string {
    return execFileSync('ip', ['-n', this.name, ...command.split(' ')], { encoding: 'utf8' });
  }

  device(name: string): { readonly ifindex: number; readonly mac: string } {
    const [link] = JSON.parse(this.ip(`-json link show ${name}`)) as [{ ifindex: number; address: string }];
    return { ifindex: link.ifindex, mac: link.address };
  }

  get path(): string {
    return `/run/netns/${this.name}`;
  }

  /** A command that runs `command` inside; unlike `ip netns exec` it leaves /sys alone. */
  command(command: readonly string[]): string[] {
    return ['nsenter', `--net=${this.path}`, ...command];
  }

  [Symbol.dispose](): void {
    execFileSync('ip', ['netns', 'delete', this.name]);
  }
}

/** A cable between two namespaces: veth devices of these names, up, with an address on both ends. */
export function connectNetns(a: TestNetns, b: TestNetns, device: string, addresses: readonly [string, string]): void {
  a.ip(`link add ${device} type veth peer name ${device} netns ${b.name}`);
  [a, b].forEach((netns, i) => {
    netns.ip(`addr add ${addresses[i] ?? ''} dev ${device}`);
    netns.ip(`link set ${device} up`);
  });
}
