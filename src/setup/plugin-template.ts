import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { fileError, UserError } from '../core/errors.ts';
import { packageFile } from '../core/package-files.ts';

/** Kinds of plug-ins: the example that is the template of each, and the flag that names one. */
export const PLUGIN_TEMPLATES = {
  objective: { file: 'too-sure.js', flag: '--objective' },
  mutator: { file: 'wave.js', flag: '--mutator' },
  coverage: { file: 'extremes.js', flag: '--measure' },
  scheduler: { file: 'turns.js', flag: '--scheduler' },
} as const;
export type PluginTemplateName = keyof typeof PLUGIN_TEMPLATES;

/**
 * Writes a template of a plug-in, which works as it is.
 *
 * @param file path to write to; an existing file is never overwritten
 * @throws UserError where it can't be written
 */
export async function writePluginTemplate(kind: PluginTemplateName, file: string): Promise<void> {
  const example = packageFile(`examples/${PLUGIN_TEMPLATES[kind].file}`);
  const text = await readFile(fileURLToPath(example), 'utf8');
  try {
    await writeFile(file, text, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      throw new UserError(`${file} already exists: name another file with --out, or remove it first`);
    throw fileError(error, 'write the plug-in', file);
  }
}
