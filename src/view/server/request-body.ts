import type { IncomingMessage } from 'node:http';
import * as z from 'zod';
import { UserError } from '../../core/errors.ts';
import { DECIDED_STATES } from '../../triage/baseline.ts';

/** Maximum number of bytes of a request's body. */
const MAX_BODY_BYTES = 1 << 16;

const key = z.string().max(64);
const signature = z.string().max(512);

export const jobSchema = z.strictObject({
  kind: z.enum(['replay', 'minimize']),
  campaign: key,
  signature,
  finding: key,
});

export const cancelSchema = z.strictObject({ id: z.int() });

export const decisionSchema = z.strictObject({
  campaign: key,
  signature,
  state: z.enum(['new', ...DECIDED_STATES]),
  note: z.string(),
});

/**
 * Reads the JSON body of a request.
 *
 * @throws UserError if it is not JSON, too long, or of another form
 */
export async function readBody<T>(request: IncomingMessage, schema: z.ZodType<T>): Promise<T> {
  // A form of another page cannot send this type without being asked about it.
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? ''))
    throw new UserError('the request must have the type application/json');
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new UserError(`the request has more than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  let json: unknown;
  try {
    json = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new UserError('the request is not JSON');
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw new UserError(`the request is not valid: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
