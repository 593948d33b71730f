import type { KubeObject } from './kube-client.ts';
import type { ListWatchObserver } from './known-objects.ts';

/**
 * The same observer, of which no object can stop the ones behind it: what it throws is told to `failed`, and the next
 * object goes on (I6).
 */
export function survivingObserver<T extends KubeObject>(
  observer: ListWatchObserver<T>,
  failed: (object: T, error: unknown) => void,
): ListWatchObserver<T> {
  const attempt = (tell: (object: T) => void, object: T): void => {
    try {
      tell(object);
    } catch (error) {
      failed(object, error);
    }
  };
  return {
    upserted: (object) => attempt((each) => observer.upserted(each), object),
    deleted: (object) => attempt((each) => observer.deleted(each), object),
    synced: () => observer.synced(),
  };
}
