/** A spec that names a module: its path, with the text before and behind it. */
export interface ModuleSpec {
  /** `name=`, where the spec is for one input; else empty. */
  readonly input: string;
  readonly path: string;
  /** `key=value` pairs, without the colon before them. */
  readonly parameters: string;
}

/** Splits a spec such as `image=./own.js:amount=2`; undefined if it names no module. */
export function parseModuleSpec(spec: string): ModuleSpec | undefined {
  const [input] = /^[^/\\:=]+=/.exec(spec) ?? [''];
  const rest = spec.slice(input.length);
  // A path may hold a colon; parameters hold an equals sign.
  const colon = rest.lastIndexOf(':');
  const end = colon > 0 && rest.includes('=', colon) ? colon : rest.length;
  const path = rest.slice(0, end);
  const isModule = /[/\\]/.test(path) || /\.[cm]?[jt]s$/.test(path);
  return isModule ? { input, path, parameters: rest.slice(end + 1) } : undefined;
}

/** A spec of an extension, split into the kind that it names and its settings. */
export interface ExtensionSpec {
  /** The kind's name, or the path of a module. */
  readonly name: string;
  readonly isModule: boolean;
  /** The text behind the colon, as `top=3`. */
  readonly settings: string;
}

/** A kind's name at the start of a spec. One letter before a colon is the drive of a path. */
const KIND_NAME = /^([a-z][a-z0-9-]+)(?::(.*))?$/s;

/**
 * Splits a spec such as `quantization:top=3` or `./own.js:bound=2`. A name comes before a path, since the text behind
 * a name's colon may look like one: `assert:a / b < 1`.
 */
export function parseExtensionSpec(spec: string): ExtensionSpec {
  const text = spec.trim();
  const [, kind, rest = ''] = KIND_NAME.exec(text) ?? [];
  if (kind !== undefined) return { name: kind, isModule: false, settings: rest };
  const module = parseModuleSpec(text);
  if (module !== undefined) return { name: module.path, isModule: true, settings: module.parameters };
  const [before = '', ...after] = text.split(':');
  return { name: before.trim(), isModule: false, settings: after.join(':') };
}
