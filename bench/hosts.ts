import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';

/** Runs `ip` of iproute2. */
function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' });
}

/** Whether this process is allowed to create network namespaces. */
export function canMakeHosts(): boolean {
  const name = `nf-probe-${process.pid}`;
  try {
    ip('netns', 'add', name);
    ip('netns', 'del', name);
    return true;
  } catch {
    return false;
  }
}

/**
 * A network of simulated hosts, which are network namespaces, so that their links can be cut. The first host is the
 * switch.
 */
export class Hosts {
  readonly #tag = randomBytes(2).toString('hex');
  readonly #count: number;
  readonly #running: ChildProcess[] = [];

  /** @throws if this process is not allowed to */
  constructor(count: number) {
    this.#count = count;
    const hub = this.#name(0);
    ip('netns', 'add', hub);
    ip('-n', hub, 'link', 'set', 'lo', 'up');
    ip('-n', hub, 'link', 'add', 'switch', 'type', 'bridge');
    ip('-n', hub, 'addr', 'add', `${this.address(0)}/24`, 'dev', 'switch');
    ip('-n', hub, 'link', 'set', 'switch', 'up');
    for (let host = 1; host < count; host++) {
      const name = this.#name(host);
      ip('netns', 'add', name);
      ip('-n', name, 'link', 'set', 'lo', 'up');
      ip('-n', name, 'link', 'add', 'wire', 'type', 'veth', 'peer', 'name', this.#port(host), 'netns', hub);
      ip('-n', hub, 'link', 'set', this.#port(host), 'master', 'switch', 'up');
      ip('-n', name, 'addr', 'add', `${this.address(host)}/24`, 'dev', 'wire');
      ip('-n', name, 'link', 'set', 'wire', 'up');
    }
  }

  address(host: number): string {
    return `10.77.0.${host + 1}`;
  }

  /** Starts a command on a host. */
  start(host: number, command: string, args: readonly string[]): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', this.#name(host), command, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout?.resume();
    this.#running.push(child);
    return child;
  }

  /** Cuts a host off: packets in both directions are dropped without any error. */
  cut(host: number): void {
    ip('-n', this.#name(0), 'link', 'set', this.#port(host), 'down');
  }

  mend(host: number): void {
    ip('-n', this.#name(0), 'link', 'set', this.#port(host), 'up');
  }

  /** Kills all processes on the hosts and removes the hosts. */
  async close(): Promise<void> {
    for (const child of this.#running) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = new Promise((done) => child.once('exit', done));
      child.kill('SIGKILL');
      await ended;
    }
    for (let host = 0; host < this.#count; host++) ip('netns', 'del', this.#name(host));
  }

  #name(host: number): string {
    return `nf-${this.#tag}-${host}`;
  }

  #port(host: number): string {
    return `port${host}`;
  }
}
