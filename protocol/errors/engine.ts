import { entries } from './entry.ts';

export const engineErrors = entries({});
