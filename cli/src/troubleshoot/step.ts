/** In the order of a connection: each needs those before it. */
export type Step =
  | 'file'
  | 'certificates'
  | 'name'
  | 'tcp'
  | 'tls'
  | 'etcd'
  | 'users'
  | 'access'
  | 'config'
  | 'canaries'
  | 'heartbeat'
  | 'cache';
