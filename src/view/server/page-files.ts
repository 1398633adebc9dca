import { readFile } from 'node:fs/promises';
import { processScript } from '../../core/package-files.ts';
import { STYLES } from '../../report/html/styles.ts';
import { VIEW_STYLES } from './styles.ts';

/** A file of the page. */
export interface PageFile {
  readonly type: string;
  readonly content: string;
}

/** Headers of every answer: nothing is loaded from elsewhere, kept, or shown within another page. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

const DOCUMENT = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>neurofuzz</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="app.css">
<script type="module" src="app.js"></script>
</head>
<body>
<div id="app"><p class="loading">Loading…</p></div>
<noscript><p class="loading">This page needs JavaScript. Without it, use neurofuzz report.</p></noscript>
</body>
</html>
`;

/** The files of the page by their paths. */
export async function readPageFiles(): Promise<ReadonlyMap<string, PageFile>> {
  const script = await readFile(processScript('view-page'), 'utf8');
  return new Map([
    ['', { type: 'text/html; charset=utf-8', content: DOCUMENT }],
    ['app.css', { type: 'text/css; charset=utf-8', content: `${STYLES}${VIEW_STYLES}` }],
    ['app.js', { type: 'text/javascript; charset=utf-8', content: script }],
  ]);
}
