import { open, rm } from 'node:fs/promises';
import type { ModelConfig } from '../config/schema.ts';
import { fileError, UserError } from '../core/errors.ts';
import { campaignText } from './campaign-file.ts';
import { type Inspection, inspect } from './inspect.ts';

/**
 * Writes a campaign file for a model, filled in from its inspection. The file runs as it is.
 *
 * @param file path to write to; an existing file is never overwritten
 * @throws UserError where the model can't be loaded or the file exists
 */
export async function init(config: ModelConfig, file: string): Promise<Inspection> {
  const inspection = await inspect(config);
  const text = campaignText(inspection, file, config);
  try {
    const handle = await open(file, 'wx');
    try {
      await handle.writeFile(text);
    } catch (error) {
      // Half a file would run as another campaign.
      await rm(file, { force: true });
      throw error;
    } finally {
      await handle.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new UserError(`${file} is there already: name another file with --out, or take it away first`);
    }
    throw fileError(error, 'write the campaign file', file);
  }
  return inspection;
}
