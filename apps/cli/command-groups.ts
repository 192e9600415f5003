/** What a group of commands is for, by its path: shown where a group is offered as one word. */
export const groupSummaries: Readonly<Record<string, string>> = {
  agent: 'the agents that rotate passwords on this machine',
  daemon: 'the process that runs the agents and keeps the keys',
  list: 'the secrets and vaults of this machine',
  admin: "an operator's work at the vault",
  'admin project': 'projects',
  'admin secret': 'secrets',
  'admin machine': 'machines',
  'admin grant': 'who may do what with a secret',
  'admin operator': 'other operators',
};
