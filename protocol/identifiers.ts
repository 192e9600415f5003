/**
 * The names that travel on the wire and on disk, each branded so that a secret's id cannot stand where a machine's is
 * wanted. Shapes: wire-runtime §1.3 (ids are concatenated into paths unescaped) and Appendix A (formats).
 */
declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type VaultId = Branded<'VaultId'>;
export type ProjectId = Branded<'ProjectId'>;
export type SecretId = Branded<'SecretId'>;
export type MachineId = Branded<'MachineId'>;
export type OperatorId = Branded<'OperatorId'>;
export type RotationId = Branded<'RotationId'>;
/** One run of one process that reads secrets; chosen by the process, never reused. */
export type InstanceId = Branded<'InstanceId'>;

const identifierPattern = /^[A-Za-z0-9_-]{1,128}$/;

/** Whether a string may stand in a signed path as one segment. */
export function isIdentifier(text: string): boolean {
  return identifierPattern.test(text);
}

export const identifierSource: string = identifierPattern.source;
