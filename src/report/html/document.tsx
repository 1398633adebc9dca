import { createHash } from 'node:crypto';
import type { ComponentChildren } from 'preact';
import { renderToString } from 'preact-render-to-string';
import { escapeControl, escapeControlInLines } from '../../core/escape-control.ts';
import { STYLES } from './styles.ts';

interface DocumentProps {
  readonly title: string;
  /** Rules after those that all pages have. */
  readonly styles?: string;
  /** The only script that the page may run. */
  readonly script?: string;
  /** What stands below the title, in the header. */
  readonly header: ComponentChildren;
  /** What follows the header. */
  readonly children: ComponentChildren;
}

/** Renders a self-contained HTML page. Wherever a name stands in it, its control characters and marks of direction are escaped. */
export function documentHtml(props: DocumentProps): string {
  return escapeControlInLines(`<!doctype html>\n${renderToString(<Document {...props} />)}\n`);
}

/** Forbids all external resources, and all scripts but the one given. */
function contentSecurityPolicy(script: string | undefined): string {
  const hash = script === undefined ? undefined : createHash('sha256').update(script).digest('base64');
  return [
    "default-src 'none'",
    'img-src data:',
    "style-src 'unsafe-inline'",
    ...(hash === undefined ? [] : [`script-src 'sha256-${hash}'`]),
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
}

/** Inserts a text without escaping; for constants of this project only. */
const verbatim = (text: string) => ({ dangerouslySetInnerHTML: { __html: text } });

function Document({ title, styles = '', script, header, children }: DocumentProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content={contentSecurityPolicy(script)} />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{escapeControl(title)}</title>
        <link rel="icon" href="data:," />
        <style {...verbatim(STYLES + styles)} />
      </head>
      <body>
        <header>
          <h1>{escapeControl(title)}</h1>
          {header}
        </header>
        {children}
        {script === undefined ? null : <script {...verbatim(script)} />}
      </body>
    </html>
  );
}
