import { Histogram } from 'prom-client';
import type { HistogramConfiguration, MetricObjectWithValues, MetricValueWithName } from 'prom-client';

interface Series<Label extends string> {
  readonly labels: Readonly<Record<Label, string>>;
  /** How many were at most each bound; the last one counts all. */
  readonly counts: number[];
  sum: number;
}

type Values<Label extends string> = MetricObjectWithValues<MetricValueWithName<Label>>;

/** A histogram that is told of many observations of one value at once: a listing is a million events. */
export class BulkHistogram<Label extends string> extends Histogram<Label> {
  readonly #bounds: readonly number[];
  readonly #series = new Map<string, Series<Label>>();
  readonly #head: Pick<HistogramConfiguration<Label>, 'name' | 'help'>;

  constructor(configuration: HistogramConfiguration<Label> & { readonly buckets: number[] }) {
    super(configuration);
    this.#bounds = configuration.buckets;
    this.#head = { name: configuration.name, help: configuration.help };
  }

  add(labels: Readonly<Record<Label, string>>, seconds: number, times: number): void {
    const key = Object.values(labels).join('\n');
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { labels, counts: Array.from({ length: this.#bounds.length + 1 }, () => 0), sum: 0 };
      this.#series.set(key, series);
    }
    const first = this.#bounds.findIndex((bound) => seconds <= bound);
    for (let at = first === -1 ? this.#bounds.length : first; at <= this.#bounds.length; at++) {
      series.counts[at] = (series.counts[at] ?? 0) + times;
    }
    series.sum += seconds * times;
  }

  override get(): Promise<Values<Label>> {
    const values = [...this.#series.values()].flatMap((series) => this.#values(series));
    const type = 'histogram' as unknown as Values<Label>['type'];
    return Promise.resolve({ ...this.#head, type, aggregator: 'sum', collect: () => undefined, values });
  }

  /** What the registry asks a histogram for, in place of `get`, when it writes text. */
  getForPromString(): Promise<Values<Label>> {
    return this.get();
  }

  #values({ labels, counts, sum }: Series<Label>): MetricValueWithName<Label>[] {
    const { name } = this.#head;
    const bounds = [...this.#bounds.map(String), '+Inf'];
    const buckets = bounds.map((le, at) => ({
      ...{ metricName: `${name}_bucket`, value: counts[at] ?? 0, labels: { le, ...labels } },
    }));
    return [
      ...buckets,
      { metricName: `${name}_sum`, value: sum, labels },
      { metricName: `${name}_count`, value: counts.at(-1) ?? 0, labels },
    ];
  }
}
