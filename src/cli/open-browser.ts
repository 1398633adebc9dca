import { spawn } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { makeTemporaryFolder } from '../core/atomic-file.ts';

let folder: string | undefined;

/** Whether a browser that is opened can be seen: not on a machine without a screen, in CI or over SSH. */
export function hasScreen(): boolean {
  const { CI, DISPLAY, WAYLAND_DISPLAY, SSH_CONNECTION } = process.env;
  if (CI !== undefined || SSH_CONNECTION !== undefined) return false;
  return process.platform !== 'linux' || DISPLAY !== undefined || WAYLAND_DISPLAY !== undefined;
}

/**
 * Opens an address in the user's browser. The browser gets a file of the user's own that leads there: arguments of processes can
 * be read by other users of the machine, and the address is secret.
 *
 * @param onFailure is told where no browser can be started
 */
export async function openBrowser(address: string, onFailure: (text: string) => void): Promise<void> {
  folder = await makeTemporaryFolder('view');
  const file = join(folder, 'open.html');
  const page = `<!doctype html><meta charset="utf-8"><title>neurofuzz</title><meta http-equiv="refresh" content="0; url=${address}"><a href="${address}">Open neurofuzz</a>\n`;
  await writeFile(file, page, { mode: 0o600 });
  const [command, ...args] = OPENERS[process.platform] ?? ['xdg-open'];
  const child = spawn(command, [...args, pathToFileURL(file).href], { stdio: 'ignore', detached: true });
  const failed = (): void => onFailure('no browser could be opened: open the printed address yourself');
  child.on('error', failed).on('exit', (code) => {
    if (code !== 0 && code !== null) failed();
  });
  child.unref();
}

/** Removes the file that the browser was opened with. */
export async function closeBrowserFile(): Promise<void> {
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
}

const OPENERS: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
};
