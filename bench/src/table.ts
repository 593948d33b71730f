export type Cell = string | number;

/** Columns as kubectl prints them; numbers stand to the right, with `digits` behind the point where they are broken. */
export function renderTable(heads: readonly string[], rows: readonly (readonly Cell[])[], digits = 3): string {
  const body = rows.map((row) =>
    row.map((cell) => ({ text: cellText(cell, digits), isNumber: typeof cell === 'number' })),
  );
  const all = [heads.map((head) => ({ text: head.toUpperCase(), isNumber: false })), ...body];
  const columns = heads.map((_, column) => ({
    width: Math.max(...all.map((row) => row[column]?.text.length ?? 0)),
    isNumber: body.some((row) => row[column]?.isNumber),
  }));
  return all
    .map((row) => {
      const cells = columns.map(({ width, isNumber }, column) => {
        const text = row[column]?.text ?? '';
        return isNumber ? text.padStart(width) : text.padEnd(width);
      });
      return cells.join('   ').trimEnd();
    })
    .join('\n');
}

function cellText(cell: Cell, digits: number): string {
  if (typeof cell === 'string') return cell;
  if (Number.isNaN(cell)) return '-';
  return Number.isInteger(cell) ? String(cell) : cell.toFixed(digits);
}
