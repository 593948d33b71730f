/** events: what was decided of a flow. Layout: shared with bpf/lib/events.h. */
export const eventLayout = {
  size: 72,
  /** CLOCK_MONOTONIC */
  ns: 0,
  kind: 8,
  reason: 9,
  direction: 10,
  proto: 11,
  ifindex: 12,
  sourceIdentity: 16,
  destinationIdentity: 20,
  source: 24,
  destination: 40,
  sourcePort: 56,
  policyPort: 58,
  bytes: 60,
  rule: 64,
  tcpFlags: 68,
  icmpCode: 69,
  relation: 70,
} as const;
