/**
 * What a client needs of its transport: whole messages in order, both ways, and one notice when it ends. The socket
 * (apps/connect-to-daemon), Electron's bridge and the tests' in-memory pair all fit.
 */
export interface DaemonConnection {
  /** Sends one JSON message. After the end it does nothing. */
  send(message: object): void;
  /** One listener; messages that came before it are handed to it in order. */
  onMessage(listener: (message: unknown) => void): void;
  /** Called once, also when the connection has already ended; `reason` is null after our own close. */
  onClose(listener: (reason: ConnectionEnd) => void): void;
  close(): void;
}

/** `closed`: the daemon or we ended it · `unusable`: what came in was no frame, and the connection was given up. */
export type ConnectionEnd = 'closed' | 'unusable';

/** Time as the client needs it; the product's one clock fits. */
export interface Timekeeper {
  now(): number;
  monotonic(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
