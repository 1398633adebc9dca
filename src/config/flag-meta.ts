import * as z from 'zod';

/** How a setting is given on the command line; its schema tells how the flag's text is read. */
export interface FlagMeta {
  readonly flags: string;
  readonly help: string;
  /** Default shown by `--help` where the schema has none to show. */
  readonly defaultText?: string;
  /** Example of a value, for messages about one that cannot be read. */
  readonly example?: string;
}

/** Attaches a flag to a setting. */
export const withFlag = <T extends z.ZodType>(schema: T, meta: FlagMeta): T => schema.meta({ ...meta }) as T;

/** Long name of a flag, such as `--seeds`. */
export function flagName({ flags }: FlagMeta): string {
  return /--[a-z0-9-]+/.exec(flags)?.[0] ?? flags;
}

export const positiveInteger = z.int('must be a whole number').positive('must be 1 or more');
export const positiveNumber = z.number('must be a number').positive('must be above 0');
