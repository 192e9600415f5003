/** Order statistics of measured values. */

/** The value below which `fraction` of them lie (nearest rank); 0 of none. */
export function percentile(values: readonly number[], fraction: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * fraction) - 1)] ?? 0;
}

export function describeSpread(values: readonly number[]): string {
  const show = (fraction: number): string => percentile(values, fraction).toPrecision(3);
  return `p50 ${show(0.5)}, p95 ${show(0.95)}, max ${Math.max(0, ...values).toPrecision(3)}, n ${values.length}`;
}
