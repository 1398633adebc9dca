/** What keys of ours begin with, unless told. */
export const DEFAULT_PREFIX = 'neurofuzz';

/** Names of all keys. BullMQ's own begin with the same prefix. */
export class RedisKeys {
  readonly prefix: string;

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  /** Sessions of campaigns that want machines. */
  get sessions(): string {
    return `${this.prefix}:sessions`;
  }

  /** There while a session's coordinator is alive. */
  heartbeat(session: string): string {
    return `${this.prefix}:session:${session}:alive`;
  }

  /** There while it may come back. */
  retention(session: string): string {
    return `${this.prefix}:session:${session}:kept`;
  }

  /** There for a while after its coordinator has ended in order. */
  ended(session: string): string {
    return `${this.prefix}:session:${session}:ended`;
  }

  /** A session's queue of shards. */
  queue(session: string): string {
    return `shards-${session}`;
  }

  descriptor(session: string): string {
    return `${this.prefix}:session:${session}:descriptor`;
  }

  /** A session's corpus: a hash of its parts, by the first entry of each. */
  entries(session: string): string {
    return `${this.prefix}:session:${session}:entries`;
  }

  results(session: string): string {
    return `${this.prefix}:session:${session}:results`;
  }

  /** A part of a file, by the file's digest. */
  filePart(sha256: string, part: number): string {
    return `${this.prefix}:file:${sha256}:${part}`;
  }

  node(id: string): string {
    return `${this.prefix}:machine:${id}`;
  }

  get nodePattern(): string {
    return `${this.prefix}:machine:*`;
  }
}
