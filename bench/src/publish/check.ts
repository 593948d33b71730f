import type { ExpectedAddress } from './pod-changes.ts';

type Entries = Readonly<Record<string, string>>;

interface AddressEntry {
  readonly ID: number;
  readonly HostIP: string;
  readonly K8sNamespace: string;
  readonly K8sPodName: string;
}

/** What is wrong with the addresses of a store, one line each: missing, too many, or said differently. */
export function findMistakes(
  expected: Iterable<ExpectedAddress>,
  store: { readonly addresses: Entries; readonly identities: Entries },
): readonly string[] {
  const left = new Map(Object.entries(store.addresses).map(([key, value]) => [lastStep(key), value]));
  const labels = new Map(Object.entries(store.identities).map(([key, value]) => [lastStep(key), value]));
  const mistakes: string[] = [];
  for (const address of expected) {
    const text = left.get(address.ip);
    left.delete(address.ip);
    if (text === undefined) mistakes.push(`${address.ip} is missing`);
    else if (!says(JSON.parse(text) as AddressEntry, address, labels)) mistakes.push(`${address.ip} is ${text}`);
  }
  return [...mistakes, ...[...left.keys()].map((ip) => `${ip} is nobody's`)];
}

function says(entry: AddressEntry, expected: ExpectedAddress, labels: ReadonlyMap<string, string>): boolean {
  const text = labels.get(`${entry.ID}`) ?? '';
  return (
    entry.K8sPodName === expected.name &&
    entry.K8sNamespace === expected.namespace &&
    entry.HostIP === expected.hostIp &&
    text.includes(`k8s:app.kubernetes.io/name=app-${expected.labelSet};`) &&
    text.includes(`k8s:io.kubernetes.pod.namespace=${expected.namespace};`)
  );
}

function lastStep(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1);
}
