import { parse } from 'yaml';

/** A setting that stands as a comment in a campaign file that `init` wrote; undefined where there is none. */
export function guessIn(text: string, key: string): unknown {
  const lines = text.split('\n');
  const start = lines.indexOf(`# ${key}:`);
  if (start < 0) {
    const line = lines.find((candidate) => candidate.startsWith(`# ${key}: `));
    return line === undefined ? undefined : parse(line.slice(2))[key];
  }
  const end = lines.findIndex((line, i) => i > start && !line.startsWith('#   '));
  return parse(
    lines
      .slice(start, end)
      .map((line) => line.slice(2))
      .join('\n'),
  )[key];
}
