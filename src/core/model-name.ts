import { basename, dirname, resolve } from 'node:path';

/** A model's name: its file's without the ending, or its folder's where the file is a model.json. */
export function modelName(path: string): string {
  const file = basename(path);
  if (file === 'model.json') return basename(dirname(resolve(path)));
  return file.replace(/\.[^.]+$/, '') || 'model';
}
