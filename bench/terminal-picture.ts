import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import sharp from 'sharp';

/** The system's Chromium. */
const CHROMIUM = '/usr/bin/chromium';

/** Opens the browser that terminals are drawn in. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
}

/** What a terminal does with the codes that picocolors writes, by their numbers; 22 and 39 end them. */
const STYLES: Readonly<Record<string, string>> = {
  '1': 'font-weight:bold',
  '2': 'opacity:.6',
  '31': 'color:#ff7b72',
  '33': 'color:#e3b341',
};

/** Colours as elements, and everything else as text; codes that move the cursor are left out. */
export function terminalHtml(text: string): string {
  let open = 0;
  const html = text
    .replace(/[&<>]/g, (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[character] ?? '')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: codes of terminals begin with one
    .replace(/\u001b\[([?\d;]*)([A-Za-z])/g, (_, numbers: string, kind: string) => {
      if (kind !== 'm') return '';
      const style = STYLES[numbers];
      if (style !== undefined) {
        open++;
        return `<span style="${style}">`;
      }
      if (open === 0) return '';
      open--;
      return '</span>';
    });
  return `${html}${'</span>'.repeat(open)}`;
}

/**
 * Draws a terminal of so many columns.
 *
 * @param text what is on it, with the codes of picocolors
 * @param file name of the PNG file in the folder `out`
 */
export async function drawTerminal(
  browser: Browser,
  text: string,
  columns: number,
  out: string,
  file: string,
): Promise<void> {
  const page = await browser.newPage({ deviceScaleFactor: 2, viewport: { width: 1600, height: 900 } });
  const style =
    'margin:0;padding:12px 16px;display:inline-block;background:#0d1117;color:#e6edf3;white-space:pre-wrap;word-break:break-all;' +
    `width:calc(${columns}ch + 4px);font:13px/1.35 'DejaVu Sans Mono','Liberation Mono',monospace`;
  await page.setContent(`<body style="margin:0"><pre style="${style}">${terminalHtml(text)}</pre></body>`);
  const png = await page.locator('pre').screenshot();
  await sharp(png).png({ palette: true, colours: 64, compressionLevel: 9 }).toFile(join(out, file));
  await page.close();
}
