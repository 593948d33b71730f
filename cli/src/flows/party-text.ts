import { plainText } from '../render/plain-text.ts';
import type { FlowParty } from './flow-line.ts';

/** `east/demo/echo-1:8080 (131080)`, `10.9.8.7:443 (world-ipv4)`, `east/demo/10.2.0.5:80 (131080)` where the pod has no name. */
export function partyText(party: FlowParty): string {
  return `${partyName(party)} (${plainText(identityText(party))})`;
}

/** The same without who it is. */
export function partyName(party: FlowParty): string {
  const who = party.pod === '' ? party.address : party.pod;
  const place = [party.cluster, party.namespace].filter((part) => part !== '');
  const isAddress = party.pod === '' && who.includes(':') && party.port !== 0;
  const host = [...place, isAddress ? `[${who}]` : who].join('/');
  return plainText(`${host}${party.port === 0 ? '' : `:${party.port}`}`);
}

/** Numbers below 256 have names that say more. */
export function identityText({ identity, labels }: Pick<FlowParty, 'identity' | 'labels'>): string {
  const network = labels.find((label) => label.startsWith('cidr:'));
  if (network !== undefined) return network;
  const reserved = labels.find((label) => label.startsWith('reserved:'));
  return identity < 256 && reserved !== undefined ? reserved.slice('reserved:'.length) : String(identity);
}
