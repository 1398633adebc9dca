import { useEffect, useState } from 'preact/hooks';
import { getJson } from './api.ts';

/** What was fetched: the latest answer stays while a newer one is under way. */
export interface Fetched<T> {
  readonly data: T | undefined;
  readonly error: string | undefined;
}

/**
 * Fetches JSON.
 *
 * @param version fetches anew where it changes
 * @param isWanted whether it is to be fetched at all
 */
export function useFetched<T>(
  path: string,
  query: Readonly<Record<string, string>>,
  version: string,
  isWanted = true,
): Fetched<T> {
  const address = `${path} ${JSON.stringify(query)}`;
  const [fetched, setFetched] = useState<Fetched<T> & { readonly address: string }>({
    address,
    data: undefined,
    error: undefined,
  });
  useEffect(() => {
    if (!isWanted) return;
    const controller = new AbortController();
    getJson<T>(path, query, controller.signal).then(
      (data) => setFetched({ address, data, error: undefined }),
      (error: unknown) => {
        if (!controller.signal.aborted)
          setFetched({
            address,
            data: undefined,
            error: error instanceof Error ? error.message : String(error),
          });
      },
    );
    return () => controller.abort();
  }, [address, version, isWanted]);
  return fetched.address === address ? fetched : { data: undefined, error: undefined };
}
