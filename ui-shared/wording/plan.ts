/** A plan in words: what would run, in which order, with the values masked, and what it costs. The same on every surface. */
import type { Plan } from '@sikkerkey/protocol/local/methods.ts';
import { wordsForError } from './errors.ts';
import { safeText } from './safe-text.ts';

/** `none`, `under a second`, `about 4 s`. */
export function outageWords(seconds: number): string {
  if (seconds <= 0) return 'none';
  return seconds < 1 ? 'under a second' : `about ${Math.ceil(seconds)} s`;
}

export interface PlanWords {
  readonly title: string;
  readonly facts: readonly { readonly name: string; readonly value: string }[];
  readonly steps: readonly string[];
  readonly later: readonly string[];
  readonly findings: readonly { readonly severity: 'blocks' | 'warns' | 'informs'; readonly text: string }[];
  /** Codes of what blocks; the plan cannot run while there is one. */
  readonly blocking: readonly string[];
}

export function planWords(plan: Plan): PlanWords {
  return {
    title: `${kindWords(plan.kind)} ${plan.secretId}`,
    facts: [
      { name: 'strategy', value: strategyWords(plan.strategy) },
      { name: 'because', value: safeText(plan.why) },
      { name: 'outage', value: outageWords(plan.predictedOutageSeconds) },
      ...(plan.server === null
        ? []
        : [
            {
              name: 'server',
              value: `${safeText(plan.server.version)} · ${plan.server.sessions} sessions${plan.server.superuser ? ' · as superuser' : ''}`,
            },
          ]),
      ...(plan.tls === null ? [] : [{ name: 'tls', value: tlsWords(plan.tls) }]),
    ],
    steps: plan.statements.map(statementWords),
    later: plan.retirement.map(statementWords),
    findings: plan.findings.map((finding) => ({ severity: finding.severity, text: findingWords(finding) })),
    blocking: plan.findings.filter(({ severity }) => severity === 'blocks').map(({ code }) => code),
  };
}

/** The plan as lines for a terminal. */
export function planLines(plan: Plan): readonly string[] {
  const words = planWords(plan);
  const width = Math.max(...words.facts.map(({ name }) => name.length));
  return [
    `plan: ${words.title}`,
    ...words.facts.map(({ name, value }) => `  ${name.padEnd(width)}  ${value}`),
    ...(words.steps.length === 0 ? [] : ['', '  runs now:', ...words.steps.map((step, index) => `  ${index + 1}. ${step}`)]),
    ...(words.later.length === 0
      ? []
      : ['', '  runs once nobody holds the old password:', ...words.later.map((step, index) => `  ${index + 1}. ${step}`)]),
    ...(words.findings.length === 0 ? [] : ['', ...words.findings.map(({ severity, text }) => `  ${severityMark(severity)} ${text}`)]),
  ];
}

/** `TLS is off` is said in every view where it is so. */
export function tlsWords(mode: string): string {
  return mode === 'disable'
    ? 'OFF: the session is not encrypted'
    : mode === 'verify-full'
      ? 'verify-full'
      : `${safeText(mode)}: the server is not fully verified`;
}

function kindWords(kind: Plan['kind']): string {
  switch (kind) {
    case 'rotate':
      return 'rotate';
    case 'adopt':
      return 'put under management';
    case 'un-adopt':
      return 'give back';
    default:
      return kind satisfies never;
  }
}

function strategyWords(strategy: Plan['strategy']): string {
  switch (strategy) {
    case 'flip':
      return 'two login roles take turns (old and new password work side by side)';
    case 'single':
      return 'one login, changed in place (no overlap)';
    default:
      return strategy satisfies never;
  }
}

function statementWords({ target, text, repeatable }: Plan['statements'][number]): string {
  return `${safeText(target)}: ${safeText(text)}${repeatable ? '' : '   (never sent twice)'}`;
}

function findingWords({ code, details }: Plan['findings'][number]): string {
  const words = wordsForError(code, details);
  return `${words.title} (${words.code})${words.whatHappened === '' ? '' : `: ${words.whatHappened}`}`;
}

function severityMark(severity: 'blocks' | 'warns' | 'informs'): string {
  switch (severity) {
    case 'blocks':
      return '✖ blocks:';
    case 'warns':
      return '⚠ warns:';
    case 'informs':
      return '· note:';
    default:
      return severity satisfies never;
  }
}
