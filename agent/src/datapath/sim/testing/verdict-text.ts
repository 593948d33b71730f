import { formatIp } from '@clustermesh/wire';

import type { Decision } from '../decision.ts';
import { isUnspecified } from '../frame.ts';
import type { Selection } from '../service-select.ts';

/** A decision in the words of bpf/vectors. */
export function decisionText(decision: Decision): string {
  switch (decision.kind) {
    case 'pass':
    case 'drop':
      return decision.kind;
    case 'tunnel':
      return tunnelText(decision.outer.local, decision.outer.remote, decision.outer.vni);
    case 'deliver':
      return deliverText(decision.frame);
    case 'answer': {
      const { source, destination, mtu } = decision.answer;
      return answerText(source, destination, mtu);
    }
    case 'send back':
      return `send back to ${formatIp(decision.outer.remote)}`;
  }
}

export function tunnelText(local: Uint8Array, remote: Uint8Array, vni: number): string {
  const from = isUnspecified(local) ? 'anywhere' : formatIp(local);
  return `tunnel ${from} -> ${formatIp(remote)} vni ${vni}`;
}

export function answerText(source: Uint8Array, destination: Uint8Array, mtu: number): string {
  return `answer ${formatIp(source)} -> ${formatIp(destination)} too big for ${mtu}`;
}

export function deliverText(frame: Uint8Array): string {
  return `deliver from ${macText(frame.subarray(6, 12))} to ${macText(frame.subarray(0, 6))}`;
}

function macText(mac: Uint8Array): string {
  return [...mac].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

export function selectionText(selection: Selection): string {
  return selection.kind === 'selected'
    ? backendText(selection.backend.address, selection.backend.port)
    : selection.kind;
}

export function backendText(address: Uint8Array, port: number): string {
  const ip = formatIp(address);
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}
