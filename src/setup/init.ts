import { open, rm } from 'node:fs/promises';
import { fileError, UserError } from '../core/errors.ts';
import type { LoadOptions } from '../model/model.ts';
import { campaignText } from './campaign-file.ts';
import { type Inspection, inspect } from './inspect.ts';

/**
 * Writes a campaign file for a model, with what `inspect` tells of it. It runs as it is.
 *
 * @param file where to; nothing that is there is overwritten
 * @param given how the user asked for the model to be loaded
 * @throws UserError where the model can't be loaded or the file is there already
 */
export async function init(model: string, file: string, given: LoadOptions): Promise<Inspection> {
  const inspection = await inspect(model, given);
  const text = campaignText(inspection, file, given);
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
