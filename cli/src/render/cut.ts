import type { Cut } from '@clustermesh/lab';

const what = { control: 'packets of the control planes', data: 'packets between pods', all: 'all packets' } as const;
const arrows = { both: '<->', in: '<-', out: '->' } as const;

/** One line for people: `north <- east, west: all packets are lost`. */
export function describeCut({ cluster, peers, traffic, direction }: Cut): string {
  return `${cluster} ${arrows[direction]} ${peers.join(', ')}: ${what[traffic]} are lost`;
}
