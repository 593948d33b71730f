import { readFileSync } from 'node:fs';

/** The cells of the table below `## heading` in a page of docs/, without its head and without code marks. */
export function docsTable(page: string, heading: string): readonly (readonly string[])[] {
  return tableLines(page, heading).slice(2).map(cells);
}

/** The head of that table. */
export function docsTableHead(page: string, heading: string): readonly string[] {
  return cells(tableLines(page, heading)[0] ?? '');
}

function tableLines(page: string, heading: string): readonly string[] {
  const text = readFileSync(new URL(`../../../docs/${page}`, import.meta.url), 'utf8');
  const section = text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  return section.split('\n').filter((line) => line.startsWith('|'));
}

function cells(line: string): readonly string[] {
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map(cellText);
}

/** What `docsTable` must find for the settings of a program: flag, environment, YAML key, default, meaning. */
export function settingRows(
  options: readonly {
    readonly flag: string;
    readonly env: string;
    readonly key: string;
    readonly isRequired: boolean;
    readonly defaultValue: string | number | boolean | undefined;
    readonly description: string;
  }[],
): readonly (readonly string[])[] {
  return options.map(({ flag, env, key, isRequired, defaultValue = '', description }) => [
    `--${flag}`,
    env,
    key,
    isRequired ? 'required' : String(defaultValue),
    description,
  ]);
}

function cellText(cell: string): string {
  return cell.trim().replaceAll('`', '').replaceAll('\\|', '|');
}

/** What `docsTable` must find for the metrics of a program: name, whose name it is, type, labels, meaning. */
export function metricRows(registry: { getMetricsAsArray(): readonly object[] }): readonly (readonly string[])[] {
  const metrics = registry.getMetricsAsArray() as readonly {
    readonly name: string;
    readonly type: string;
    readonly help: string;
    readonly labelNames: readonly string[];
  }[];
  return metrics
    .filter(({ name }) => /^(cilium|clustermesh)_/.test(name))
    .map(({ name, type, help, labelNames }) => [
      name,
      name.startsWith('cilium_') ? 'Cilium' : 'ours',
      type,
      labelNames.join(', '),
      help,
    ]);
}
