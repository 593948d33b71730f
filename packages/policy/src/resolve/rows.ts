import { RowTable } from './row-table.ts';
import { regionKey } from './region.ts';
import type { Region } from './region.ts';
import type { Claim, Row } from './row.ts';

/**
 * The rows of one subject, direction and remote identity, by region.
 *
 * A packet is judged by two look-ups, that of its identity and that of the wildcard: the longer region counts, and
 * between equal ones the identity's. That gives "deny beats allow" only if rows say what all rules together say: each
 * has the denies of every region around it in it, and a deny of the identity is repeated in every wildcard region
 * inside it that would else allow. Rows that change nothing are left out.
 *
 * @param claims of rules that name the identity
 * @param wildcard rows that `closeRows(claims of rules for anybody)` gave
 */
export function closeRows(claims: readonly Claim[], wildcard: RowTable = new RowTable([])): readonly Row[] {
  const said = strongest(claims);
  const denies = new RowTable([...said.values()].filter(({ verdict }) => verdict === 'deny'));
  const rows = new Map<number, Row>();
  for (const claim of said.values()) {
    const deny = denies.longest(claim.region) ?? denyOf(wildcard, claim.region);
    rows.set(regionKey(claim.region), deny === undefined ? claim : { ...deny, region: claim.region });
  }
  for (const deny of denies.rows) {
    for (const { region, verdict } of wildcard.inside(deny.region)) {
      if (verdict === 'allow') rows.set(regionKey(region), { ...deny, region });
    }
  }
  return withoutRedundant([...rows.values()], wildcard);
}

/** One claim a region: a deny before an allow, then the first. */
function strongest(claims: readonly Claim[]): ReadonlyMap<number, Claim> {
  const byRegion = new Map<number, Claim>();
  for (const claim of claims) {
    const key = regionKey(claim.region);
    const known = byRegion.get(key);
    if (known === undefined || (known.verdict === 'allow' && claim.verdict === 'deny')) byRegion.set(key, claim);
  }
  return byRegion;
}

/** Its rows have denies folded in: the longest one around a region tells of all of them. */
function denyOf(wildcard: RowTable, region: Region): Row | undefined {
  const row = wildcard.longest(region);
  return row?.verdict === 'deny' ? row : undefined;
}

/** A row goes when what would be found without it says the same. */
function withoutRedundant(rows: readonly Row[], wildcard: RowTable): readonly Row[] {
  const kept = new RowTable(rows);
  for (const row of rows.toSorted((left, right) => right.region.length - left.region.length)) {
    kept.delete(row.region);
    if (lookUp(row.region, kept, wildcard)?.verdict !== row.verdict) kept.add(row);
  }
  return kept.rows;
}

/** What the kernel does: the longest row around the region; between equal ones the identity's. */
export function lookUp(at: Region, own: RowTable, wildcard: RowTable): Row | undefined {
  const mine = own.longest(at);
  const any = wildcard.longest(at);
  if (mine === undefined || any === undefined) return mine ?? any;
  return mine.region.length >= any.region.length ? mine : any;
}
