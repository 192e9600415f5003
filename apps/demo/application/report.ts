/** What the sample application tells the demo, one JSON line several times a second: counts since it began. */

export interface LoginReport {
  readonly tried: number;
  readonly failed: number;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  /** User name of the last login that worked. */
  readonly username: string | null;
  readonly version: number | null;
}

export interface PoolReport {
  readonly queries: number;
  readonly failed: number;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly version: number | null;
  readonly clients: number;
}

export interface ApplicationReport {
  readonly kind: 'report';
  readonly logins: LoginReport;
  readonly pool: PoolReport;
  /** Codes of what failed, with how often; never a message. */
  readonly failures: Readonly<Record<string, number>>;
  /** True in the last report: everything that was begun is counted. */
  readonly final: boolean;
}

/** The report of a line, or null for a line that is none. */
export function reportOf(line: string): ApplicationReport | null {
  try {
    const parsed: unknown = JSON.parse(line);
    const isReport = typeof parsed === 'object' && parsed !== null && 'kind' in parsed && parsed.kind === 'report';
    return isReport ? (parsed as ApplicationReport) : null;
  } catch {
    return null;
  }
}
