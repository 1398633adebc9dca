import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, test } from '@jest/globals';
import { guardRequest, newToken } from '../../../src/view/server/request-guard.ts';

const TOKEN = newToken();
const OWN = { host: '127.0.0.1:8080' };

function answer(change: { method?: string; url?: string; headers?: IncomingHttpHeaders }): number | string {
  const guarded = guardRequest(
    { method: 'GET', url: `/${TOKEN}/api/state?a=1`, headers: OWN, ...change },
    TOKEN,
  );
  return 'status' in guarded ? guarded.status : `${guarded.path} ${guarded.query.get('a')}`;
}

test('tokens have 256 bits and differ', () => {
  expect(Buffer.from(TOKEN, 'base64url')).toHaveLength(32);
  expect(newToken()).not.toBe(TOKEN);
});

describe('a request', () => {
  test('with the token is answered, by each name of the loopback and through a tunnel', () => {
    for (const host of ['127.0.0.1:8080', 'localhost:9000', '[::1]:8080', 'LOCALHOST'])
      expect(answer({ headers: { host } })).toBe('api/state 1');
  });

  test.each([
    ['without a token', '/', 404],
    ['with another token', `/${newToken()}/`, 404],
    ['with a part of the token', `/${TOKEN.slice(1)}/`, 404],
    ['with no address', '//', 404],
  ])('%s is refused', (_, url, status) => {
    expect(answer({ url })).toBe(status);
  });

  test.each(['evil.example', 'evil.example:8080', '127.0.0.1.evil.example', 'localhost.evil.example', ''])(
    'that reached the server by the name %j is refused (DNS rebinding)',
    (host) => {
      expect(answer({ headers: { host } })).toBe(421);
    },
  );

  test.each<[string, IncomingHttpHeaders]>([
    ['its Origin', { ...OWN, origin: 'http://evil.example' }],
    ['the Origin of another port', { ...OWN, origin: 'http://127.0.0.1:9999' }],
    ['an Origin of null', { ...OWN, origin: 'null' }],
    ['Sec-Fetch-Site', { ...OWN, 'sec-fetch-site': 'cross-site' }],
  ])('to change something is refused where another page sent it, by %s', (_, headers) => {
    expect(answer({ method: 'POST', headers })).toBe(403);
  });

  test('to change something is answered where the page itself sent it', () => {
    const headers = { ...OWN, origin: 'http://127.0.0.1:8080', 'sec-fetch-site': 'same-origin' };
    expect(answer({ method: 'POST', headers })).toBe('api/state 1');
  });

  test('by another method is refused', () => {
    for (const method of ['PUT', 'DELETE', 'OPTIONS', 'TRACE']) expect(answer({ method })).toBe(405);
  });
});
