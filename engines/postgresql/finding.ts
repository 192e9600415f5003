/** What an inspection has to say: a code of the error catalogue, how grave it is, and the facts that its words need. */

/** The form of `finding` in protocol/local/methods.ts. */
export interface Finding {
  readonly code: string;
  readonly severity: 'blocks' | 'warns' | 'informs';
  readonly details: Record<string, string | number>;
}

export const blocks = (code: string, details: Finding['details'] = {}): Finding => ({ code, severity: 'blocks', details });
export const warns = (code: string, details: Finding['details'] = {}): Finding => ({ code, severity: 'warns', details });
export const informs = (code: string, details: Finding['details'] = {}): Finding => ({ code, severity: 'informs', details });
export const when = (condition: boolean, finding: Finding): Finding[] => (condition ? [finding] : []);
