/** Networks as pg_hba.conf writes them, an address and a mask, as numbers that can be compared. */

export interface Network {
  readonly family: 4 | 6;
  readonly address: bigint;
  /** Bits of the mask. */
  readonly prefix: number;
  /** Equal for equal networks. */
  readonly key: string;
}

const bitsOf = { 4: 32, 6: 128 } as const;

/** Null for what is no address, and for a mask with holes, which no rule of order holds for. */
export function networkOf(address: string, netmask: string): Network | null {
  const [at, mask] = [parse(address), parse(netmask)];
  if (at === null || mask === null || at.family !== mask.family) return null;
  const bits = bitsOf[at.family];
  const prefix = mask.value.toString(2).padStart(bits, '0').replace(/0+$/, '').length;
  if (mask.value !== maskOf(at.family, prefix)) return null;
  return make(at.family, at.value & mask.value, prefix);
}

/** The network of one address alone; null for what is no address. */
export function networkOfClient(address: string): Network | null {
  const at = parse(address);
  return at === null ? null : make(at.family, at.value, bitsOf[at.family]);
}

/** Every address there is, in both families. */
export const wholeInternet: readonly Network[] = [make(4, 0n, 0), make(6, 0n, 0)];

/** Whether the whole of `inner` lies in `outer`. */
export function reaches(outer: Network, inner: Network): boolean {
  if (outer.family !== inner.family || outer.prefix > inner.prefix) return false;
  return (inner.address & maskOf(outer.family, outer.prefix)) === outer.address;
}

function make(family: 4 | 6, address: bigint, prefix: number): Network {
  return { family, address, prefix, key: `${family}:${address.toString(16)}/${prefix}` };
}

function maskOf(family: 4 | 6, prefix: number): bigint {
  const bits = BigInt(bitsOf[family]);
  return ((1n << BigInt(prefix)) - 1n) << (bits - BigInt(prefix));
}

function parse(text: string): { readonly family: 4 | 6; readonly value: bigint } | null {
  if (!text.includes(':')) {
    const value = joined(text.split('.'), 4, 10, 255, 8n);
    return value === null ? null : { family: 4, value };
  }
  const value = joined(groupsOf(text), 8, 16, 0xffff, 16n);
  return value === null ? null : { family: 6, value };
}

/** The eight groups of an IPv6 address (RFC 4291 §2.2), the gap filled and a dotted end turned into two groups. */
function groupsOf(text: string): readonly string[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  const pair = (high = '', low = ''): string => (Number(high) * 256 + Number(low)).toString(16);
  const plain = dotted === null ? text : `${dotted[1] ?? ''}${pair(dotted[2], dotted[3])}:${pair(dotted[4], dotted[5])}`;
  const [head = '', tail] = plain.split('::');
  const parts = (some: string): string[] => (some === '' ? [] : some.split(':'));
  if (tail === undefined) return parts(head);
  const missing = Math.max(0, 8 - parts(head).length - parts(tail).length);
  return [...parts(head), ...Array<string>(missing).fill('0'), ...parts(tail)];
}

function joined(parts: readonly string[], count: number, radix: 10 | 16, most: number, shift: bigint): bigint | null {
  const digits = radix === 10 ? /^[0-9]{1,3}$/ : /^[0-9a-f]{1,4}$/i;
  if (parts.length !== count || parts.some((part) => !digits.test(part) || Number.parseInt(part, radix) > most)) return null;
  return parts.reduce((sum, part) => (sum << shift) | BigInt(Number.parseInt(part, radix)), 0n);
}
