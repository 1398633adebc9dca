import type { Lineage } from '../inputs/testcase.ts';
import { readJournal } from '../storage/journal.ts';
import { type Link, layOutGraph, type UnplacedBox } from './graph-location.ts';
import type { GraphView } from './view-model.ts';

/** Maximum number of findings in the tree of a fault. */
const MAX_FINDINGS = 6;

/** Index of the lineages of all testcases of a campaign. */
export class LineageIndex {
  readonly #byId: ReadonlyMap<string, Lineage>;

  private constructor(byId: ReadonlyMap<string, Lineage>) {
    this.#byId = byId;
  }

  /**
   * @param findings all findings, because minimized ones descend from others
   * @param damage receives a description of each damaged line of the journal
   */
  static async read(campaign: string, findings: readonly Lineage[], damage: string[]): Promise<LineageIndex> {
    const { lines } = await readJournal(campaign, Number.POSITIVE_INFINITY, damage);
    const lineages = [...findings, ...lines.map(({ record }) => record)];
    return new LineageIndex(new Map(lineages.map((lineage) => [lineage.id, lineage])));
  }

  /** Ids of the seeds, in the order of the journal. */
  get seedIds(): readonly string[] {
    return [...this.#byId.values()].filter(({ generation }) => generation === 0).map(({ id }) => id);
  }

  /** Lineages from the seed to a testcase, the testcase last. Ancestors missing from the corpus are left out. */
  ancestryOf(testcase: Lineage): Lineage[] {
    const ancestry: Lineage[] = [testcase];
    const seen = new Set([testcase.id]);
    for (let parent = testcase.parent; parent !== null && !seen.has(parent); ) {
      seen.add(parent);
      const lineage = this.#byId.get(parent);
      if (lineage === undefined) break;
      ancestry.unshift(lineage);
      parent = lineage.parent;
    }
    const [first] = ancestry;
    const seed = first.id === testcase.ancestor ? undefined : this.#byId.get(testcase.ancestor);
    return seed === undefined ? ancestry : [seed, ...ancestry];
  }

  /** Draws the tree of findings and their seeds. Chains of steps without a branch are drawn as one arrow. */
  treeOf(findings: readonly Lineage[]): GraphView {
    const drawn = findings.slice(0, MAX_FINDINGS);
    const ancestries = drawn.map((finding) => this.ancestryOf(finding));
    const children = childrenById(ancestries);
    const findingIds = new Set(drawn.map(({ id }) => id));
    const hasBox = (id: string, i: number): boolean =>
      i === 0 || findingIds.has(id) || (children.get(id)?.size ?? 0) > 1;
    const boxes = new Map<string, UnplacedBox>();
    const links = new Map<string, Link>();
    for (const ancestry of ancestries) {
      let last: string | undefined;
      let steps = 0;
      ancestry.forEach(({ id, generation }, i) => {
        steps++;
        if (!hasBox(id, i)) return;
        const role = findingIds.has(id) ? 'finding' : i === 0 ? 'seed' : 'between';
        boxes.set(id, {
          title: id.slice(0, 8),
          note: `${role === 'between' ? 'generation' : `${role}, generation`} ${generation}`,
          role,
        });
        if (last !== undefined)
          links.set(`${last} ${id}`, {
            from: last,
            to: id,
            label: steps === 1 ? '' : `${steps} steps`,
            role: 'around',
          });
        last = id;
        steps = 0;
      });
    }
    return layOutGraph(boxes, [...links.values()], 'LR');
  }
}

function childrenById(ancestries: readonly (readonly Lineage[])[]): Map<string, Set<string>> {
  const children = new Map<string, Set<string>>();
  for (const ancestry of ancestries)
    ancestry.forEach(({ id }, i) => {
      const ids = children.get(id) ?? new Set<string>();
      if (i + 1 < ancestry.length) ids.add(ancestry[i + 1].id);
      children.set(id, ids);
    });
  return children;
}
