import { entries } from './entry.ts';

export const vaultErrors = entries({});
