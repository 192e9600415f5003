/** A plan in words: what would run, in which order, with the values masked, and what it costs. The same on every surface. */
import type { Plan } from '@sikkerkey/protocol/local/methods.ts';
import { wordsForError } from './errors.ts';
import { commandLines, wrapWords } from './fitted-lines.ts';
import { safeText } from './safe-text.ts';

/** `none`, `under a second`, `about 4 s`. */
export function outageWords(seconds: number): string {
  if (seconds <= 0) return 'none';
  return seconds < 1 ? 'under a second' : `about ${Math.ceil(seconds)} s`;
}

export interface FindingWords {
  readonly severity: 'blocks' | 'warns' | 'informs';
  readonly text: string;
  /** For what blocks: a command to paste, or null. */
  readonly nextStep: string | null;
}

export interface PlanWords {
  readonly title: string;
  readonly facts: readonly { readonly name: string; readonly value: string }[];
  readonly steps: readonly string[];
  readonly later: readonly string[];
  readonly findings: readonly FindingWords[];
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
              value: `${safeText(plan.server.version)} · ${plan.server.sessions} ${plan.server.sessions === 1 ? 'session' : 'sessions'}${plan.server.superuser ? ' · as superuser' : ''}`,
            },
          ]),
      ...(plan.tls === null ? [] : [{ name: 'tls', value: tlsWords(plan.tls) }]),
    ],
    steps: plan.statements.map(statementWords),
    later: plan.retirement.map(statementWords),
    findings: plan.findings.map((finding) => ({
      severity: finding.severity,
      text: findingWords(finding),
      nextStep: finding.severity === 'blocks' ? findingStep(plan.secretId, finding) : null,
    })),
    blocking: plan.findings.filter(({ severity }) => severity === 'blocks').map(({ code }) => code),
  };
}

/** The plan's paragraphs as lines; a surface that cannot show them all at once puts the findings first. */
export interface PlanParts {
  readonly facts: readonly string[];
  readonly findings: readonly (Omit<FindingWords, 'text'> & { readonly line: string })[];
  readonly now: readonly string[];
  readonly later: readonly string[];
}

export function planParts(plan: Plan): PlanParts {
  const words = planWords(plan);
  const width = Math.max(...words.facts.map(({ name }) => name.length));
  const numbered = (steps: readonly string[]): readonly string[] => {
    const digits = String(steps.length).length;
    return steps.map((step, index) => `  ${String(index + 1).padStart(digits)}. ${step}`);
  };
  return {
    facts: [`plan: ${words.title}`, ...words.facts.map(({ name, value }) => `  ${name.padEnd(width)}  ${value}`)],
    findings: words.findings.map(({ text, ...rest }) => ({ ...rest, line: `  ${severityMark(rest.severity)} ${text}` })),
    now: words.steps.length === 0 ? [] : ['  runs now:', ...numbered(words.steps)],
    later: words.later.length === 0 ? [] : ['  runs once nobody holds the old password:', ...numbered(words.later)],
  };
}

/** The plan as lines, for a terminal of `cells` or of any length; the findings stand last, right above the question. */
export function planLines(plan: Plan, cells: number | null = null): readonly string[] {
  const { facts, findings, now, later } = planParts(plan);
  const told = [facts, now, later].filter((lines) => lines.length > 0);
  const fitted = told.map((lines) => lines.flatMap((line) => wrapWords(line, cells, hangOf(line))));
  const found = findings.flatMap(({ line, nextStep }) => [...wrapWords(line, cells, hangOf(line)), ...stepLines(nextStep, cells)]);
  return [...fitted, ...(found.length === 0 ? [] : [found])].flatMap((lines, index) => (index === 0 ? lines : ['', ...lines]));
}

/** The command below a finding. */
export function stepLines(nextStep: string | null, cells: number | null): readonly string[] {
  return nextStep === null ? [] : commandLines('    next step: ', nextStep, cells);
}

/** Null where waiting, or asking for the plan or the test again, is all there is, or where nothing is held up that a word could let go on. */
export function findingStep(secretId: string, { code, details, severity }: Plan['findings'][number]): string | null {
  const { nextStep } = wordsForError(code, { secretId, ...details });
  if (nextStep === null || nextStep.startsWith('sikkerkey agent test ')) return null;
  return severity !== 'blocks' && nextStep.endsWith(' --accept-hba') ? null : nextStep;
}

/** One finding of an inspection, in the words of the plan. */
export function findingLines(finding: Plan['findings'][number], cells: number | null): readonly string[] {
  const line = `  ${severityMark(finding.severity)} ${findingWords(finding)}`;
  return wrapWords(line, cells, hangOf(line));
}

/** Where the text of a line begins: behind a number, a fact's name, or the weight of a finding. */
function hangOf(line: string): number {
  return /^ {2}(?: ?[0-9]+\. |[✖⚠·] \w+: |[a-z]+ {2,})?/.exec(line)?.[0].length ?? 2;
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
    case 'recreate-slots':
      return 'make the dropped login slots again for';
    case 'accept-server':
      return 'go on at another server with';
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
