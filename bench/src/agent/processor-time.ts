import { readFileSync, readdirSync } from 'node:fs';

/** How long a process was on a processor, all its threads together, to the nanosecond: /proc/PID/stat counts ticks. */
export class ProcessorTime {
  readonly #tasks: string;

  constructor(pid: number) {
    this.#tasks = `/proc/${pid}/task`;
  }

  ms(): number {
    const nanoseconds = readdirSync(this.#tasks).map((task) => {
      const [onProcessor] = readFileSync(`${this.#tasks}/${task}/schedstat`, 'latin1').split(' ');
      return Number(onProcessor);
    });
    return nanoseconds.reduce((sum, each) => sum + each, 0) / 1e6;
  }
}
