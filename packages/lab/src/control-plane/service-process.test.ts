import { describe, expect, it } from '@jest/globals';

import { ServiceTroubles } from './service-process.ts';

describe('ServiceTroubles', () => {
  it('names what ended or cannot start, until it runs', () => {
    const troubles = new ServiceTroubles();
    troubles.report('gateway', { waiting: { reason: 'ContainerCreating' } });
    expect(troubles.reasons).toEqual([]);
    troubles.report('gateway', { terminated: { exitCode: 137 } });
    troubles.report('kube-api', { waiting: { reason: 'RunContainerError', message: 'no such program' } });
    expect(troubles.reasons).toEqual([
      'gateway ended with exit code 137 and is started again',
      'kube-api does not start: no such program',
    ]);
    troubles.report('gateway', { running: { startedAt: '' } });
    troubles.report('kube-api', { running: { startedAt: '' } });
    expect(troubles.reasons).toEqual([]);
  });
});
