/** A spec that names a module: its path, and what stands around it. */
export interface ModuleSpec {
  /** `name=`, where it is for one input. */
  readonly input: string;
  readonly path: string;
  /** `key=value` pairs, without the colon before them. */
  readonly parameters: string;
}

/** Takes a spec such as `image=./own.js:amount=2` apart; undefined where it names no module. */
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
