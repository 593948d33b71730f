const numbers: Readonly<Record<string, number>> = { TCP: 6, UDP: 17, SCTP: 132 };

/** IP protocol number of a Kubernetes protocol name. */
export function protocolNumber(name: string): number | undefined {
  return Object.hasOwn(numbers, name) ? numbers[name] : undefined;
}

export function protocolName(number: number): string {
  return Object.keys(numbers).find((name) => numbers[name] === number) ?? String(number);
}
