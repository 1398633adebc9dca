import { Redis } from 'ioredis';
import { registeredNodes, type WorkerNode } from './protocol/node-registry.ts';
import { RedisKeys } from './protocol/redis-keys.ts';
import { checkQueue, connectionOptions, explainRedisError, type QueueAddress } from './redis/connection.ts';

/** Lists the worker nodes registered on a queue. @throws UserError, MachineError if Redis cannot be used */
export async function listNodes(address: QueueAddress, prefix: string): Promise<WorkerNode[]> {
  await checkQueue(address, prefix);
  const redis = new Redis(connectionOptions(address));
  try {
    return await registeredNodes(redis, new RedisKeys(prefix));
  } catch (error) {
    throw explainRedisError(error, address);
  } finally {
    redis.disconnect();
  }
}
