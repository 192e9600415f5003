/** `admin audit`: the audit log, newest first. */
import { instantWords } from '@sikkerkey/ui-shared/state/age.ts';
import { operatorCommand } from '../../operator-call.ts';
import { tableLines } from '../../table.ts';

export const audit = operatorCommand({
  route: 'audit',
  options: {
    limit: { type: 'number', help: 'at most this many (default 50)', min: 1, max: 200 },
    before: { type: 'number', help: 'only entries with a smaller sequence number', min: 1 },
    secret: { type: 'text', placeholder: 'id', help: 'only entries about this secret' },
  },
  body: (input) => {
    const before = input.optionalNumber('before');
    const secretId = input.optionalIdentifier('secret');
    return {
      limit: input.optionalNumber('limit') ?? 50,
      ...(before === undefined ? {} : { before }),
      ...(secretId === undefined ? {} : { secretId }),
    };
  },
  lines: ({ entries }, _input, cells) =>
    entries.length === 0
      ? ['no entries']
      : tableLines(
          ['#', 'WHEN', 'WHO', 'ACTION', 'SUBJECT', 'OUTCOME', { title: 'DETAIL', wraps: true }],
          entries.map((entry) => [
            String(entry.sequence),
            instantWords(entry.at),
            `${entry.actorKind} ${entry.actorId}`,
            entry.action,
            entry.subject ?? '-',
            entry.outcome,
            entry.detail ?? '-',
          ]),
          cells,
        ),
});
