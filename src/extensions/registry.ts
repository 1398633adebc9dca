import { didYouMean, suggestName } from '../core/did-you-mean.ts';
import { UserError } from '../core/errors.ts';
import type { ParameterValues } from './parameters.ts';
import { parseSettings, type Settings, type SettingsGrammar } from './settings.ts';
import { parseExtensionSpec } from './spec.ts';

/** A kind of mutator, objective, coverage criterion, scheduler or quantizer, built in or from a plug-in. */
export interface ExtensionKind<Made, Context = undefined> extends SettingsGrammar {
  readonly name: string;
  /** One line for people. */
  readonly help: string;
  /** The paper or program that it comes from. */
  readonly source?: string;
  /** Path of the plug-in module; absent for built-in kinds. */
  readonly plugin?: string;
  /** @throws UserError if the values make no sense together */
  make(values: ParameterValues, context: Context): Made;
}

/** An extension as a spec asks for it. */
export interface ResolvedExtension<K> extends Settings {
  /** Resolves to the same kind and settings again. */
  readonly spec: string;
  readonly kind: K;
}

export interface RegistryOptions<K> {
  /** The flag whose specs are resolved, for messages. */
  readonly flag: string;
  /** Noun for a kind in messages. */
  readonly noun: string;
  readonly kinds: readonly K[];
  /** Names that are legal in place of a kind's and that the caller handles, such as groups; for suggestions. */
  readonly otherNames?: readonly string[];
  /** The command that lists them, for messages: `neurofuzz mutators`. */
  readonly listedBy?: string;
  /** The text before a kind's name in messages, as `text:` for rules of text. */
  readonly prefix?: string;
  /** Whether specs may hold `name=`, which tells several of a kind apart. */
  readonly takesName?: boolean;
  /** Message for a name that is not there; `unknown mutator x` by default. */
  describeUnknown?(name: string): string;
  /** Loads a kind from a module. Absent where modules are not taken. */
  loadPlugin?(path: string): Promise<K>;
}

/** Most names that a message about an unknown name lists in full. */
const MAX_LISTED_NAMES = 5;

/** The kinds of one sort of extension, by name, and the one way from a spec to a kind and its settings. */
export class Registry<K extends ExtensionKind<unknown, never>> {
  readonly #options: RegistryOptions<K>;

  constructor(options: RegistryOptions<K>) {
    this.#options = options;
  }

  /** The built-in kinds, in their order. */
  list(): readonly K[] {
    return this.#options.kinds;
  }

  names(): string[] {
    return this.#options.kinds.map(({ name }) => name);
  }

  /** The built-in kind of a name. */
  find(name: string): K | undefined {
    return this.#options.kinds.find((kind) => kind.name === name);
  }

  /** The kinds with their help and their parameters' defaults, for the help of a flag. */
  describe(): string {
    const kinds = this.list().map(({ name, help, parameters }) => {
      const set = parameters.flatMap((parameter) =>
        parameter.default === undefined ? [] : `${parameter.name}=${parameter.default}`,
      );
      return `${name}, ${help}${set.length === 0 ? '' : ` (${set.join(', ')})`}`;
    });
    return [...kinds, ...(this.takesPlugins ? ['or ./module.js'] : [])].join('; ');
  }

  /** Whether modules may be named in place of a kind. */
  get takesPlugins(): boolean {
    return this.#options.loadPlugin !== undefined;
  }

  /**
   * Resolves a spec such as `gaussian:sigma=0.05` or `./own.js:amount=2`, whose module it loads.
   *
   * @throws UserError on an unknown kind or parameter, a value that is not legal, or a module without such a kind
   */
  async resolve(spec: string): Promise<ResolvedExtension<K>> {
    const { name, isModule, settings } = parseExtensionSpec(spec);
    const { loadPlugin } = this.#options;
    if (!isModule || loadPlugin === undefined) return this.resolveBuiltIn(spec);
    return this.#configure(spec, await loadPlugin(name), name, settings);
  }

  /** Resolves a spec of a built-in kind. @throws UserError as `resolve`, and on a module */
  resolveBuiltIn(spec: string): ResolvedExtension<K> {
    const { name, settings } = parseExtensionSpec(spec);
    return this.#configure(spec, this.#get(name), name, settings);
  }

  /** A built-in kind with settings that stand apart from its name. @throws UserError as `resolve` */
  configure(name: string, settings: string): ResolvedExtension<K> {
    return this.#configure(`${name}:${settings}`, this.#get(name), name, settings);
  }

  #get(name: string): K {
    const kind = this.find(name);
    if (kind === undefined) throw this.#unknown(name);
    return kind;
  }

  /** Refuses a spec that is wrong, without loading a module. @throws UserError as `resolve` */
  check(spec: string): void {
    if (!(parseExtensionSpec(spec).isModule && this.takesPlugins)) this.resolveBuiltIn(spec);
  }

  #configure(spec: string, kind: K, name: string, settings: string): ResolvedExtension<K> {
    const { flag, prefix = '', takesName = false } = this.#options;
    return { spec, kind, ...parseSettings(flag, `${prefix}${name}`, kind, settings, takesName) };
  }

  #unknown(name: string): UserError {
    const { flag, noun, otherNames = [], listedBy, describeUnknown } = this.#options;
    const names = [...this.names(), ...otherNames];
    if (describeUnknown === undefined && names.length <= MAX_LISTED_NAMES) {
      const near = didYouMean(name, names);
      const alternative = this.takesPlugins ? ', or a module such as ./own.js' : '';
      const hint = near === '' ? alternative : ` (${near})`;
      return new UserError(`${flag} must be one of ${names.join(', ')}${hint}, not ${JSON.stringify(name)}`);
    }
    const description = describeUnknown?.(name) ?? `unknown ${noun} ${name}`;
    return new UserError(`${flag}: ${description}: ${suggestName(name, names, listedBy)}`);
  }
}
