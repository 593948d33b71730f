import { pointRegion } from '@clustermesh/policy';
import type { RowChange } from '@clustermesh/policy';

export const rowCounts = [10, 1_000, 100_000] as const;
export type RowCount = (typeof rowCounts)[number];

const udp = 17;
const firstPort = 1_000;
/** Rows of a remote: ten ports that it may use. */
export const portsEach = 10;
const mostSubjects = 10;
const firstSubject = 65_600;
const firstRemote = 131_072;

/** Whom a number of rows is about: subjects and remotes grow with it. */
export interface RowShape {
  readonly subjects: number;
  readonly remotes: number;
}

export function shapeOf(rows: RowCount): RowShape {
  const subjects = Math.min(mostSubjects, rows / portsEach);
  return { subjects, remotes: rows / portsEach / subjects };
}

/** Pods and addresses are as many whatever the rows: they share the subjects and identities that there are. */
export const subjectOf = (pod: number, { subjects }: RowShape): number => firstSubject + (pod % subjects);
export const remoteOf = (address: number, { remotes }: RowShape): number => firstRemote + (address % remotes);
export const portOf = (number: number): number => firstPort + (number % portsEach);

/** Every remote may use its ports with every subject; everything else is denied. */
export function* policyRows(rows: RowCount): Generator<RowChange> {
  const shape = shapeOf(rows);
  for (let subject = 0; subject < shape.subjects; subject++) {
    for (let remote = 0; remote < shape.remotes; remote++) {
      for (let port = 0; port < portsEach; port++) {
        yield {
          subject: subjectOf(subject, shape),
          direction: 'ingress',
          remote: remoteOf(remote, shape),
          region: pointRegion(udp, portOf(port)),
          row: { verdict: 'allow', rule: 1 + port },
        };
      }
    }
  }
}
