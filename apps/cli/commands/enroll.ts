/** `enroll`: makes this machine known to a vault by a one-time token, and says what to do next. */
import type { VaultFact } from '@sikkerkey/protocol/local/state.ts';
import { successorTrouble } from '@sikkerkey/ui-shared/wording/approval.ts';
import { accessHints, approvalHint } from '../approval-hint.ts';
import type { Command } from '../command.ts';
import type { Context } from '../context.ts';
import { readSecret, secretOptions } from '../secret-input.ts';
import { factLines } from '../table.ts';

const pollMs = 1000;
const needsAttention = 6;

export const enroll: Command = {
  options: {
    'api-url': { type: 'text', placeholder: 'url', help: "the vault's address", required: true },
    name: { type: 'text', placeholder: 'name', help: 'how the vault shows this machine (default: the host name)' },
    ...secretOptions('token', 'enrollment token'),
    moved: { type: 'flag', help: 'the vault that this host knows under another address has moved to this one' },
    wait: { type: 'flag', help: 'wait until an operator has approved this machine' },
  },
  details: [
    'The token comes from `sikkerkey admin machine token`; it is valid once and for ten minutes. It is asked for on the terminal when none of its options is given.',
  ],
  run: async (input, context) => {
    const apiUrl = input.text('api-url');
    const name = input.optionalText('name');
    const token = tokenOf(await readSecret(input, context, 'token', 'enrollment token'));
    const client = await context.connect();
    let vault = await client.call(
      'identity.enroll',
      { apiUrl, token, hasMoved: input.flag('moved'), ...(name === undefined ? {} : { name }) },
      { deadlineMs: 60_000 },
    );
    if (input.flag('wait') && vault.machineState === 'pending') {
      if (!context.json) context.hint(`waiting for approval of ${vault.machineId} (Ctrl-C: approval goes on without this command)`);
      vault = await waitForDecision(context, vault);
    }
    if (context.json) context.printJson(vault);
    else tell(context, vault);
    return vault.machineState === 'denied' || vault.machineState === 'disabled' ? needsAttention : 0;
  },
};

/** A whole pasted line is accepted: the token is its last word. */
function tokenOf(text: string): string {
  return text.trim().split(/\s+/).at(-1) ?? '';
}

async function waitForDecision(context: Context, first: VaultFact): Promise<VaultFact> {
  const client = await context.connect();
  const interruption = context.terminal.interruption();
  let latest = first;
  while (latest.machineState === 'pending' && !interruption.aborted) {
    await context.clock.sleep(pollMs, interruption).catch(() => undefined);
    const { vaults } = await client.call('identity.list', {});
    latest = decisionOn(first, vaults) ?? latest;
  }
  return latest;
}

/** The machine may wait beside one that is in use until it is approved. */
function decisionOn(first: VaultFact, vaults: readonly VaultFact[]): VaultFact | undefined {
  const vault = vaults.find(({ vaultId }) => vaultId === first.vaultId);
  if (vault === undefined || vault.machineId === first.machineId) return vault;
  const { successor } = vault;
  if (successor?.machineId !== first.machineId) return undefined;
  const { machineId, machineName, fingerprint, machineState } = successor;
  return { ...vault, machineId, machineName, fingerprint, machineState };
}

function tell({ terminal, hint }: Context, vault: VaultFact): void {
  const lines = factLines(
    [
      ['machine', `${vault.machineName} (${vault.machineId})`],
      ['vault', `${vault.vaultId} at ${vault.apiUrl}`],
      ['fingerprint', vault.fingerprint],
      ['key protected by', vault.keyProtection],
      ['state', vault.machineState],
    ],
    terminal.columns,
  );
  for (const line of lines) terminal.print(line);
  const lacking = successorTrouble(vault);
  if (lacking !== null) hint(...lacking);
  if (vault.machineState !== 'pending') return;
  for (const first of accessHints(vault)) hint(...first);
  hint(...approvalHint(vault));
}
