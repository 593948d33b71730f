import type { Direction } from '../model.ts';
import { contains, regionKey } from './region.ts';
import type { Region } from './region.ts';
import type { Verdict } from './row.ts';
import { anybody } from './subject-direction.ts';
import type { RowChange } from './subject-direction.ts';

/** For tests: the policy map as the kernel has it, which is what the changes come to. */
export class PolicyMap {
  readonly #byHolder = new Map<string, Map<number, { readonly region: Region; readonly verdict: Verdict }>>();
  writes = 0;

  get size(): number {
    return [...this.#byHolder.values()].reduce((sum, rows) => sum + rows.size, 0);
  }

  /** Who rows are about. */
  get remotes(): readonly number[] {
    return [...this.#byHolder].flatMap(([holder, rows]) => (rows.size > 0 ? [Number(holder.split('/')[2])] : []));
  }

  /** As the agent writes them: what comes before what goes. */
  apply(changes: readonly RowChange[]): this {
    const coming = changes.filter(({ row }) => row !== undefined);
    const going = changes.filter(({ row }) => row === undefined);
    for (const { subject, direction, remote, region, row } of [...coming, ...going]) {
      const holder = [subject, direction, remote].join('/');
      const rows = this.#byHolder.get(holder) ?? new Map<number, { region: Region; verdict: Verdict }>();
      this.#byHolder.set(holder, rows);
      this.writes += 1;
      if (row === undefined) rows.delete(regionKey(region));
      else rows.set(regionKey(region), { region, verdict: row.verdict });
    }
    return this;
  }

  judge(subject: number, direction: Direction, remote: number, where: Region): Verdict {
    const longest = (who: number): { readonly region: Region; readonly verdict: Verdict } | undefined =>
      [...(this.#byHolder.get([subject, direction, who].join('/'))?.values() ?? [])]
        .filter(({ region }) => contains(region, where))
        .sort((left, right) => right.region.length - left.region.length)[0];
    const [own, any] = [longest(remote), longest(anybody)];
    if (own === undefined || any === undefined) return (own ?? any)?.verdict ?? 'deny';
    return own.region.length >= any.region.length ? own.verdict : any.verdict;
  }
}
