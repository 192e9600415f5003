import { entries } from './entry.ts';

export const cliErrors = entries({});
