import { entries } from './entry.ts';

export const rotationErrors = entries({});
