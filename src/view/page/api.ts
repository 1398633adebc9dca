import type { DecisionRequest, JobRequest } from '../protocol.ts';
import { decodeMessage } from '../protocol.ts';

/** Fetches JSON below the address of the page. @throws Error with the server's message */
export async function getJson<T>(
  path: string,
  query: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<T> {
  return parsed<T>(await fetch(`api/${path}?${new URLSearchParams(query)}`, { signal }));
}

/** Sends a request that changes something. @throws Error with the server's message */
export async function postJson<T>(
  path: string,
  body: JobRequest | DecisionRequest | { readonly id: number },
): Promise<T> {
  const headers = { 'content-type': 'application/json' };
  return parsed<T>(await fetch(`api/${path}`, { method: 'POST', headers, body: JSON.stringify(body) }));
}

async function parsed<T>(response: Response): Promise<T> {
  const message = decodeMessage(await response.text());
  if (response.ok) return message as T;
  throw new Error((message as { readonly error?: string }).error ?? `the server answered ${response.status}`);
}
