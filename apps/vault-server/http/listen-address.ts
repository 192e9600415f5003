/** What `--listen` means: the addresses to bind, and whether all of them stay on this host. Pure. */
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';

export interface ListenAddress {
  /** As the operator wrote it, for the URL that clients use. */
  readonly host: string;
  readonly port: number;
  /** `localhost` binds both loopback families, since clients disagree about which one it is. */
  readonly bind: readonly string[];
  readonly loopback: boolean;
}

const pattern = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<host>[A-Za-z0-9.-]+)):(?<port>[0-9]{1,5})$/;

/** Reads `HOST:PORT` or `[IPV6]:PORT`; port 0 lets the system choose. Throws `listen-address-invalid`. */
export function parseListenAddress(text: string): ListenAddress {
  const groups = pattern.exec(text)?.groups;
  const port = Number(groups?.['port']);
  const host = groups?.['v6'] ?? groups?.['host'];
  if (host === undefined || !(port <= 65_535)) throw new CatalogueError('listen-address-invalid', {});
  if (host === 'localhost') return { host, port, bind: ['127.0.0.1', '::1'], loopback: true };
  return { host, port, bind: [host], loopback: host === '::1' || /^127(\.[0-9]{1,3}){3}$/.test(host) };
}

/** The base URL without a trailing slash (wire-runtime §1.3). Published clients accept http only for `localhost`. */
export function defaultApiUrl(address: ListenAddress, port: number, tls: boolean): string {
  const host = address.loopback && !tls ? 'localhost' : address.host.includes(':') ? `[${address.host}]` : address.host;
  return `${tls ? 'https' : 'http'}://${host}:${port}`;
}
