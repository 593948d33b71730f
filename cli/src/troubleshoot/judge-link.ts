import { failed, passed, skipped, warned } from './check.ts';
import type { Check } from './check.ts';
import { isUsable } from './observation.ts';
import type { AddressObservation, CertificateView, EndpointObservation, Observation } from './observation.ts';

/** Long enough to renew by hand. */
const renewBeforeMs = 14 * 86_400_000;

/** The file, our certificates, and each endpoint up to TLS. */
export function judgeLink(observation: Observation, nowMs: number): readonly Check[] {
  const { path, config } = observation.target;
  if (!config.ok) return [failed('file', { code: 'CONFIG_INVALID', problem: config.reason })];
  const { endpoints } = observation;
  const names = endpoints.map(({ url }) => url).join(', ');
  const worksAnyhow = endpoints.some(isUsable);
  return [
    passed('file', `${path}: ${names}`),
    ...judgeCertificates(observation, nowMs),
    ...endpoints.flatMap((endpoint) => judgeEndpoint(endpoint, nowMs)).map((check) => soften(check, worksAnyhow)),
  ];
}

function judgeCertificates({ certificates }: Observation, nowMs: number): readonly Check[] {
  if (certificates === undefined) {
    const advice = 'use it for tests only: give the file https endpoints and certificates';
    return [
      warned('certificates', 'the file says insecure-transport: anybody may read and change what passes', advice),
    ];
  }
  if (!certificates.ok) return [failed('certificates', certificates)];
  const { client, authorities } = certificates.value;
  const expiring = [client, ...authorities]
    .filter((each) => each !== undefined)
    .filter((each) => endsSoon(each, nowMs));
  const shown = client === undefined ? 'no client certificate' : client.text;
  return [
    passed('certificates', shown),
    ...expiring.map(({ text }) => warned('certificates', `expires soon, or has: ${text}`, 'renew it now')),
  ];
}

function judgeEndpoint({ url, host, isAliased, addresses }: EndpointObservation, nowMs: number): readonly Check[] {
  if (!addresses.ok) return [failed('name', addresses)];
  const shown = addresses.value.map(({ address }) => address).join(', ');
  const isName = addresses.value.some(({ address }) => address !== host);
  return [
    ...(isName ? [passed('name', `${host} is ${shown}${isAliased ? ' (cilium-host-aliases)' : ''}`)] : []),
    ...addresses.value.flatMap((address) => judgeAddress({ url, host }, address, nowMs)),
  ];
}

function judgeAddress(
  { url, host }: Pick<EndpointObservation, 'url' | 'host'>,
  { address, isReached, tls, failure }: AddressObservation,
  nowMs: number,
): readonly Check[] {
  const at = host === address ? url : `${url} at ${address}`;
  const located = (problem: string): string => (host === address ? problem : `${problem} (at ${address})`);
  if (!isReached) {
    const { code, problem } = failure ?? { code: 'HOST_UNREACHABLE', problem: 'cannot be reached' };
    return [failed('tcp', { code, problem: located(problem) })];
  }
  const reached = passed('tcp', `${at} accepts connections`);
  if (failure !== undefined) return [reached, failed('tls', { ...failure, problem: located(failure.problem) })];
  if (!url.startsWith('https:')) return [reached];
  if (tls === undefined) return [reached, skipped('tls', `${at}: our certificates are of no use`)];
  const { protocol, cipher, server } = tls;
  const agreed = passed('tls', `${at}: ${protocol}, ${cipher}, ${server?.text ?? 'no certificate'}`);
  if (server === undefined || !endsSoon(server, nowMs)) return [reached, agreed];
  return [reached, agreed, warned('tls', `the server certificate expires soon: ${server.text}`, 'renew it there now')];
}

/** Where another address works, what fails here costs only the reserve. */
function soften(check: Check, worksAnyhow: boolean): Check {
  return worksAnyhow && check.verdict === 'failed' ? { ...check, verdict: 'warning' } : check;
}

function endsSoon({ validToMs }: CertificateView, nowMs: number): boolean {
  return validToMs < nowMs + renewBeforeMs;
}
