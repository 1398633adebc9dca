import { Redis } from 'ioredis';
import { type Machine, machinesOn } from './protocol/node-registry.ts';
import { Keys } from './protocol/redis-keys.ts';
import { checkQueue, connectionOptions, explained, type QueueAddress } from './redis/connection.ts';

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
