/** Events have two shapes: that of core/v1, which is stored, and that of events.k8s.io/v1. */
import type { ApiObject } from '../api-object.ts';
import type { Conversion } from '../resource-type.ts';

/** Field of core/v1 and the same in events.k8s.io/v1; others have one name in both. */
const renamed = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['reportingComponent', 'reportingController'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
] as const;

const served = new Map<string, string>(renamed);
const stored = new Map<string, string>(renamed.map(([core, other]) => [other, core]));

export const eventConversion: Conversion = {
  of: { group: '', plural: 'events' },
  toServed: (event) => ({ ...withNames(event, served), apiVersion: 'events.k8s.io/v1' }),
  toStored: (event) => ({ ...withNames(event, stored), apiVersion: 'v1' }),
};

function withNames(event: ApiObject, names: ReadonlyMap<string, string>): ApiObject {
  return Object.fromEntries(
    Object.entries(event).map(([field, value]) => [names.get(field) ?? field, value]),
  ) as unknown as ApiObject;
}
