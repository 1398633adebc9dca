import { useEffect, useState } from 'preact/hooks';

/** A finding that is shown, or chosen to be compared. */
export interface Selection {
  readonly campaign: string;
  readonly signature: string;
  readonly finding: string;
}

/** What the page shows. */
export type Route =
  | { readonly kind: 'list' }
  | { readonly kind: 'campaign'; readonly campaign: string }
  | {
      readonly kind: 'fault';
      readonly campaign: string;
      readonly signature: string;
      readonly finding: string | undefined;
    }
  | { readonly kind: 'compare'; readonly selections: readonly Selection[] };

const PARTS_OF_SELECTION = 3;

/** Parses the part of an address after `#`. */
export function parseRoute(hash: string): Route {
  const [kind, ...parts] = hash
    .replace(/^#?\/?/, '')
    .split('/')
    .map(decoded);
  if (kind === 'campaign' && parts.length === 1) return { kind, campaign: parts[0] };
  if (kind === 'fault' && parts.length >= 2)
    return { kind, campaign: parts[0], signature: parts[1], finding: parts[2] };
  if (kind === 'compare') {
    const selections: Selection[] = [];
    for (let i = 0; i + PARTS_OF_SELECTION <= parts.length; i += PARTS_OF_SELECTION)
      selections.push({ campaign: parts[i], signature: parts[i + 1], finding: parts[i + 2] });
    return { kind, selections };
  }
  return { kind: 'list' };
}

export function formatRoute(route: Route): string {
  const join = (...parts: readonly string[]): string => `#/${parts.map(encodeURIComponent).join('/')}`;
  switch (route.kind) {
    case 'list':
      return '#/';
    case 'campaign':
      return join('campaign', route.campaign);
    case 'fault':
      return join(
        'fault',
        route.campaign,
        route.signature,
        ...(route.finding === undefined ? [] : [route.finding]),
      );
    case 'compare':
      return join(
        'compare',
        ...route.selections.flatMap(({ campaign, signature, finding }) => [campaign, signature, finding]),
      );
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The route of the address, which follows links and the browser's history. */
export function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const follow = () => setRoute(parseRoute(location.hash));
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  return route;
}
