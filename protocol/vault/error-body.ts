/** How the vault refuses. /v1: exactly `{"error": …}` and the code in a header. /v2: code and facts in the body. */
import * as z from 'zod';

export const v1ErrorBody = z.strictObject({ error: z.string() });
export const v2ErrorBody = z.strictObject({
  error: z.strictObject({
    code: z.string(),
    details: z.record(z.string(), z.union([z.string(), z.number()])),
    retryAfterMs: z.int().min(0).optional(),
  }),
});
export type V2ErrorBody = z.infer<typeof v2ErrorBody>;
