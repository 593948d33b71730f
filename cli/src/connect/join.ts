import type { Clock } from '@clustermesh/runtime';

import type { AccessInfo } from './access-info.ts';
import { linkCredentials, removeLink, writeLink } from './link.ts';
import type { LinkTarget } from './link-target.ts';
import type { LinkChange } from './link.ts';
import { readerCredentials } from './reader-credentials.ts';
import { admitReader, expelReader } from './remote-users.ts';

/** One end of a link. */
export interface LinkEnd {
  readonly target: LinkTarget;
  readonly info: AccessInfo;
}

/** Lets `reader` read `remote`: the remote knows the reader before that one comes. */
export async function join(reader: LinkEnd, remote: LinkEnd, clock: Clock): Promise<LinkChange> {
  const before = await linkCredentials(reader.target, remote.info.clusterName);
  const credentials = await readerCredentials(reader.info, remote.info, before, clock);
  const isAdmitted = await admitReader(remote.target, reader.info.clusterName);
  const change = await writeLink(reader.target, remote.info, credentials);
  return isAdmitted ? 'configured' : change;
}

/** Ends what `join` made; `remote` is undefined when its API is out of reach. */
export async function part(
  reader: { readonly target: LinkTarget; readonly name: string },
  remote: { readonly target: LinkTarget | undefined; readonly name: string },
): Promise<LinkChange> {
  const change = await removeLink(reader.target, remote.name);
  const isExpelled = remote.target !== undefined && (await expelReader(remote.target, reader.name));
  return isExpelled ? 'removed' : change;
}
