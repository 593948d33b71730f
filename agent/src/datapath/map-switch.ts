import type { Clock, Health, Logger } from '@clustermesh/runtime';

export interface MapSwitchOptions {
  /** Programs use the maps from now on; undefined where they do already. */
  readonly useMaps: (() => void) | undefined;
  /** What is missing in the maps that the programs shall find there, if anything. */
  readonly missing: () => string | undefined;
  readonly clock: Clock;
  readonly health: Health;
  readonly log: Logger;
}

const checkMs = 200;

/** Maps that took nothing over from the pinned ones are filled before programs see them. */
export class MapSwitch {
  readonly #options: MapSwitchOptions;

  constructor(options: MapSwitchOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { useMaps, missing, clock, health, log } = this.#options;
    if (useMaps === undefined) return;
    const scope = health.scope('datapath/maps');
    for (let reason = missing(); reason !== undefined; reason = missing()) {
      scope.degraded(`programs still use the earlier maps: ${reason}`);
      await clock.sleep(checkMs, signal);
      if (signal.aborted) return;
    }
    useMaps();
    scope.ok();
    log.info('programs use the new maps');
  }
}
