/** This node's connections; without the kernel's help there are none that could be ended. */
export interface Sockets {
  /** Ends connections to backends that are gone, as far as services led to them. */
  endOrphans(signal: AbortSignal): Promise<void>;
}

export const noSockets: Sockets = { endOrphans: async () => undefined };
