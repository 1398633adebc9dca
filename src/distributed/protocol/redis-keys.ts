/** Default prefix of all keys. */
export const DEFAULT_PREFIX = 'neurofuzz';

/** Names of all keys. BullMQ's keys have the same prefix. */
export class RedisKeys {
  readonly prefix: string;

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  /** Set of the sessions that accept nodes. */
  get sessions(): string {
    return `${this.prefix}:sessions`;
  }

  /** Exists while the coordinator of a session is alive. */
  heartbeat(session: string): string {
    return `${this.prefix}:session:${session}:alive`;
  }

  /** Exists while the coordinator of a session may still return. */
  retention(session: string): string {
    return `${this.prefix}:session:${session}:kept`;
  }

  /** Exists for a while after the coordinator of a session has ended regularly. */
  ended(session: string): string {
    return `${this.prefix}:session:${session}:ended`;
  }

  /** Name of the BullMQ queue of shards of a session. */
  queue(session: string): string {
    return `shards-${session}`;
  }

  descriptor(session: string): string {
    return `${this.prefix}:session:${session}:descriptor`;
  }

  /** The corpus of a session: a hash of its parts by the index of their first entry. */
  entries(session: string): string {
    return `${this.prefix}:session:${session}:entries`;
  }

  results(session: string): string {
    return `${this.prefix}:session:${session}:results`;
  }

  /** One chunk of a file, by the digest of the file. */
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
