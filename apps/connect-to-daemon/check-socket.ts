/**
 * The client's own checks before it writes a byte: directory and socket belong to us or root, are what they claim to
 * be, are no links, and are closed to others. On Unix that ownership proves the daemon (local-api.md, recipe 8).
 * There is no switch that turns this off.
 */
import { lstatSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';

export type SocketFinding =
  | { readonly kind: 'sound' }
  | { readonly kind: 'missing' }
  | {
      readonly kind: 'unsafe';
      readonly path: string;
      readonly why: 'symbolic link' | 'not a directory' | 'not a socket' | 'owned by another user' | 'accessible to others';
    };

/** Looks at both without following links. Throws only the system's unexpected errors (EACCES and so on). */
export function inspectSocket(directory: string, socket: string, uid: number): SocketFinding {
  // The parent too: who may rename the directory may put another in its place.
  for (const path of [dirname(directory), directory]) {
    const place = lookAt(path);
    if (place === null) return { kind: 'missing' };
    if (place.isSymbolicLink()) return { kind: 'unsafe', path, why: 'symbolic link' };
    if (!place.isDirectory()) return { kind: 'unsafe', path, why: 'not a directory' };
    if (!isTrusted(place, uid)) return { kind: 'unsafe', path, why: 'owned by another user' };
    if ((place.mode & 0o022) !== 0) return { kind: 'unsafe', path, why: 'accessible to others' };
  }
  const end = lookAt(socket);
  if (end === null) return { kind: 'missing' };
  if (end.isSymbolicLink()) return { kind: 'unsafe', path: socket, why: 'symbolic link' };
  if (!end.isSocket()) return { kind: 'unsafe', path: socket, why: 'not a socket' };
  if (!isTrusted(end, uid)) return { kind: 'unsafe', path: socket, why: 'owned by another user' };
  if ((end.mode & 0o007) !== 0) return { kind: 'unsafe', path: socket, why: 'accessible to others' };
  return { kind: 'sound' };
}

function isTrusted(found: Stats, uid: number): boolean {
  return found.uid === uid || found.uid === 0;
}

function lookAt(path: string): Stats | null {
  return lstatSync(path, { throwIfNoEntry: false }) ?? null;
}
