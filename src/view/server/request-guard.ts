import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Names by which a browser on this machine reaches the server, also through a tunnel with another port. */
const LOOPBACK_NAMES: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** What the paths of requests are relative to. */
const BASE = 'http://loopback';

/** Makes the secret part of the page's address: 256 random bits. */
export function newToken(): string {
  return randomBytes(32).toString('base64url');
}

/** A request that may be answered, with its path below the token; or the status with which it is refused. */
export type GuardedRequest =
  | { readonly path: string; readonly query: URLSearchParams }
  | { readonly status: number };

/**
 * Decides whether a request comes from the page. The token keeps out other users and pages; the Host header, whose name must be of the
 * loopback, pages that had their own name lead here (DNS rebinding); and the Origin and Sec-Fetch-Site headers requests that other pages
 * send.
 */
export function guardRequest(
  { method = '', url = '', headers }: Pick<IncomingMessage, 'method' | 'url' | 'headers'>,
  token: string,
): GuardedRequest {
  const host = headers.host ?? '';
  const name = host.replace(/:\d+$/, '').toLowerCase();
  if (!LOOPBACK_NAMES.has(name)) return { status: 421 };
  if (!URL.canParse(url, BASE)) return { status: 404 };
  const { pathname, searchParams: query } = new URL(url, BASE);
  const [, given = '', ...rest] = pathname.split('/');
  if (!isSame(given, token)) return { status: 404 };
  if (method !== 'GET' && method !== 'HEAD' && method !== 'POST') return { status: 405 };
  const { origin } = headers;
  const site = headers['sec-fetch-site'];
  const isForeign =
    (origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`) ||
    site === 'cross-site' ||
    site === 'same-site';
  // A link to the page, pasted or opened by the command, comes from no page.
  if (isForeign && (method === 'POST' || origin !== undefined)) return { status: 403 };
  return { path: rest.join('/'), query };
}

/** Compares in a time that does not tell where the texts differ. */
function isSame(given: string, token: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(token)];
  return a.length === b.length && timingSafeEqual(a, b);
}
