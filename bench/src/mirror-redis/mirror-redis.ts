import { mirrorInto } from '../mirror/mirror.ts';
import { redisTarget } from './redis-target.ts';

/** How long until an empty Redis holds all of ten clusters; then all connections are lost, and nothing has changed. */
export const mirrorRedis = mirrorInto(redisTarget);
