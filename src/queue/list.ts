import { Redis } from 'ioredis';
import { checkQueue, connectionOptions, explained, type QueueAddress } from './connection.ts';
import { Keys } from './keys.ts';
import { type Machine, machinesOn } from './roster.ts';

/** The machines on a queue. @throws UserError, MachineError where that cannot be used */
export async function listMachines(address: QueueAddress, prefix: string): Promise<Machine[]> {
  await checkQueue(address, prefix);
  const redis = new Redis(connectionOptions(address));
  try {
    return await machinesOn(redis, new Keys(prefix));
  } catch (error) {
    throw explained(error, address);
  } finally {
    redis.disconnect();
  }
}
